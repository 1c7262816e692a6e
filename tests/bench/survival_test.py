#!/usr/bin/env python3
"""What each engine leaves of bodies that are known to be equal or different, and the tables from digests with known answers."""
import csv
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import survival  # noqa: E402

MEWE = os.environ.get("MEWE", str(ROOT / "build/mewe"))
PROGRAM = str(ROOT / os.environ.get("BUILD", "build") / "bench/survival")
CRANELIFT, WINCH, V8, AARCH64 = survival.ENGINES
failed = False


def check(name, have, want):
    global failed
    failed |= have != want
    print(f"ok {name}" if have == want else f"not ok {name}: {have!r}, not {want!r}")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def must(*command):
    code, out, err = run(*command)
    if code:
        sys.exit(f"not ok {Path(command[0]).name}: {err}")
    return out


# ---- bodies with known answers ----

# Each is put in the place of a copy of the first of its group. Expected: does the body differ from that, by engine?
X, Y = "(local.get $0)", "(local.get $1)"
TABLE = "(block $d (block $c (block $b (block $a (br_table {} (local.get $0))) (return (call $g (local.get $1))))" \
        " (return (call $h (local.get $1)))) (return (i32.const 9))) (local.get $1)"
GROUPS = {
    "sum": [f"(i32.add {X} {Y})",
            ("the same body at another address", f"(i32.add {X} {Y})", (False, False, False)),
            ("y + x", f"(i32.add {Y} {X})", (True, True, False)),
            ("x - (0 - y)", f"(i32.sub {X} (i32.sub (i32.const 0) {Y}))", (False, True, True)),
            ("3x / 3 by the inverse", f"(i32.add (i32.mul (i32.mul {X} (i32.const 3)) (i32.const 0xaaaaaaab)) {Y})", (False, True, False)),
            ("a dead product", f"(drop (i32.mul {X} {Y})) (i32.add {X} {Y})", (False, True, False)),
            ("x - ~y - 1", f"(i32.sub (i32.sub {X} (i32.xor {Y} (i32.const -1))) (i32.const 1))", (True, True, True))],
    "calls": [f"(call $g {X})",
              ("the same callee", f"(call $g {X})", (False, False, False)),
              ("another callee", f"(call $h {X})", (True, True, True)),
              ("a callee from outside", f"(call $i {X})", (True, True, True))],
    "table": [TABLE.format("$a $b $c $a $d"),
              ("the same jump table", TABLE.format("$a $b $c $a $d"), (False, False, False)),
              ("a jump table in another order", TABLE.format("$b $a $c $a $d"), (True, True, True))],
    "loads": [f"(i32.add (i32.load offset=16 {X}) (i32.div_u {X} {Y}))",
              ("the same loads and traps", f"(i32.add (i32.load offset=16 {X}) (i32.div_u {X} {Y}))", (False, False, False)),
              ("a load from another place", f"(i32.add (i32.load offset=20 {X}) (i32.div_u {X} {Y}))", (True, True, True))],
}


def function(name, body):
    return f'(func ${name} (export "{name}") (param $0 i32) (param $1 i32) (result i32) {body})'


def source():
    return ('(module (import "a" "i" (func $i (param i32) (result i32))) (memory 1)'
            " (func $g (param i32) (result i32) (i32.mul (local.get 0) (i32.const 7)))"
            " (func $h (param i32) (result i32) (i32.xor (local.get 0) (i32.const 77)))"
            + "".join(function(name, group[0]) for name, group in GROUPS.items()) + ")")


def replace(wat, name, body):
    """Another body for the function of that name, in Binaryen's text, which indents a function by one space."""
    out, n = re.subn(rf"(?m)^( \(func \${re.escape(name)} [^\n]*)\n.*?^ \)$", lambda m: f"{m[1]}\n{body})", wat, flags=re.S)
    if n != 1:
        sys.exit(f"not ok {name} is in the module {n} times")
    return out


def bodies(wasm, *more):
    return list(csv.DictReader(io.StringIO(must(PROGRAM, str(wasm), *more))))


