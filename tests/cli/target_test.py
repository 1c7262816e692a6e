#!/usr/bin/env python3
"""`mewe build --target`: each thing that the platform would not link or load is refused by a line of its own with exit code 5 and no
file left, and is what the refusal is about: the same module passes without the target. What passes has the same bytes as without.

In: EDGE_CACHE (~/.cache/mewe/edge), the folder with bin/viceroy, where it is: it then has to link each import that the table has.
Prints `ok NAME` or `not ok NAME: why`."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEWE = os.environ.get("MEWE", str(ROOT / "build/mewe"))
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
VICEROY = pathlib.Path(os.environ.get("EDGE_CACHE") or f"{CACHE}/mewe/edge") / "bin/viceroy"
ROW = re.compile(r'^\{"(\w+)", "(\w+)", "([iI]*)>([iI]*)"\},$', flags=re.M)
PACKAGE = 100_000_000
NONE, COPY = ["--strategy", "none"], ["--strategy", "copy", "--variants", "2"]

RANDOM = '(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))'
INIT = '(import "fastly_abi" "init" (func $init (param i64) (result i32)))'
STATUS = '(import "fastly_http_resp" "status_set" (func (param i32 i32) (result i32)))'
MEMORY, START = '(memory (export "memory") 1)', '(func (export "_start") (drop (call $f (i32.const 3))))'
BODY = "(func $f (param i32) (result i32) (i32.mul (i32.add (local.get 0) (i32.const 77)) (i32.const 5)))"
GOOD = INIT + STATUS + RANDOM + MEMORY + START + BODY
UNSEEDED = INIT + MEMORY + START + BODY  # WASI is what seeds
failed = 0


def report(name, why):
    global failed
    failed += bool(why)
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


def build(source, out, *args):
    return subprocess.run([MEWE, "build", str(source), "-o", str(out), "-q", *args], capture_output=True, text=True, timeout=600)


def refused(folder, name, source, line, args=NONE, control=True):
    """fastly refuses it with this in its line; `control`: without a target it passes."""
    out = folder / "out.wasm"
    r = build(source, out, "--target", "fastly", *args)
    why = ""
    if r.returncode != 5:
        why = f"exit code {r.returncode}, not 5: {r.stderr.strip()}"
    elif len(r.stderr.splitlines()) != 1 or str(source) not in r.stderr or line not in r.stderr:
        why = f"{line!r} is not in the one line: {r.stderr.strip()}"
    elif sorted(p.name for p in folder.iterdir()) != [source.name]:
        why = f"left behind: {sorted(p.name for p in folder.iterdir())}"
    report(f"refused: {name}", why)
    for target in (["--target", "wasi"], []) if control and not why else ():
        r = build(source, out, *target, *args)
        report(f"control: passes {' '.join(target) or 'without a target'}: {name}",
               r.returncode and f"exit code {r.returncode}: {r.stderr.strip()}")
        out.unlink(missing_ok=True)


def text_cases(folder):
    bad = folder / "bad.wat"
    for name, text, line, *more in [
        ("an unknown module", GOOD.replace("fastly_http_resp", "env2"), "imports env2.status_set"),
        ("an unknown function of the ABI", GOOD.replace("status_set", "status_put"), "imports fastly_http_resp.status_put"),
        ("an unknown function of WASI", GOOD.replace("random_get", "random_git"), "imports wasi_snapshot_preview1.random_git"),
        ("the WASI of before", GOOD.replace("wasi_snapshot_preview1", "wasi_unstable"), "imports wasi_unstable.random_get"),
        ("a parameter too many", GOOD.replace(STATUS, STATUS.replace("i32 i32)", "i32 i32 i32)")),
         "status_set with type iii>i, where the platform's has ii>i"),
        ("a parameter of another type", GOOD.replace("(param i64)", "(param i32)"), "init with type i>i, where the platform's has I>i"),
        ("no result", GOOD.replace(RANDOM, RANDOM.replace(" (result i32)", "")), "random_get with type ii>, where"),
        ("a memory imported", GOOD.replace(MEMORY, '(import "env" "memory" (memory 1)) (export "memory" (memory 0))'),
         "imports the memory env.memory"),
        ("a global imported", '(import "env" "g" (global i32))' + GOOD, "imports the global env.g"),
        ("a table imported", '(import "env" "t" (table 1 funcref))' + GOOD, "imports the table env.t"),
        ("no _start", GOOD.replace("_start", "start"), "exports no function _start"),
        ("a _start that gives a number", GOOD.replace(START, '(func (export "_start") (result i32) (i32.const 3))'),
         "exports _start with type >i"),
        ("a _start that is no function", GOOD.replace('(export "_start")', "") + '(global (export "_start") i32 (i32.const 0))',
         "exports no function _start"),
        ("no memory exported", GOOD.replace('(export "memory")', ""), "exports no memory by the name of memory"),
        ("a memory too large", GOOD.replace("1)", "2049)", 1), "2049 pages of memory"),
        ("a 64-bit memory", GOOD.replace('"memory") 1', '"memory") i64 1'), "64-bit memory"),
        ("two tables", GOOD + "(table 1 funcref) (table 1 funcref) (func (param externref))", "has 2 tables"),
        ("a table too large", GOOD + "(table 98766 funcref)", "98766 elements"),
        ("mewe.choose, left to the host", GOOD, "would leave mewe.choose", [*COPY, "--discriminator", "host"]),
        ("mewe.seed, left to the host", UNSEEDED, "would be left to mewe.seed", COPY),
        ("two memories", GOOD + "(memory 1)", "multi-memory", NONE, False),
        ("a shared memory", GOOD.replace('"memory") 1', '"memory") 1 1 shared'), "shared memory", NONE, False),
        ("an atomic", GOOD + "(func (atomic.fence))", "atomic", NONE, False),
        ("a tail call", GOOD + "(func (param i32) (result i32) (return_call $f (local.get 0)))", "tail call", NONE, False),
        ("an exception", GOOD + "(tag)", "exceptions", NONE, False),
    ]:
        bad.write_text(f"(module {text})")
        refused(folder, name, bad, line, *more)
    bad.unlink()


def passing(folder):
    """What passes, at the limits themselves, too: the same bytes as without a target."""
    good = folder / "good.wat"
    for name, text, *more in [
        ("a small program", GOOD, []),
        ("a program that traces", GOOD, ["--trace", "hash"]),
        ("dispatch by request", GOOD, ["--dispatch", "request"]),
        ("the guest's own imports", '(import "mewe" "choices" (func (result i64)))' + GOOD, []),
        ("a memory of 128 MiB", GOOD.replace("1)", "2048)", 1), []),
        ("a table of 98765 elements", GOOD + "(table 98765 funcref)", []),
        ("no WASI, a fixed seed", UNSEEDED, ["--discriminator", "fixed:3"]),
        ("no WASI, no choice", UNSEEDED, ["--discriminator", "none"]),
        ("no imports, no memory", START + BODY, ["--discriminator", "none"]),
        ("a name of before the ABI's", GOOD.replace(STATUS, '(import "env" "xqd_body_new" (func (param i32) (result i32)))'), []),
    ]:
        good.write_text(f"(module {text})")
        outs = []
        for target in ("fastly", "wasi", None):
            out = folder / f"{target}.wasm"
            r = build(good, out, *(["--target", target] if target else []), *COPY, *more[0])
            outs.append(out.read_bytes() if r.returncode == 0 else r.stderr.strip())
            out.unlink(missing_ok=True)
        bad = next((o for o in outs if isinstance(o, str)), "")
        report(f"passes with the same bytes: {name}", bad or (outs[0] != outs[1] or outs[1] != outs[2]) and "other bytes")
    good.unlink()


def leb5(n):
    return bytes([n & 127 | 128, n >> 7 & 127 | 128, n >> 14 & 127 | 128, n >> 21 & 127 | 128, n >> 28])


def padded(wasm, size):
    rest = size - len(wasm) - 6
    return wasm + b"\0" + leb5(rest) + b"\3pad" + bytes(rest - 4)


def sizes(folder):
    """The package's limit: an input that breaks it; and one that keeps it, whose multivariant module does not."""
    source = folder / "in.wat"
    source.write_text(f"(module {GOOD})")
    small = folder / "small.wasm"
    r = build(source, small, *NONE)
    if r.returncode:
        report("a module to fill up", r.stderr.strip())
        return
    wasm = small.read_bytes()
    small.unlink()
    source.unlink()
    large = folder / "large.wasm"
    large.write_bytes(padded(wasm, PACKAGE + 1))
    refused(folder, "a file of a byte too many", large, f"it has {PACKAGE + 1} bytes", control=False)
    large.write_bytes(padded(wasm, PACKAGE))
    refused(folder, "an output too large, of an input that is not", large, "the module made of it has", args=COPY)
    large.unlink()


