#!/usr/bin/env python3
"""Bad input: one line on standard error, the right exit code, no output left, no crash.

Usage: badinput_test.py [MEWE]   (default build/mewe)
Prints `ok NAME` or `not ok NAME: why` for each case."""
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEWE = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MEWE", str(ROOT / "build/mewe"))
GOOD = """(module (memory 1) (export "memory" (memory 0))
 (func $f (export "f") (param i32 i32) (result i32)
  (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.xor (local.get 0) (i32.const 77)))))"""
failed = 0


def report(name, why):
    global failed
    failed += bool(why)
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


def mewe(*args, stdin=b"", **kw):
    return subprocess.run([MEWE, *map(str, args)], input=stdin, capture_output=True, timeout=120, **kw)


def trouble(r, code, left=()):
    """Why the run is not a clean refusal with this code, or an empty string."""
    lines = r.stderr.decode(errors="replace").strip().splitlines()
    if r.returncode < 0:
        return f"ended with signal {-r.returncode}: {lines[-1:]}"
    if r.returncode != code:
        return f"exit code {r.returncode}, not {code}: {lines[:2]}"
    if len(lines) != 1 and not (code == 2 and len(lines) == 2 and "--help" in lines[1]):
        return f"{len(lines)} lines on standard error: {lines[:3]}"
    if not lines[0].startswith("mewe"):
        return f"the line does not say who speaks: {lines[0]}"
    there = [str(p) for p in left if p.exists()]
    return f"left behind: {there}" if there else ""


def leb(n):
    out = b""
    while True:
        b, n = n & 127, n >> 7
        out += bytes([b | 128 * (n > 0)])
        if not n:
            return out


def section(i, body):
    return bytes([i]) + leb(len(body)) + body


HEAD = b"\0asm\1\0\0\0"
TYPES = section(1, b"\3\x60\0\0\x60\1\x7f\1\x7f\x60\1\x7f\2\x7f\x7f")


def with_body(code, types=TYPES, extra=b"", memory=section(5, b"\1\0\1")):
    body = b"\0" + code + b"\x0b"
    return HEAD + types + section(3, b"\1\0") + memory + extra + section(10, b"\1" + leb(len(body)) + body)


