#!/usr/bin/env python3
"""The steps: the table from planted rows, a short run of an original and its multivariant, and that the two pair. No time is asserted.

Usage: stages_test.py
Prints `ok NAME` or `not ok NAME: why` for each case."""
import pathlib
import re
import sys
import tempfile

from planted import BUILD, HEADER, MEWE, ROOT, check, ended, plant, read, run, table

RAW = BUILD / "services/raw/release"
COMPARE = "/usr/share/benchmark/compare.py"


def tables(folder):
    rows = [{"service": "s", "config": c, "phase": p, "value": v}
            for c, p, v in (("original", "read", 1000), ("original", "search", 5e6), ("call", "read", 2500))]
    plant(folder / "planted.csv", rows)
    out = table("stages", folder / "planted.csv").stdout
    check("stages: a planted ratio comes out", re.search(r"^  read +1 us +2.5 us +2\.50 \[2\.50, 2\.50\]$", out, flags=re.M), out)
    check("stages: what the original alone has stands alone", re.search(r"^  search +5 ms$", out, flags=re.M), out)
    plant(folder / "lone.csv", rows[2:])
    r = table("stages", folder / "lone.csv")
    check("stages: no original is an error", r.returncode != 0 and "original" in r.stderr, r.stderr)


def short_runs(folder):
    original, multivariant = folder / "original.wasm", folder / "multivariant.wasm"
    run(MEWE, "build", RAW / "bin2base64.wasm", "-o", original, "--strategy", "none", "-q")
    run(MEWE, "build", RAW / "bin2base64.wasm", "-o", multivariant, "--variants", 3, "-q")
    names = {}
    for config, module in (("original", original), ("call", multivariant)):
        rows = folder / f"{config}.csv"
        r = run(BUILD / "bench/stages", "bin2base64", config, original, module, rows, "--benchmark_repetitions=2",
                "--benchmark_min_time=0.001", f"--benchmark_out={folder}/{config}.json")
        check(f"stages: {config} runs", r.returncode == 0, r.stderr)
        got = read(rows)
        names[config] = {x["phase"] for x in got}
        check(f"stages: {config}: rows have the schema's columns, two for each step",
              list(got[0]) == HEADER and len(got) == 2 * len(names[config]), str(len(got)))
    check("stages: the multivariant's are the original's but for the pipeline",
          names["original"] - names["call"] == {"search", "choose", "emit"} and names["call"] < names["original"], str(names))
    r = run(sys.executable, COMPARE, "--no-color", "benchmarks", folder / "original.json", folder / "call.json")
    pairs = {m for m in re.findall(r"^([a-z-]+)/real_time +[-+]", r.stdout, flags=re.M)}
    check("stages: Google Benchmark's compare.py pairs them", pairs == names["call"], f"{pairs} {r.stderr[-300:]}")


def refusals(folder):
    other = folder / "other.wasm"
    run(MEWE, "build", RAW / "invert.wasm", "-o", other, "--strategy", "none", "-q")
    r = run(BUILD / "bench/stages", "bin2base64", "call", other, folder / "multivariant.wasm", folder / "x.csv",
            "--benchmark_repetitions=2", "--benchmark_min_time=0.001", "--benchmark_filter=verify|read")
    check("stages: another service's original is not verified, and nothing is told", r.returncode == 1 and "verify: " in r.stderr
          and not (folder / "x.csv").exists(), f"{r.returncode} {r.stderr}")
    r = run(BUILD / "bench/stages", "x", "call", ROOT / "nowhere.wasm", other, folder / "x.csv")
    check("stages: a module that is not there", r.returncode == 2 and "nowhere.wasm" in r.stderr, r.stderr)


def main():
    with tempfile.TemporaryDirectory() as temp:
        folder = pathlib.Path(temp)
        tables(folder)
        short_runs(folder)
        refusals(folder)
    ended()


main()
