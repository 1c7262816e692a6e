#!/usr/bin/env python3
"""What one choice costs: the table from planted rows, and rows from a short run. No time is asserted.

Usage: choice_test.py
Prints `ok NAME` or `not ok NAME: why` for each case."""
import pathlib
import re
import tempfile

from planted import BUILD, HEADER, check, ended, plant, read, run, table

PLANTED = {"original": 2, "original-again": 2, "request-chacha": 3.5, "call-chacha-still": 4.25, "call-chacha": 13.25,
           "call-wasi": 302, "site-none": 2.125}


def planted(path, times):
    plant(path, [{"runtime": "wasmtime-cranelift", "service": "choice", "config": c, "value": t} for c, t in times.items()])


def tables(folder):
    over, under = folder / "over.csv", folder / "under.csv"
    planted(over, PLANTED)
    planted(under, {**PLANTED, "call-chacha": 7.5})
    out = table("choice", over).stdout
    cost = re.findall(r"^  chacha +([\d.]+) \[.*?\] +([\d.]+) \[", out, flags=re.M)
    check("choice: planted costs come out", cost == [("11.25", "1.50")], out)
    check("choice: ... those of others in their columns", re.search(r"^  wasi +300\.00 \[", out, flags=re.M) and
          re.search(r"^  none {25,}0\.12 \[", out, flags=re.M), out)
    parts = dict(re.findall(r"^    (branch|draw|miss) +([\d.]+) \[", out, flags=re.M))
    check("choice: the parts are what was planted", parts == {"branch": "1.50", "draw": "0.75", "miss": "9.00"}, str(parts))
    check("choice: the noise stands beside", re.search(r"^  again +-?0\.00 \[-0\.\d\d, 0\.\d\d\]", out, flags=re.M), out)
    check("choice: over the target FAILS", re.search(r"^target: .*: 11\.25 \[.*\]: FAILS$", out, flags=re.M), out)
    out = table("choice", under).stdout
    check("choice: under the target holds", re.search(r"^target: .*: 5\.50 \[.*\]: holds$", out, flags=re.M), out)
    lone = folder / "lone.csv"
    planted(lone, {"call-chacha": 13})
    r = table("choice", lone)
    check("choice: nothing to compare with is an error", r.returncode != 0 and "without dispatch" in r.stderr, r.stderr)


def short_run(folder):
    rows, json = folder / "rows.csv", folder / "rows.json"
    wanted = ["original", "original-again", "call-chacha", "call-chacha-still", "request-chacha", "site-none", "call-host"]
    only = "|".join(f"{w}$" for w in wanted)
    r = run(BUILD / "bench/choice", rows, f"--benchmark_filter=/({only})", "--benchmark_repetitions=3", "--benchmark_min_time=0.001",
            f"--benchmark_out={json}")
    check("choice: runs", r.returncode == 0, r.stderr)
    got = read(rows)
    check("choice: rows have the schema's columns", list(got[0]) == HEADER, str(got[:1]))
    for engine in ("wasmtime-cranelift", "wasmtime-winch"):
        count = {w: len([x for x in got if x["runtime"] == engine and x["config"] == w and float(x["value"]) > 0]) for w in wanted}
        check(f"choice: {engine}: three rows for each loop", set(count.values()) == {3}, str(count))
    modules = {x["config"]: x["module"] for x in got}
    check("choice: the loops are different modules, but for the original's",
          len(set(modules.values())) == len(wanted) - 1 and modules["original"] == modules["original-again"], str(modules))
    check("choice: Google Benchmark's JSON is there", '"repetition_index"' in json.read_text(), "")
    r = run(BUILD / "bench/choice", folder / "none.csv", "--benchmark_filter=nothing")
    check("choice: no benchmark, no rows", r.returncode == 1 and not (folder / "none.csv").exists(), str(r.returncode))


def main():
    with tempfile.TemporaryDirectory() as temp:
        folder = pathlib.Path(temp)
        tables(folder)
        short_run(folder)
    ended()


main()
