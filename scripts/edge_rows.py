"""What all that measure edge nodes share: options, what a driver says, what is the same for all rows of a file, progress.

In:  a driver (bench/edge/NAME); modules, by a form with {service} and {config}. Out: rows (rows.py), and lines on standard error.
Holds: what ends the run ends it with one line; rows of a run that was stopped are not written."""
import argparse
import pathlib
import signal
import subprocess
import sys
import time

from rows import CANT, ROOT, digest, machine, read, run_name, write  # noqa: F401: for who measures nodes


def die(code, text):
    print(f"edge: {text}", file=sys.stderr)
    sys.exit(code)


def ask_driver(driver, *words):
    """What the driver prints, or the end with its reason."""
    try:
        r = subprocess.run([driver, *words], capture_output=True, text=True, check=False, cwd=ROOT)
    except OSError as e:
        die(2, f"{driver}: {e.strerror}: name a program in bench/edge")
    lines = r.stdout.strip().splitlines()
    if r.returncode == CANT:
        die(2, lines[0] if lines else f"{driver} can't, and does not say why")
    if r.returncode != 0 or (not lines and words[0] == "version"):
        die(2, f"{driver} {words[0]}: exit code {r.returncode}: {(r.stderr or r.stdout).strip()[-300:]}")
    return lines[0] if lines else ""


def fixed(driver, version, profile, service, config, module):
    """What is the same for all rows of one service in one configuration."""
    original = config in ("original", "aa")
    name = pathlib.Path(driver).name
    return {"run": run_name(), "machine": machine(), "runtime": name,
            "runtime_version": version.replace(",", " "), "platform": name, "service": service, "profile": profile, "input": "paper",
            "build": "original" if original else "multivariant", "config": config,
            "strategy": "none" if original else "rewrite+reorder", "seed": "", "module": digest(module)}


def options(description):
    """A parser of what all of them are asked; SIGTERM ends them as it should, with what they have started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--driver", default=str(ROOT / "bench/edge/viceroy"))
    p.add_argument("--profile", required=True)
    p.add_argument("--service", action="append", required=True)
    p.add_argument("--config", action="append", required=True)
    p.add_argument("--module", required=True, help="the modules' paths, with {service} and {config}")
    return p


def module_of(a, service, config, target):
    """The module's path; `aa` is the original a second time. The target of `make` that builds it."""
    module = a.module.format(service=service, config="original" if config == "aa" else config)
    if not pathlib.Path(module).exists():
        die(2, f"{module} is not there: make {target} builds it")
    return module


def measure(a, what, total, one):
    """Write the rows that one(a, service, version, progress) gives of each service: all or none. total: of its progress."""
    version = ask_driver(a.driver, "version")
    progress = Progress(f"edge: {what}", total)
    try:
        write(a.out, [r for s in a.service for r in one(a, s, version, progress)])
    except KeyboardInterrupt:
        print(f"\nedge: stopped; no {what} were written", file=sys.stderr)
        sys.exit(130)


class Progress:
    """How far it is and how long it still takes, on standard error: on a terminal as it goes, else a line now and then."""

    def __init__(self, what, total, every=30):
        self.what, self.total, self.done, self.began = what, total, 0, time.monotonic()
        self.every, self.said, self.tty = every, time.monotonic(), sys.stderr.isatty()

    def add(self, n, at=""):
        self.done += n
        now = time.monotonic()
        if now - self.said < (0.2 if self.tty else self.every) and self.done < self.total:
            return
        self.said = now
        left = (now - self.began) * (self.total - self.done) / max(1, self.done)
        text = f"{self.what}: {self.done:,} of {self.total:,} ({100 * self.done // max(1, self.total)}%), {clock(left)} to go {at}"
        print(f"\r\033[K{text}" if self.tty else text, end="" if self.tty and self.done < self.total else "\n", file=sys.stderr, flush=True)


def clock(seconds):
    m, s = divmod(int(seconds + 0.5), 60)
    return f"{m // 60}:{m % 60:02}:{s:02}" if m >= 60 else f"{m}:{s:02}"
