#!/usr/bin/env python3
"""What one choice costs: the table from planted rows, and rows from a short run. No time is asserted.

Usage: choice_test.py
Prints `ok NAME` or `not ok NAME: why` for each case."""
import csv
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
HEADER = ("run,machine,runtime,runtime_version,platform,service,profile,input,build,config,strategy,seed,module,node,phase,"
          "iteration,metric,value").split(",")
failed = 0


def check(name, good, why=""):
    global failed
    failed += not good
    print(f"ok {name}" if good else f"not ok {name}: {why}", flush=True)


def planted(path, times, runtime="wasmtime-cranelift"):
    """Rows of 9 repetitions around each time, in an order that favours none."""
    with open(path, "w", newline="", encoding="utf-8") as f:
        w = csv.DictWriter(f, HEADER, restval="")
        w.writeheader()
        for i in range(9):
            for config, ns in times.items():
                w.writerow({"runtime": runtime, "service": "choice", "config": config, "phase": "execute", "iteration": i,
                            "metric": "time_ns", "value": ns + 0.01 * ((i * 5) % 9 - 4)})


def table(*files):
    return subprocess.run([sys.executable, ROOT / "scripts/bench.py", "choice", *files], capture_output=True, text=True, check=False)


PLANTED = {"original": 2, "original-again": 2, "request-chacha": 3.5, "call-chacha-still": 4.25, "call-chacha": 13.25,
           "call-wasi": 302, "site-none": 2.125}


def tables(folder):
    over, under = folder / "over.csv", folder / "under.csv"
    planted(over, PLANTED)
    planted(under, {**PLANTED, "call-chacha": 7.5})
    out = table(over).stdout
    cost = re.findall(r"^  chacha +([\d.]+) \[.*?\] +([\d.]+) \[", out, flags=re.M)
    check("choice: planted costs come out", cost == [("11.25", "1.50")], out)
    check("choice: ... those of others in their columns", re.search(r"^  wasi +300\.00 \[", out, flags=re.M) and
          re.search(r"^  none {25,}0\.12 \[", out, flags=re.M), out)
    parts = dict(re.findall(r"^    (branch|draw|miss) +([\d.]+) \[", out, flags=re.M))
    check("choice: the parts are what was planted", parts == {"branch": "1.50", "draw": "0.75", "miss": "9.00"}, str(parts))
    check("choice: the noise stands beside", re.search(r"^  again +-?0\.00 \[-0\.\d\d, 0\.\d\d\]", out, flags=re.M), out)
    check("choice: over the target FAILS", re.search(r"^target: .*: 11\.25 \[.*\]: FAILS$", out, flags=re.M), out)
    out = table(under).stdout
    check("choice: under the target holds", re.search(r"^target: .*: 5\.50 \[.*\]: holds$", out, flags=re.M), out)
    lone = folder / "lone.csv"
    planted(lone, {"call-chacha": 13})
    r = table(lone)
    check("choice: nothing to compare with is an error", r.returncode != 0 and "without dispatch" in r.stderr, r.stderr)


def run(folder):
    rows, json = folder / "rows.csv", folder / "rows.json"
    wanted = ["original", "original-again", "call-chacha", "call-chacha-still", "request-chacha", "site-none", "call-host"]
    only = "|".join(f"{w}$" for w in wanted)
    r = subprocess.run([BUILD / "bench/choice", rows, f"--benchmark_filter=/({only})", "--benchmark_repetitions=3",
                        "--benchmark_min_time=0.001", f"--benchmark_out={json}"], capture_output=True, text=True, check=False)
    check("choice: runs", r.returncode == 0, r.stderr)
    with open(rows, newline="", encoding="utf-8") as f:
        got = list(csv.DictReader(f))
    check("choice: rows have the schema's columns", list(got[0]) == HEADER, str(got[:1]))
    for engine in ("wasmtime-cranelift", "wasmtime-winch"):
        count = {w: len([x for x in got if x["runtime"] == engine and x["config"] == w and float(x["value"]) > 0]) for w in wanted}
        check(f"choice: {engine}: three rows for each loop", set(count.values()) == {3}, str(count))
    modules = {x["config"]: x["module"] for x in got}
    check("choice: the loops are different modules, but for the original's",
          len(set(modules.values())) == len(wanted) - 1 and modules["original"] == modules["original-again"], str(modules))
    check("choice: Google Benchmark's JSON is there", '"repetition_index"' in json.read_text(), "")
    r = subprocess.run([BUILD / "bench/choice", folder / "none.csv", "--benchmark_filter=nothing"], capture_output=True, check=False)
    check("choice: no benchmark, no rows", r.returncode == 1 and not (folder / "none.csv").exists(), str(r.returncode))


def main():
    with tempfile.TemporaryDirectory() as temp:
        folder = pathlib.Path(temp)
        tables(folder)
        run(folder)
    return failed != 0


sys.exit(main())
