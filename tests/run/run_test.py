#!/usr/bin/env python3
"""mewe run: streams, exit codes, traps, one export with arguments, and choices replayed, forced and told.

Usage: run_test.py [MEWE]   (default build/mewe)
Prints `ok NAME` or `not ok NAME: why` for each case."""
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEWE = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MEWE", str(ROOT / "build/mewe"))
failed = 0


def check(name, good, why=""):
    global failed
    failed += not good
    print(f"ok {name}" if good else f"not ok {name}: {why}", flush=True)


def mewe(*args, stdin=b"", **kw):
    kw = {"stdout": subprocess.PIPE, **kw}
    return subprocess.run([MEWE, *map(str, args)], input=stdin, stderr=subprocess.PIPE, timeout=120, **kw)


def refused(name, r, *words, code=2):
    """The run ended before the guest spoke, with one line that holds these words."""
    line = r.stderr.decode()
    check(name, r.returncode == code and not r.stdout and line.count("\n") == 1 and all(w in line for w in words),
          f"exit code {r.returncode}: {line[:200]!r}")


def wasi(name, params, result=""):
    return f'(import "wasi_snapshot_preview1" "{name}" (func ${name} (param {params}){result}))'


READ = wasi("fd_read", "i32 i32 i32 i32", " (result i32)")
WRITE = wasi("fd_write", "i32 i32 i32 i32", " (result i32)")
EXIT = wasi("proc_exit", "i32")

# Standard input to standard output, then exit code 7; the exit code is WASI's error number when writing fails.
CAT = f"""(module {READ} {WRITE} {EXIT} (memory (export "memory") 1)
 (func (export "_start") (local $e i32)
  (loop $l
   (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 5000))
   (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
   (i32.store (i32.const 4) (i32.load (i32.const 8)))
   (local.set $e (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
   (if (local.get $e) (then (call $proc_exit (local.get $e))))
   (br_if $l (i32.load (i32.const 8))))
  (call $proc_exit (i32.const 7))))"""

# Its arguments, each with its NUL, to standard output.
ARGS = f"""(module {WRITE} {wasi("args_sizes_get", "i32 i32", " (result i32)")} {wasi("args_get", "i32 i32", " (result i32)")}
 (memory (export "memory") 1)
 (func (export "_start")
  (drop (call $args_sizes_get (i32.const 0) (i32.const 4))) (drop (call $args_get (i32.const 1024) (i32.const 2048)))
  (i32.store (i32.const 8) (i32.const 2048)) (i32.store (i32.const 12) (i32.load (i32.const 4)))
  (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))"""

EXPORTS = """(module
 (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
 (func (export "long") (param i64) (result i64) (local.get 0))
 (func (export "half") (param f32 f64) (result f32 f64) (f32.mul (local.get 0) (f32.const 0.5)) (f64.mul (local.get 1) (f64.const 0.5)))
 (func $deep (export "trap") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
 (func (export "nothing")))"""

# A guest of which every function can be diversified, and which draws eight times a call.
GUEST = """(module (memory (export "memory") 1)
 (func $leaf (param i32) (result i32) (i32.xor (i32.mul (local.get 0) (i32.const 5)) (i32.const 99)))
 (func $twice (param i32) (result i32) (i32.add (call $leaf (local.get 0)) (call $leaf (i32.add (local.get 0) (i32.const 1)))))
 (func (export "f") (param i32) (result i32) (i32.sub (call $twice (local.get 0)) (call $twice (i32.const 3)))))"""


def streams(d):
    (d / "cat.wat").write_text(CAT)
    for name, data in (("nothing", b""), ("every byte", bytes(range(256)) * 3), ("300,000 bytes", os.urandom(300000))):
        r = mewe("run", d / "cat.wat", stdin=data)
        check(f"{name} through a guest", r.returncode == 7 and r.stdout == data and not r.stderr, f"exit code {r.returncode}")
    with open("/dev/full", "wb") as full:
        r = mewe("run", d / "cat.wat", stdin=b"x", stdout=full)
    check("a full disk is the guest's to handle", r.returncode == 51, f"exit code {r.returncode}: {r.stderr[:200]}")
    for gigabytes, code in ((12, 7), (3, 4)):
        r = mewe("run", d / "cat.wat", stdin=b"x", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (gigabytes << 30,) * 2))
        check(f"with {gigabytes} GB of address space", r.returncode == code and r.stderr.count(b"\n") == (code == 4),
              f"exit code {r.returncode}: {r.stderr[:200]}")
    (d / "args.wat").write_text(ARGS)
    r = mewe("run", d / "args.wat", "one", "--", "two words", "--three")
    want = [str(d / "args.wat"), "one", "two words", "--three", ""]
    check("a command has its arguments", r.returncode == 0 and r.stdout.decode().split("\0") == want, repr(r.stdout[:200]))


