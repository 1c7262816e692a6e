#!/usr/bin/env python3
"""Say on what the rows were measured, as JSON: the machine, and the version of everything that decides a number.

In:  this machine; build/mewe. Out: standard output. Holds: what can't be found out is null, and no name of a host or user is in it."""
import json
import os
import pathlib
import platform
import re
import subprocess
from importlib import metadata

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGES = ["gcc", "clang-19", "lld-19", "wasi-libc", "binaryen", "libzydis-dev", "libsodium-dev", "libqrencode-dev", "libsqlite3-dev",
            "libc6"]


def said(*command):
    """What a command says, or None where it is not there or fails."""
    try:
        r = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
        return r.stdout.strip() or None
    except (OSError, subprocess.CalledProcessError):
        return None


def read(path):
    try:
        return pathlib.Path(path).read_text().strip()
    except OSError:
        return None


def processor(field):
    m = re.search(rf"^{field}\s*: (.*)$", read("/proc/cpuinfo") or "", re.M)
    return m and m[1]


def memory_mib():
    m = re.search(r"^MemTotal:\s+(\d+) kB", read("/proc/meminfo") or "", re.M)
    return m and int(m[1]) // 1024


def pinned(name):
    """The version that scripts/deps.sh names."""
    m = re.search(rf"^{name}=(\S+)$", read(ROOT / "scripts/deps.sh") or "", re.M)
    return m and m[1]


def main():
    changed = said("git", "status", "--porcelain", "--untracked-files=no")
    print(json.dumps({
        "processor": processor("model name"), "cores": os.cpu_count(), "mhz": processor("cpu MHz"), "cache": processor("cache size"),
        "hypervisor": "hypervisor" in (processor("flags") or ""), "memory_mib": memory_mib(),
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "clock": read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "kernel": platform.release(), "system": platform.freedesktop_os_release().get("PRETTY_NAME"),
        "commit": said("git", "rev-parse", "HEAD"), "changed_since": bool(changed), "mewe": said("build/mewe", "--version"),
        "z3": pinned("Z3_VERSION"), "wasmtime": pinned("WASMTIME_VERSION"), "node": said("node", "--version"),
        "python": platform.python_version(),
        "python_packages": {d.metadata["Name"]: d.version for d in sorted(metadata.distributions(), key=lambda d: d.metadata["Name"])},
        "packages": {p: said("dpkg-query", "-W", "-f", "${Version}", p) for p in PACKAGES},
    }, indent=1))


if __name__ == "__main__":
    main()
