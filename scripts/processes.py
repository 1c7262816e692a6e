#!/usr/bin/env python3
"""Time whole processes: each service by each runtime, from the start of the process to its end.

Usage: processes.py [--runtimes FOLDER] [--rounds N] [--runs N] [--service NAME]... [--only RUNTIME]... -o FILE.csv
In:  bench/runtimes/NAME, a driver each: `NAME version` prints the runtime's version, `NAME command SERVICE CONFIG MODULE` the command
     that runs it. Exit code 3: it can't, and what it printed is the reason. build/services, as `make services` leaves it.
Out: rows time_ns, phase `process`, of each process by the clock: hyperfine takes short rounds, in each the commands in another order.
Holds: nothing is timed whose answer is not the native program's; what is left out is named, with the reason. Exit: 0; 1 when an
     answer is another; 2 for what is missing."""
import argparse
import json
import pathlib
import platform
import random
import shlex
import shutil
import subprocess
import sys
import tempfile

from rows import CANT, ROOT, digest, machine, run_name, write

SERVICES = pathlib.Path("build/services")
MODULES = {"original": "{}.wasm", "call": "{}.multivariant.wasm"}
DRAWS = ("random",)  # its answers are its own each time: only their length can be compared


def die(code, text):
    print(f"processes: {text}", file=sys.stderr)
    sys.exit(code)


def ask(driver, *words):
    """What the driver prints, and whether it can."""
    r = subprocess.run([driver, *words], capture_output=True, text=True, check=False, cwd=ROOT)
    if r.returncode not in (0, CANT) or not r.stdout.strip():
        die(2, f"{driver.name} {words[0]}: exit code {r.returncode}: {(r.stderr or r.stdout).strip()}")
    return r.stdout.strip().splitlines()[0], r.returncode == 0


def answer(command):
    r = subprocess.run(shlex.split(command), stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=ROOT)
    return r.stdout if r.returncode == 0 else None


def drivers(folder, only):
    """Version by driver, of those that can; the others are named."""
    able = {}
    for driver in sorted(pathlib.Path(folder).resolve().iterdir()):
        if only and driver.name not in only:
            continue
        said, can = ask(driver, "version")
        if can:
            able[driver] = said
        else:
            print(f"processes: {driver.name} is left out: {said}", file=sys.stderr)
    return able


def commands(able, services):
    """What is timed: (driver, service, config, module) by command. All answers have been compared."""
    out = {}
    for service in services:
        native = answer(str(SERVICES / "native" / service))
        if native is None:
            die(2, f"{SERVICES}/native/{service} does not answer: make services")
        for config, form in MODULES.items():
            module = SERVICES / form.format(service)
            if not (ROOT / module).exists():
                die(2, f"{module} is not there: make services")
            for driver in able:
                command, can = ask(driver, "command", service, config, str(module))
                if not can:
                    continue
                got = answer(command)
                if got is None or (len(got) != len(native) if service in DRAWS else got != native):
                    die(1, f"{driver.name}: {service}, {config}: its answer is not the native program's")
                out[command] = (driver, service, config, module)
    return out


def hyperfine(order, runs):
    """Seconds of each run, by command."""
    with tempfile.NamedTemporaryFile(suffix=".json") as f:
        r = subprocess.run(["hyperfine", "-N", "--style", "none", "--runs", str(runs), "--export-json", f.name, *order],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=ROOT)
        if r.returncode != 0:
            die(2, f"hyperfine: {r.stderr.strip()}")
        return {x["command"]: x["times"] for x in json.load(f)["results"]}


def rows_of(what, able, run):
    driver, service, config, module = what
    native = driver.name == "native"
    file = ROOT / (SERVICES / "native" / service if native else module)
    return {"run": run, "machine": machine(), "runtime": driver.name, "runtime_version": able[driver],
            "platform": f"process-{platform.system()}-{platform.machine()}", "service": service, "profile": "release", "input": "valid",
            "build": "original" if config == "original" else "multivariant", "config": config,
            "strategy": "none" if config == "original" else "rewrite+reorder", "seed": "",
            "module": digest(file), "node": 0, "phase": "process", "metric": "time_ns"}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--runtimes", default=str(ROOT / "bench/runtimes"))
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--service", action="append", required=True)
    p.add_argument("--only", action="append")
    p.add_argument("-o", dest="out", required=True)
    a = p.parse_args()
    if not shutil.which("hyperfine"):
        die(2, "hyperfine is not installed: make processes installs it")
    able = drivers(a.runtimes, a.only)
    what = commands(able, a.service)
    if not what:
        die(2, "there is no runtime to be timed")
    run = run_name()
    fixed = {c: rows_of(w, able, run) for c, w in what.items()}
    rows, rng, order = [], random.Random(0), list(what)
    for k in range(a.rounds):
        rng.shuffle(order)
        for command, times in hyperfine(order, a.runs).items():
            rows += [{**fixed[command], "iteration": k * a.runs + i, "value": f"{t * 1e9:.0f}"} for i, t in enumerate(times)]
    write(a.out, rows)


main()