def exports(d):
    (d / "x.wat").write_text(EXPORTS)
    f = d / "x.wat"
    for name, args, want in (("two numbers", ("add", 40, 2), "42\n"), ("hexadecimal", ("add", "0xffffffff", "0x80000000"), "2147483647\n"),
                             ("negative numbers", ("add", "--", "-2147483648", "-1"), "2147483647\n"),
                             ("a long number", ("long", "--", "-9223372036854775808"), "-9223372036854775808\n"),
                             ("fractions", ("half", "3", "0.2"), "1.5\n0.10000000000000001\n"), ("no values", ("nothing",), "")):
        r = mewe("run", f"--invoke={args[0]}", f, *args[1:])
        check(f"--invoke with {name}", r.returncode == 0 and r.stdout.decode() == want, f"{r.stdout!r} {r.stderr[:200]!r}")
    refused("a number too large", mewe("run", "--invoke", "add", f, "4294967296", "1"), "4294967296", "i32")
    refused("a number too small", mewe("run", "--invoke", "add", f, "--", "-2147483649", "1"), "i32")
    refused("no number", mewe("run", "--invoke", "add", f, "1x", "1"), "1x")
    refused("an argument too few", mewe("run", "--invoke", "add", f, "1"), "'add'", "2 arguments")
    refused("an export that is not there", mewe("run", "--invoke", "nope", f), "'nope'")
    refused("no command", mewe("run", f), "--invoke")
    r = mewe("run", "--invoke", "trap", f, 0)
    line = r.stderr.decode()
    check("a trap is exit code 134 and one line", r.returncode == 134 and line.count("\n") == 1 and "function deep" in line
          and "divide by zero" in line, f"exit code {r.returncode}: {line[:200]!r}")
    (d / "start.wat").write_text('(module (func $s unreachable) (start $s) (func (export "_start")))')
    r = mewe("run", d / "start.wat")
    check("so is one in the start function", r.returncode == 134 and b"unreachable" in r.stderr, f"exit code {r.returncode}")
    (d / "import.wat").write_text('(module (import "env" "f" (func)) (func (export "_start")))')
    refused("an import that nobody gives", mewe("run", d / "import.wat"), "env")


def build(d, name, *flags):
    out = d / f"{name}.wasm"
    r = mewe("build", d / "guest.wat", "-o", out, "-q", "--strategy", "copy", "--variants", "4", *flags)
    check(f"build {name}", r.returncode == 0, r.stderr[:300])
    return out


def call(f, *flags, x=5):
    """The result and the trace as text."""
    r = mewe("run", "--invoke", "f", *flags, f, x)
    return r.stdout.decode().strip() if r.returncode == 0 else f"exit code {r.returncode}", r.stderr.decode()


def choices(trace):
    return [line.split()[1:] for line in trace.splitlines() if line.startswith("choose ")]


def replays(d):
    (d / "guest.wat").write_text(GUEST)
    want, _ = call(d / "guest.wat")
    fixed, five = build(d, "fixed", "--discriminator", "fixed:1", "--trace", "full"), build(d, "five", "--discriminator", "fixed:5", "--trace", "full")
    seeded = build(d, "seeded", "--trace", "full")  # no WASI in the guest: its seed is an import
    host = build(d, "host", "--discriminator", "host", "--trace", "full")
    for name, f in (("fixed", fixed), ("imported seed", seeded), ("host", host)):
        runs = [call(f, "--seed", s, "--trace") for s in (5, 5, 6, 7, 8)]
        check(f"{name}: the result is the original's", all(r[0] == want for r in runs), f"{runs[0][0]}, not {want}")
        check(f"{name}: a seed replays the whole trace", runs[0] == runs[1] and len(choices(runs[0][1])) == 7, runs[0][1][:300])
        check(f"{name}: other seeds choose otherwise", len({r[1] for r in runs}) > 2, "the traces are equal")
    check("a seed is what fixed:SEED is", call(fixed, "--seed", 5, "--trace") == call(five, "--trace"), "the traces differ")
    check("without a seed fixed repeats itself", call(fixed, "--trace") == call(fixed, "--trace"), "it does not")
    free = {call(seeded, "--trace")[1] for _ in range(8)}
    check("without a seed an imported one is random", len(free) > 1, "eight runs chose the same")
    zero = choices(call(host, "--trace")[1])
    check("without a seed the host chooses the original", zero and all(k == "0" for _, k in zero), repr(zero))
    for name, flag in (("name", "leaf=2"), ("ordinal", "0=2")):
        result, trace = call(host, "--trace", "--choose", flag)
        got = choices(trace)
        check(f"a choice is forced by {name}", result == want and all(k == ("2" if f == "leaf" else "0") for f, k in got) and
              ["leaf", "2"] in got, repr(got))
    both = choices(call(host, "--trace", "--seed", 5, "--choose", "twice=3")[1])
    alone = choices(call(host, "--trace", "--seed", 5)[1])
    check("a forced choice leaves the seeded ones as they are",
          [c for c in both if c[0] != "twice"] == [c for c in alone if c[0] != "twice"] and ["twice", "3"] in both, repr(both))
    refused("a choice of too large a number", mewe("run", "--invoke", "f", "--choose", "leaf=4", host, 5), "4 bodies")
    refused("a choice for no dispatcher", mewe("run", "--invoke", "f", "--choose", "nope=1", host, 5), "nope=1")
    refused("a choice that is no number", mewe("run", "--invoke", "f", "--choose", "leaf=x", host, 5), "leaf=x")
    refused("choices where none are asked for", mewe("run", "--invoke", "f", "--choose", "leaf=1", fixed, 5), "--discriminator host")
    refused("a seed that reaches nothing", mewe("run", "--invoke", "f", "--seed", 1, d / "guest.wat", 5), "--discriminator")
    refused("a trace that is not there", mewe("run", "--invoke", "f", "--trace", d / "guest.wat", 5), "--trace")
    hashes = build(d, "hashes", "--discriminator", "fixed:5", "--trace", "hash")
    tail = [line for line in call(five, "--trace")[1].splitlines() if not line.startswith(("enter", "choose"))]
    check("hash and full tell the same hashes", call(hashes, "--trace")[1].splitlines() == tail and len(tail) == 3, repr(tail))


def main():
    with tempfile.TemporaryDirectory() as t:
        d = pathlib.Path(t)
        streams(d)
        exports(d)
        replays(d)
    sys.exit(failed != 0)


main()