def pairs(temp):
    (temp / "in.wat").write_text(source())
    must(MEWE, "build", str(temp / "in.wat"), "-o", str(temp / "copy.wasm"), "--strategy", "copy", "--variants", "7", "-q")
    wat = must("wasm-dis", str(temp / "copy.wasm"))
    for name, (_, *group) in GROUPS.items():
        for k, (_, body, _) in enumerate(group):
            wat = replace(wat, f"{name}.mewe.{k + 1}", body)
    (temp / "pairs.wat").write_text(wat)
    must("wasm-as", str(temp / "pairs.wat"), "-g", "-o", str(temp / "pairs.wasm"))
    by = {(b["function"], int(b["place"])): b for b in bodies(temp / "pairs.wasm")}
    for name, (_, *group) in GROUPS.items():
        for k, (what, _, want) in enumerate(group):
            first, b = by[name, 0], by[name, k + 1]
            check(f"{name}: {what}", tuple(b[e] != first[e] and b[e] != "" for e in (CRANELIFT, WINCH, V8)), want)
            if b[AARCH64]:
                check(f"{name}: {what}, AArch64", b[AARCH64] != first[AARCH64], want[0])
    loads = by["loads", 0], by["loads", 2]
    check("displacements are no shape", [loads[0][f"{e}_shape"] == loads[1][f"{e}_shape"] for e in (CRANELIFT, WINCH, V8)], [True] * 3)
    check("order is shape", by["sum", 0][f"{WINCH}_shape"] == by["sum", 6][f"{WINCH}_shape"], False)


def service(temp):
    """A whole service with copies for variants: one body each on every engine; with real ones, those of the ledger."""
    raw = ROOT / "build/services/raw/release/qr_str.wasm"
    must("make", "-s", "-C", str(ROOT), str(raw.relative_to(ROOT)))
    must(MEWE, "build", str(raw), "-o", str(temp / "c.wasm"), "--strategy", "copy", "--variants", "3", "-q", "--ledger", str(temp / "c.csv"))
    got = survival.judge(survival.load([write(temp / "b.csv", must(PROGRAM, str(temp / "c.wasm"), "--ledger", str(temp / "c.csv"),
                                                                    "--service", "qr_str", "-o", str(temp / "r.csv")))]))
    dispatchers = int((got["place"] == 0).sum())
    check("copies: many dispatchers of three", (dispatchers > 50, len(got)), (True, 3 * dispatchers))
    for e in (CRANELIFT, WINCH, V8):
        check(f"copies: one body for each dispatcher, {e}", int(got[f"{e} distinct"].sum()), dispatchers)
        check(f"copies: originals differ among each other, {e}", got[got["place"] == 0][e].nunique() > dispatchers * 0.9, True)
    rows = list(csv.DictReader((temp / "r.csv").open()))
    have = {(r["runtime"], r["config"], r["metric"]): int(r["value"]) for r in rows}
    for e in (CRANELIFT, WINCH, V8):
        check(f"copies: rows, {e}", [have[e, "call", m] for m in ("dispatchers", "variants", "distinct", "distinct_shape", "preserved")],
              [dispatchers, 3 * dispatchers, dispatchers, dispatchers, 0])
        check(f"copies: rows by strategy, {e}", [have[e, "by-strategy", m] for m in ("kept", "distinct", "preserved")],
              [2 * dispatchers, 0, 0])
    check("rows say the strategy", {r["strategy"] for r in rows}, {"copy"})
    check("rows say whose code it is", {r["runtime"] for r in rows} >= {CRANELIFT, WINCH, V8} and all(r["runtime_version"] for r in rows), True)
    return temp / "c.wasm"


def write(path, text):
    path.write_text(text)
    return str(path)


def refusals(temp, wasm):
    other = write(temp / "other.csv", "ordinal,site,n,strategy,rule,reason,verdict,solver_work,survives,kept,place,idle\n"
                                      "0,0,0,rewrite,r,,proved,0,1,1,1,0\n")
    code, _, err = run(PROGRAM, str(wasm), "--ledger", other)
    check("another build's ledger", (code, "another build" in err), (2, True))
    code, _, err = run(PROGRAM, str(temp / "none.wasm"))
    check("no such module", (code, "none.wasm" in err), (2, True))
    code, out, err = run("env", "PATH=/nonexistent", PROGRAM, str(wasm))
    check("without Node its column is empty, and that is said",
          (code, "V8, x86-64: not here: there is no node" in err, {r[V8] for r in csv.DictReader(io.StringIO(out))}), (0, True, {""}))
    (temp / "node").write_text("#!/bin/sh\nexit 9\n")
    (temp / "node").chmod(0o755)
    code, out, err = run("env", f"PATH={temp}:{os.environ['PATH']}", PROGRAM, str(wasm))
    check("a Node that can't is not here", (code, "not here: node refuses" in err), (0, True))
    (temp / "node").write_text("#!/bin/sh\necho nothing >dump\necho 1 >version\n")
    code, out, err = run("env", f"PATH={temp}:{os.environ['PATH']}", PROGRAM, str(wasm))
    check("nor is one whose dump is another", (code, "not here: its dump" in err), (0, True))
    check("nothing stays behind", [p.name for p in temp.glob("mewe.*")], [])


