#!/usr/bin/env python3
"""What `mewe inspect` and `mewe verify` print, on a small command that is built here.

Usage: inspect_test.py [MEWE]   (default build/mewe)
Prints `ok NAME` or `not ok NAME: why` for each check."""
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEWE = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MEWE", str(ROOT / "build/mewe"))
# _start calls mix three times and then sum: the entries are _start mix mix mix sum.
WAT = """(module (memory (export "memory") 1) (global $x (mut i32) (i32.const 1))
 (func $mix (param i32 i32) (result i32)
  (i32.xor (i32.mul (local.get 0) (local.get 1)) (i32.add (local.get 1) (i32.const 77))))
 (func $sum (param i32) (result i32) (i32.add (i32.mul (local.get 0) (i32.const 5)) (global.get $x)))
 (func $idle (export "idle") (result i32) (i32.add (global.get $x) (i32.const 1)))
 (func $_start (export "_start")
  (global.set $x (call $mix (call $mix (i32.const 3) (i32.const 4)) (call $mix (global.get $x) (i32.const 9))))
  (global.set $x (call $sum (global.get $x)))))"""
failed = 0


def check(name, good, why):
    global failed
    failed += not good
    print(f"ok {name}" if good else f"not ok {name}: {why}", flush=True)


def mewe(*args, stdin=b""):
    return subprocess.run([MEWE, *map(str, args)], input=stdin, capture_output=True, timeout=300)


def equal(name, got, want):
    check(name, got == want, f"{got!r}, not {want!r}")


def build(tmp, name, *args):
    out = tmp / f"{name}.wasm"
    r = mewe("build", tmp / "t.wat", "-o", out, "-q", "-j1", *args)
    if r.returncode:
        sys.exit(f"not ok build {args}: {r.stderr.decode().strip()}")
    return out


def inspect(path, *args, stdin=b""):
    r = mewe("inspect", path, "--json", *args, stdin=stdin)
    if r.returncode:
        sys.exit(f"not ok inspect {path.name}: {r.stderr.decode().strip()}")
    return json.loads(r.stdout)


def counts(tmp):
    full = build(tmp, "full", "--strategy", "copy", "--variants", 3, "--trace", "full", "--functions", "[ms]*")
    still, ran = inspect(full), inspect(full, "--input", "-")
    equal("dispatchers, by ordinal", [(d["name"], d["index"], d["variants"]) for d in ran["dispatchers"]], [("mix", 0, 3), ("sum", 1, 3)])
    equal("copies are one machine code", [(d["distinct"], d["distinct_shape"]) for d in ran["dispatchers"]], [(1, 1)] * 2)
    equal("strategies are named", [d["strategies"] for d in ran["dispatchers"]], [["copy"]] * 2)
    equal("nothing is executed without an input", [d["executed"] for d in still["dispatchers"]], [None] * 2)
    check("no paths without an input", "paths_paper" not in still and "paths_exact_log2" not in still, "there are")
    equal("calls of each dispatcher", [d["executed"] for d in ran["dispatchers"]], [3, 1])
    equal("the paper's paths: (3 + 1) * (3 + 1)", ran["paths_paper"], 16)
    check("the choices taken together: 4 log2 3", abs(ran["paths_exact_log2"] - 4 * math.log2(3)) < 1e-6, ran["paths_exact_log2"])
    names = ("executed_functions", "executed_dispatchers", "executed_non_dispatchers", "executed_variants", "executed_variants_paper")
    equal("#F, #D, #Non-D, #V both ways", [ran[n] for n in names], [3, 2, 1, 6, 8])
    equal("the trace: 5 functions, 4 bodies", (ran["trace_length"], ran["choices"]), (9, 4))
    equal("the ways through the call graph: _start to mix or sum, of 3 bodies each; idle", ran["paths_static_log10"], round(math.log10(7), 6))
    check("and so without an input, and without dispatchers 10^0.4771", still["paths_static_log10"] == ran["paths_static_log10"]
          and inspect(tmp / "t.wat")["paths_static_log10"] == round(math.log10(3), 6), inspect(tmp / "t.wat")["paths_static_log10"])
    equal("every function is listed", len(ran["defined"]), ran["functions"])
    text = mewe("inspect", full, "--input", "-").stdout.decode()
    check("the text says the same", "#F 3, #D 2, #Non-D 1, #V 6 (8 " in text and "16 as the paper counts" in text, text[-300:])
    return full


def refusals(tmp, full):
    off = build(tmp, "off", "--strategy", "copy", "--variants", 2)
    r = mewe("inspect", off, "--input", "-")
    line = r.stderr.decode().strip()
    check("an input needs a trace", r.returncode == 2 and "--trace full" in line and "\n" not in line, (r.returncode, line))
    named = full.read_bytes()
    other = tmp / "other.wasm"
    other.write_bytes(named.replace(b'"strategy":"copy"', b'"strategy":["cop"'))
    equal("a hint that is no JSON tells nothing", {d["strategies"] for d in inspect(other)["dispatchers"]}, {"unknown"})
    other.write_bytes(named.replace(b'"strategy":"copy"', b'"strategy":"c\\nx"'))
    equal("nor does a name that is no word", {d["strategies"] for d in inspect(other)["dispatchers"]}, {"unknown"})
    odd = tmp / os.fsdecode(b"\xff.wasm")
    odd.write_bytes(named)
    equal("a file name that is no text", (inspect(odd)["file"], inspect(odd)["functions"]), (None, inspect(full)["functions"]))
    plain = build(tmp, "none", "--strategy", "none")
    equal("no dispatchers in a build without", inspect(plain)["dispatchers"], [])


def verified(tmp):
    real = build(tmp, "real", "--variants", 4, "--seed", 3)
    dispatchers = inspect(real)["dispatchers"]
    check("variants of the default strategies", len(dispatchers) > 0, "there are none")
    equal("all bodies are different machine code", [d["distinct"] for d in dispatchers], [d["variants"] for d in dispatchers])
    r = mewe("verify", tmp / "t.wat", real, "--json")
    found = json.loads(r.stdout)
    equal("and are proved", (r.returncode, found["verdict"], found["differences"], found["unproved"]), (0, "proved", [], []))
    equal("each of them", [(d["name"], d["proved"]) for d in found["dispatchers"]], [(d["name"], d["variants"]) for d in dispatchers])
    (tmp / "changed.wat").write_text(WAT.replace("i32.const 5", "i32.const 6"))
    r = mewe("verify", tmp / "changed.wat", real, "--json")
    found = json.loads(r.stdout)
    names = {d["function"].split(".")[0] for d in found["differences"]}
    equal("another original is refuted where it differs", (r.returncode, found["verdict"], names), (1, "different", {"sum"}))
    check("the solver's work is told", found["solver_work"] > 0, found)
    r = mewe("verify", tmp / "changed.wat", real)
    check("in the text, too", f"\nsolver: {found['solver_work']} units of work\n" in r.stdout.decode(), r.stdout.decode()[-300:])
    last = r.stdout.decode().strip().splitlines()[-1]
    check("the last line sums up", last.startswith("different: 4 functions"), last)


with tempfile.TemporaryDirectory() as d:
    work = pathlib.Path(d)
    (work / "t.wat").write_text(WAT)
    refusals(work, counts(work))
    verified(work)
sys.exit(failed > 0)
