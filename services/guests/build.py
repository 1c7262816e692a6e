#!/usr/bin/env python3
"""build.py - a Fastly project's module, by the commands of its own fastly.toml.

Usage: build.py PROJECT OUT MEWE
In:    a folder with a fastly.toml that has [scripts] build and post_build; the program that post_build calls as `mewe`.
Out:   OUT, the project as it is after `build` and then `post_build`; what lies in bin/main.wasm before the latter is kept as
       OUT/original.wasm; and OUT/traced.wasm is made from that by post_build's options and --trace hash. A line says what each
       took: seconds, peak memory, bytes, and bytes by gzip.
Must hold: what is built is what the Fastly CLI builds: the same commands, in the same order, with the same environment."""
import gzip
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
import tomllib

TOOL = {"go": "go", "javascript": "npm"}  # by a manifest's language


def run(what, command, folder, env):
    """Run the command there; its seconds, and the memory of its largest process, in MiB."""
    print(f"guest   {what}: {command}", file=sys.stderr, flush=True)
    start = time.monotonic()
    process = subprocess.Popen(["sh", "-c", command], cwd=folder, env=env, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{folder}: `{command}` failed; see above")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def sizes(path):
    data = path.read_bytes()
    return f"{len(data)} bytes, {len(gzip.compress(data, 6, mtime=0))} by gzip"


def main():
    project, out, mewe = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
    manifest = tomllib.loads((project / "fastly.toml").read_text())
    scripts, tool = manifest["scripts"], TOOL[manifest["language"]]
    if not shutil.which(tool):
        sys.exit(f"{project.name}: {tool} is not installed, which builds this project: install it and run again")
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / "bin", ignore_errors=True)
    shutil.copytree(project, out, dirs_exist_ok=True)
    (out / "bin").mkdir()
    env = {**os.environ, **dict(v.split("=", 1) for v in scripts.get("env_vars", [])), "PATH": f"{mewe.parent}:{os.environ['PATH']}"}
    wasm, original, traced = out / "bin/main.wasm", out / "original.wasm", out / "traced.wasm"
    if (out / "package-lock.json").exists():
        run("dependencies", "npm ci --ignore-scripts --no-audit --no-fund --loglevel=error", out, env)
    took, peak = run("build", scripts["build"], out, env)
    print(f"{project.name}: build {took:.1f} s, peak {peak:.0f} MiB, {sizes(wasm)}", flush=True)
    shutil.copyfile(wasm, original)
    took, peak = run("post_build", scripts["post_build"], out, env)
    print(f"{project.name}: post_build {took:.1f} s, peak {peak:.0f} MiB, {sizes(wasm)}", flush=True)
    words = shlex.split(scripts["post_build"])
    words[words.index("bin/main.wasm")] = original.name
    words[words.index("bin/main.wasm")] = traced.name
    took, _ = run("traced", shlex.join([*words, "--trace", "hash"]), out, env)
    print(f"{project.name}: traced {took:.1f} s", flush=True)


if __name__ == "__main__":
    main()