# ---- tables ----

HEAD = "service,function,ordinal,place,body,strategy,rule," + ",".join(f"{e},{e}_shape" for e in survival.ENGINES)


def body(ordinal, place, strategy, rule, *digests, service="encrypt"):
    return f"{service},f,{ordinal},{place},{place},{strategy},{rule}," + ",".join(f"{d},{d[0] if d else ''}" for d in digests)


LINES = [body(1, 0, "original", "", "a1", "a1", "a1", ""),
         body(1, 1, "rewrite", "r", "a2", "b1", "a1", ""),
         body(1, 2, "rewrite", "s", "b1", "c1", "b1", ""),
         body(1, 3, "reorder", "t", "c1", "d1", "b1", ""),
         body(2, 0, "original", "", "a1", "a1", "a1", ""),
         body(2, 1, "reorder", "t", "a1", "b1", "b1", "")]


def line(out, first):
    return next(x.split() for x in out.splitlines() if x.startswith(first))


def tables(temp):
    ledger = write(temp / "l.csv", "strategy,rule,bytes,survives\n" + "rewrite,r,9,0\n" * 12 + "rewrite,r,9,1\n" * 4 + "rewrite,s,,0\n")
    load = lambda lines: survival.load([write(temp / "t.csv", "\n".join([HEAD, *lines]) + "\n")])  # noqa: E731
    tried = survival.candidates([ledger])
    out = survival.report(load(LINES), tried)
    check("an engine's line", line(out, "Cranelift"), "Cranelift 6 5 83.3% 4 66.7% 3 75.0%".split())
    check("an engine that folds", line(out, "V8"), "V8 6 4 66.7% 4 66.7% 3 75.0%".split())
    check("an engine that is not here", line(out, "AArch64"), "AArch64 not here - - - - - -".split())
    check("a strategy's lines, for code and for shape", [x.split() for x in out.splitlines() if x.startswith("rewrite ")][:2],
          ["rewrite 2 100.0% 100.0% 50.0% -".split(), "rewrite 2 50.0% 100.0% 50.0% -".split()])
    check("another one's", line(out, "reorder"), "reorder 2 50.0% 100.0% 50.0% -".split())
    check("candidates of a strategy", [x.split() for x in out.splitlines() if x.startswith("rewrite ")][-1], "rewrite r 16 4 25%".split())
    frame = survival.rules(survival.judge(load(LINES)), tried).set_index("rule")
    check("a rule's shares", [float(frame.loc["r", e]) for e in (CRANELIFT, WINCH, V8)], [1, 1, 0])
    check("a rule's candidates", (int(frame.loc["r", "tried"]), float(frame.loc["r", "candidates surviving"])), (16, 0.25))
    check("the best comes first", list(frame.index), ["s", "t", "r"])
    check("the order of lines does not matter", survival.report(load(LINES[::-1]), tried), out)
    spoiled = [*LINES[:-1], body(2, 1, "reorder", "t", "b1", "b1", "b1", "")]
    check("another digest shows", line(survival.report(load(spoiled), tried), "Cranelift"), "Cranelift 6 6 100.0% 5 83.3% 4 100.0%".split())
    script = [sys.executable, str(ROOT / "scripts/survival.py")]
    code, _, err = run(*script, ledger)
    check("a file of another kind", (code, "l.csv: no column" in err and "make survival" in err), (1, True))
    code, _, err = run(*script, str(temp / "t.csv"), ledger)
    check("or one among others", (code, "l.csv: no column" in err), (1, True))
    code, _, _ = run(*script, str(temp / "t.csv"), "--rules", str(temp / "rules.csv"))
    check("all rules as CSV", (code, (temp / "rules.csv").read_text().splitlines()[0]), (0, f"strategy,rule,kept,{CRANELIFT},{WINCH},{V8}"))


with tempfile.TemporaryDirectory() as folder:
    os.environ["TMPDIR"] = folder
    here = Path(folder)
    pairs(here)
    copies = service(here)
    refusals(here, copies)
    tables(here)
sys.exit(failed)