def table_links():
    """Viceroy links a module that imports every function of the table by its type, and none of another type."""
    if not VICEROY.exists():
        print(f"skipped: the table of imports against Viceroy, which is not at {VICEROY} (make edge-deps installs it)")
        return
    rows = ROW.findall((ROOT / "mewe/target_fastly.h").read_text())
    names = {"i": "i32", "I": "i64"}

    def linked(rows):
        types = {letters: " ".join(names[c] for c in letters) for row in rows for letters in row[2:]}
        text = "".join(f'(import "{m}" "{n}" (func (param {types[p]}) (result {types[r]})))\n' for m, n, p, r in rows)
        with tempfile.NamedTemporaryFile("w", suffix=".wat") as f:
            f.write(f'(module {text} {MEMORY} (func (export "_start")))')
            f.flush()
            r = subprocess.run([VICEROY, "run", f.name], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
        return (r.stdout + r.stderr).strip()[-300:]

    report(f"Viceroy links all {len(rows)} functions of the table", linked(rows) or len(rows) < 300 and "the table is short")
    module, name, params, result = rows[-1]
    for what, row, says in [("one of another type", (module, name, params + "I", result), "incompatible"),
                            ("a name that is not there", (module, name + "_", params, result), "unknown import")]:
        said = linked([row])
        report(f"control: Viceroy refuses {what}", "" if says in said else said or "it links")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        text_cases(folder)
        passing(folder)
        sizes(folder)
        (folder / "in.wat").write_text(f"(module {GOOD})")
        r = build(folder / "in.wat", folder / "out.wasm", "--target", "moon")
        report("an unknown target", "" if r.returncode == 2 and "wasi, fastly" in r.stderr and len(r.stderr.splitlines()) == 1
               else f"exit code {r.returncode}: {r.stderr.strip()}")
    table_links()
    sys.exit(failed > 0)


main()