def refusals(good):
    yield "empty file", b"", 2
    yield "text file", b"To be, or not to be\n" * 50, 2
    yield "only the magic", b"\0asm", 2
    yield "wrong version", b"\0asm\2\0\0\0", 2
    yield "a component", b"\0asm\x0d\0\1\0", 5
    yield "malformed text", b"(module (func (i32.add))", 2
    yield "a section past the end", HEAD + b"\1\xff\xff\x03\0", 2
    yield "fails validation (a type mismatch)", with_body(b"\x41\0\x42\0\x6a\x1a"), 2
    yield "fails validation (an unknown local)", with_body(b"\x20\5\x1a"), 2
    yield "a body past its section", HEAD + TYPES + section(3, b"\1\0") + section(10, b"\1\x7f\0\x0b"), 2
    yield "multi-value block parameters", with_body(b"\x41\1\x02\1\x0b\x1a"), 5
    yield "multi-value block results", with_body(b"\x41\1\x02\2\x41\2\x0b\x1a\x1a"), 5
    yield "multi-memory", with_body(b"", memory=section(5, b"\2\0\1\0\1")), 5
    yield "shared memory", with_body(b"", memory=section(5, b"\1\3\1\2")), 5
    yield "an atomic instruction", with_body(b"\x41\0\xfe\x10\2\0\x1a", memory=section(5, b"\1\3\1\2")), 5
    yield "a tail call", with_body(b"\x12\0"), 5
    yield "relaxed SIMD", with_body(b"\xfd\x0c" + bytes(16) + b"\xfd\x0c" + bytes(16) + b"\xfd\x80\x02\x1a"), 5
    yield "an offset of more than 32 bits", with_body(b"\x42\0\x28\2\x84\x80\x80\x80\x10\x1a", memory=section(5, b"\1\4\1")), 5
    yield "a tag (exceptions)", HEAD + TYPES + section(13, b"\1\0\0"), 5
    yield "a custom section without a name", HEAD + section(0, b"\x50x"), 2
    yield "a module without functions", HEAD, 3
    deep = b"(i32.add (i32.const 1) " * 100000 + b"(i32.const 1)" + b")" * 100000
    yield "expressions nested 100,000 deep", b"(module (func (result i32) " + deep + b"))", 5
    for cut in (9, len(good) // 3, len(good) // 2, len(good) - 3):
        yield f"truncated at {cut}", good[:cut], 2


def check_refusals(tmp, good):
    for name, data, code in refusals(good):
        src, out = tmp / "in", tmp / "out.wasm"
        src.write_bytes(data)
        report(f"build refuses: {name}", trouble(mewe("build", src, "-o", out), code, [out]))
        report(f"build refuses on standard input: {name}", trouble(mewe("build", "-", "-o", out, stdin=data), code, [out]))
    for command in (["inspect"], ["run"]):
        src = tmp / "in"
        src.write_bytes(good[: len(good) // 2])
        report(f"{command[0]} refuses a truncated module", trouble(mewe(*command, src), 2))
    src = tmp / "in"
    src.write_bytes(b"nonsense")
    (tmp / "good").write_bytes(good)
    report("verify refuses nonsense", trouble(mewe("verify", tmp / "good", src), 2))


def name_sections():
    """Sections of names that are malformed, or partial, or out of place."""
    entry, name = b"\1\0\1f", lambda *subs: b"\4name" + b"".join(bytes([i]) + leb(len(b)) + b for i, b in subs)
    yield "empty", b"\4name"
    yield "a subsection past its end", b"\4name\1\x50" + entry
    yield "cut inside a name", b"\4name\1\4\1\0\x7ff"
    yield "fewer names than it says", name((1, b"\5\0\1f"))
    yield "more bytes than names", name((1, entry + b"\0\0\0"))
    yield "a huge count", name((1, b"\xff\xff\xff\xff\x0f\0\1f"))
    yield "a function that is not there", name((1, b"\1\x63\1f"))
    yield "locals of a function that is not there", name((2, b"\1\x63\1\0\1x"))
    yield "a local that is not there", name((2, b"\1\0\1\x63\1x"))
    yield "out of order", name((2, b"\1\0\1\0\1x"), (1, entry))
    yield "twice the same", name((1, entry), (1, entry))
    yield "an unknown subsection", name((77, b"whatever"))
    yield "a name that is not UTF-8", name((1, b"\1\0\2\xff\xfe"))
    yield "a name of no letters", name((1, b"\1\0\0"))
    yield "a name with zeros in it", name((1, b"\1\0\4a\0b\0"))
    yield "its own name in two bytes too many", b"\x84\x80\0name\1\x50" + entry
    yield "labels, cut", b"\4name\3\x50\1"


def check_names(tmp, good):
    """Custom sections are hints: whatever is in them, the module is built, quietly, and verified."""
    src, out = tmp / "in.wasm", tmp / "named.wasm"
    for name, body in [*name_sections(), ("no names: features", b"\x0ftarget_features\5\x2b"), ("no names: dylink", b"\6dylink\xff\xff"),
                       ("control: a good one", b"\4name\1\4\1\0\1f")]:
        for where in ("last", "first"):
            custom = section(0, body)
            src.write_bytes(good + custom if where == "last" else HEAD + custom + good[8:])
            out.unlink(missing_ok=True)
            r = mewe("build", src, "-o", out, "--variants", "2", "-q")
            why = "" if r.returncode == 0 and not r.stderr else f"build: exit code {r.returncode}: {r.stderr[-200:]}"
            r = why or mewe("verify", src, out)
            why = why or ("" if r.returncode == 0 and not r.stderr else f"verify: exit code {r.returncode}: {r.stderr[-200:]}")
            report(f"names that are malformed, {where}: {name}", why)


def check_random(tmp, good):
    """Random bytes and random changes: any exit code of ours, never a signal, never a file without exit 0 or 4."""
    rng, bad = random.Random(7), []
    src, out = tmp / "in", tmp / "out.wasm"
    for i in range(120):
        if i % 3 == 0:
            data = HEAD + rng.randbytes(rng.randrange(1, 300))
        else:
            data = bytearray(good)
            for _ in range(rng.randrange(1, 6)):
                data[rng.randrange(8, len(data))] = rng.randrange(256)
        src.write_bytes(data)
        out.unlink(missing_ok=True)
        r = mewe("build", src, "-o", out, "--variants", "2", "-q")
        if r.returncode not in (0, 2, 3, 4, 5) or (out.exists() != (r.returncode in (0, 4))):
            bad.append((i, r.returncode, r.stderr[-200:]))
    report("120 random and corrupted modules", str(bad[:2]) if bad else "")


def check_usage(tmp, good):
    src, out = tmp / "good.wasm", tmp / "out.wasm"
    src.write_bytes(good)
    for name, args, code in [
        ("unknown strategy", ["build", src, "-o", out, "--strategy", "magic"], 2),
        ("empty strategy", ["build", src, "-o", out, "--strategy", "rewrite,"], 2),
        ("unknown entry export", ["build", src, "-o", out, "--dispatch", "request", "--entry", "nowhere"], 2),
        ("unknown init export", ["build", src, "-o", out, "--init", "nowhere"], 2),
        ("no function matches", ["build", src, "-o", out, "--functions", "zz*"], 2),
        ("unknown option", ["build", src, "-o", out, "--frobnicate"], 2),
        ("unknown dispatch", ["build", src, "-o", out, "--dispatch", "never"], 2),
        ("variants out of range", ["build", src, "-o", out, "--variants", "1"], 2),
        ("a fixed seed that is no number", ["build", src, "-o", out, "--discriminator", "fixed:x"], 2),
        ("no output named", ["build", src], 2),
        ("no such input", ["build", tmp / "nothing.wasm", "-o", out], 2),
        ("a directory as input", ["build", tmp, "-o", out], 2),
        ("unknown command", ["frobnicate"], 2),
        ("unknown export to run", ["run", src, "--invoke", "nowhere"], 2),
    ]:
        report(f"usage: {name}", trouble(mewe(*args), code, [out]))


def check_outputs(tmp, good):
    src = tmp / "good.wasm"
    src.write_bytes(good)
    report("output in a folder that is not there", trouble(mewe("build", src, "-o", tmp / "no" / "out.wasm"), 2))
    report("output on a full device", trouble(mewe("build", src, "-o", "/dev/full"), 2))
    report("ledger on a full device", trouble(mewe("build", src, "-o", tmp / "x.wasm", "--ledger", "/dev/full"), 2, [tmp / "x.wasm"]))
    with open("/dev/full", "wb") as full:
        r = subprocess.run([MEWE, "inspect", src, "--json"], stdout=full, stderr=subprocess.PIPE, timeout=60)
    report("inspect to a full device", trouble(r, 2))
    limit = lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)))
    r = subprocess.run([MEWE, "build", src, "-o", tmp / "y.wasm"], capture_output=True, timeout=60, preexec_fn=limit)
    report("a disk that fills up while writing", trouble(r, 2, list(tmp.glob("y.wasm*"))))
    r = mewe("build", src, "-o", tmp / "z.wasm")
    report("control: the good module is built", "" if r.returncode == 0 and (tmp / "z.wasm").exists() else r.stderr.decode())
    before = (tmp / "z.wasm").read_bytes()
    mewe("build", tmp / "nothing", "-o", tmp / "z.wasm")
    report("a failed build leaves an older output alone", "" if (tmp / "z.wasm").read_bytes() == before else "it changed")


