#!/usr/bin/env python3
"""The discriminators: chi-square and serial tests over a million choices each, of modules built by mewe and run by Node.

Usage: stats_test.py [MEWE]   (default build/mewe)
Prints `ok NAME` or `not ok NAME: why` for each case. The seeds are fixed, so the outcome is always the same. A statistic
passes when it is neither too large nor too small for chance: 1 in 10,000 on either side."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from scipy.stats import chi2

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEWE = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MEWE", str(ROOT / "build/mewe"))
DRAWS = 1_000_000
TAIL = 1e-4
WAT = """(module (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
 (memory (export "memory") 1)
 (func $f (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
 (func (export "one") (result i32) (call $f (i32.const 1))))"""
# Two dispatchers: in a request, their choices are a pair.
TWO = WAT.replace('(func (export "one")', '(func $g (result i32) (i32.const 7)) (func (export "one")').replace(
    "(call $f (i32.const 1))", "(i32.add (call $f (i32.const 1)) (call $g))")


def build(folder, discriminator, n, dispatch, wat=WAT):
    source, module = folder / "in.wat", folder / "out.wasm"
    source.write_text(wat)
    subprocess.run([MEWE, "build", source, "-o", module, "-q", "--strategy", "copy", "--functions", "[fg]", "--variants", str(n),
                    "--trace", "full", "--discriminator", discriminator, "--dispatch", dispatch], check=True)
    return module


def draws(module, n, seed, bias=""):
    out = subprocess.run(["node", ROOT / "tests/stats/draws.mjs", module, str(n), str(DRAWS), str(seed), *([bias] if bias else [])],
                         check=True, stdout=subprocess.PIPE).stdout
    got = json.loads(out)
    assert sum(got["single"]) == DRAWS and sum(got["pairs"]) == DRAWS // 2
    return got


def p_values(counts):
    """How likely so large, and so small, a chi-square statistic is when all are equally likely."""
    mean = sum(counts) / len(counts)
    x = sum((c - mean) ** 2 / mean for c in counts)
    return chi2.sf(x, len(counts) - 1), chi2.cdf(x, len(counts) - 1)


failed = 0


def check(name, counts, fair=True):
    global failed
    large, small = p_values(counts)
    good = (min(large, small) >= TAIL) == fair
    failed += not good
    print(f"ok {name}" if good else f"not ok {name}: p {large:.3g}, from the other side {small:.3g}", flush=True)


def main():
    with tempfile.TemporaryDirectory() as temp:
        folder = pathlib.Path(temp)
        for n in (2, 3, 7, 16, 100):
            for dispatch in ("call", "request"):
                for discriminator in ("chacha", "fixed:0", "xorshift", "wasi"):
                    got = draws(build(folder, discriminator, n, dispatch), n, n)
                    check(f"{discriminator} n={n} {dispatch}: chi-square", got["single"])
                    check(f"{discriminator} n={n} {dispatch}: pairs", got["pairs"])
        for n in (3, 16):
            for discriminator in ("chacha", "xorshift"):
                got = draws(build(folder, discriminator, n, "request", TWO), n, n)
                check(f"{discriminator} n={n}: pairs of two dispatchers of a request", got["pairs"])
        for n in (3, 100):
            module = build(folder, "host", n, "call")
            check(f"control n={n}: a modulo bias is seen", draws(module, n, n, "modulo")["single"], fair=False)
            sticky = draws(module, n, n, "sticky")
            check(f"control n={n}: a generator that tends to stay is even", sticky["single"])
            check(f"control n={n}: and is seen by its pairs", sticky["pairs"], fair=False)
            check(f"control n={n}: a counter is too even", draws(module, n, n, "counter")["single"], fair=False)
    return failed != 0


sys.exit(main())
