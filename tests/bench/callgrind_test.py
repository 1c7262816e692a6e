#!/usr/bin/env python3
"""Instructions of a request: counted again they are the same, a planted loop is seen as often as it turns, and the table's ratios.

Usage: callgrind_test.py
Prints `ok NAME` or `not ok NAME: why` for each case."""
import pathlib
import re
import tempfile

from planted import BUILD, HEADER, MEWE, check, ended, plant, read, run, table

# A service that answers after so many turns of an empty loop.
SERVICE = """(module (memory (export "memory") 1)
 (func (export "output") (result i32) (i32.const 0))
 (func $work (param i32) (result i32) (local $n i32) (local.set $n (i32.const {turns}))
  (loop $next (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (i32.const 1))
 (func (export "serve") (param i32) (result i32) (call $work (local.get 0))))"""


def planted_loops(folder):
    modules = {"original": 1000, "more": 2000, "most": 3000}
    for name, turns in modules.items():
        text = folder / f"{name}.wat"
        text.write_text(SERVICE.format(turns=turns))
        run(MEWE, "build", text, "-o", folder / f"{name}.wasm", "--strategy", "none", "-q")
    run(MEWE, "build", folder / "original.wat", "-o", folder / "call.wasm", "--strategy", "copy", "--functions", "work", "--variants", 4,
        "--discriminator", "fixed:0", "-q")
    rows = folder / "rows.csv"
    r = run(BUILD / "bench/instructions", "planted", rows, *(f"{n}={folder}/{n}.wasm" for n in [*modules, "call"]))
    check("callgrind: counts", r.returncode == 0, r.stderr)
    if r.returncode != 0:
        return
    got = read(rows)
    count = {n: [float(x["value"]) for x in got if x["config"] == n] for n in [*modules, "call"]}
    check("callgrind: rows have the schema's columns", list(got[0]) == HEADER and {x["metric"] for x in got} == {"instructions"},
          str(got[0]))
    check("callgrind: counted again it is the same", all(len(v) == 2 and v[0] == v[1] for v in count.values()), str(count))
    more, most = count["more"][0] - count["original"][0], count["most"][0] - count["more"][0]
    check("callgrind: 1000 turns more are seen, each of at least two instructions", more >= 2000, str(count))
    check("callgrind: and the next 1000 count as much", more == most and more % 1000 == 0, str(count))
    check("callgrind: a dispatcher costs a few instructions", 0 < count["call"][0] - count["original"][0] < 1000, str(count))


def main():
    with tempfile.TemporaryDirectory() as temp:
        folder = pathlib.Path(temp)
        planted_loops(folder)
        rows = [{"service": "s", "config": c, "metric": "instructions", "value": v} for c, v in (("original", 2000), ("call", 5000))]
        plant(folder / "same.csv", rows, repetitions=2, spread=0)
        out = table("callgrind", folder / "same.csv").stdout
        check("callgrind: a planted ratio comes out", re.search(r"^s +2000 +5000 +2\.50$", out, flags=re.M), out)
        check("callgrind: the same again holds", out.endswith(": 2 of 2: holds\n"), out)
        plant(folder / "other.csv", rows, repetitions=2, spread=1)
        out = table("callgrind", folder / "other.csv").stdout
        check("callgrind: another count the second time FAILS", out.endswith(": 0 of 2: FAILS\n"), out)
        r = run(BUILD / "bench/instructions", "x", folder / "x.csv", f"original={folder}/nowhere.wasm")
        check("callgrind: a module that is not there", r.returncode == 2 and "nowhere.wasm" in r.stderr and not (folder / "x.csv").exists(),
              r.stderr)
    ended()


main()