def check_large(tmp):
    src, out = tmp / "large", tmp / "out.wasm"
    with open(src, "wb") as f:
        f.truncate(100 << 20)
    report("100 MB of zeros", trouble(mewe("build", src, "-o", out), 2, [out]))
    src.write_bytes(HEAD + section(0, leb(4) + b"blob" + bytes(100 << 20)) + with_body(b"\x01")[8:])
    r = mewe("build", src, "-o", out)
    report("a 100 MB custom section", "" if r.returncode in (0, 3) else trouble(r, 3))
    src.unlink()


def check_interrupt(tmp, good):
    """SIGINT at many moments: either the whole output or none, and no temporary file."""
    src, bad = tmp / "good.wasm", []
    src.write_bytes(good)
    for i in range(25):
        out = tmp / f"int{i}.wasm"
        p = subprocess.Popen([MEWE, "build", src, "-o", out, "-q"], stderr=subprocess.DEVNULL)
        time.sleep(0.004 * i)
        p.send_signal(signal.SIGINT)
        p.wait(timeout=60)
        rest = [x.name for x in tmp.iterdir() if x.name.startswith(f"int{i}.wasm.")]
        if rest or (out.exists() and mewe("inspect", out).returncode != 0):
            bad.append((i, rest))
    report("SIGINT at 25 moments", str(bad) if bad else "")


def main():
    with tempfile.TemporaryDirectory() as d:
        tmp = pathlib.Path(d)
        (tmp / "good.wat").write_text(GOOD)
        r = mewe("build", tmp / "good.wat", "-o", tmp / "good.wasm", "--strategy", "none")
        report("control: text in, module out", "" if r.returncode == 0 else r.stderr.decode())
        good = (tmp / "good.wasm").read_bytes()
        check_refusals(tmp, good)
        check_usage(tmp, good)
        check_outputs(tmp, good)
        check_names(tmp, good)
        check_random(tmp, good)
        check_large(tmp)
        check_interrupt(tmp, good)
    sys.exit(failed > 0)


main()
