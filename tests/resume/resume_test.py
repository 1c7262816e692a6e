#!/usr/bin/env python3
"""A build that is killed again and again, and goes on: the same bytes in the end, and nothing that was found is lost.

RESUME (8): how often it is killed; 50 takes a minute or two. SEED (1): of the moments."""
import contextlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEWE = os.environ.get("MEWE", str(ROOT / "build/mewe"))
RAW = ROOT / "build/services/raw/release"
KILLS = int(os.environ.get("RESUME", "8"))
failed = False


def check(name, good, why=""):
    global failed
    failed |= not good
    print(f"ok {name}" if good else f"not ok {name}: {why}", flush=True)


def command(module, out, cache, *more):
    return [MEWE, "build", str(module), "-o", f"{out}.wasm", "--ledger", f"{out}.csv", "--cache", str(cache), "-q", *more]


def build(*args):
    return subprocess.run(command(*args), stderr=subprocess.PIPE, text=True)


def files(out):
    return [Path(f"{out}.{k}").read_bytes() for k in ("wasm", "csv")]


def rows(cache):
    """How many proofs the cache holds, or why it is broken: asked of a copy, so that the next build finds what the kill left, and
    mends it by itself."""
    copy = cache.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for f in cache.parent.glob(cache.name + "*"):
        shutil.copy(f, copy)
    with contextlib.closing(sqlite3.connect(copy / cache.name)) as db:
        state = db.execute("PRAGMA integrity_check").fetchone()[0]
        if state != "ok":
            return state
        there = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'proof'").fetchone()[0]
        return db.execute("SELECT count(*) FROM proof").fetchone()[0] if there else 0


def killed_builds(temp, module, seconds):
    """Kills so many builds, each at a random moment of the time that one takes. Where one ends before, the next begins with an
    empty cache, so that kills come at all stages. Returns for each cache what it held after each kill, what is wrong with
    outputs that are there, and the last cache."""
    held, wrong, rng, want = [[]], [], random.Random(int(os.environ.get("SEED", "1"))), files(temp / "plain")
    for _ in range(20 * KILLS):
        cache, out = temp / f"killed{len(held)}.db", temp / "out/killed"
        for k in ("wasm", "csv"):
            Path(f"{out}.{k}").unlink(missing_ok=True)
        p = subprocess.Popen(command(module, out, cache), stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            p.wait(seconds * rng.random())
            if p.returncode != 0 or files(out) != want:
                wrong.append(f"exit code {p.returncode} or another result with cache {len(held)}")
            held.append([])
            continue
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
        p.wait()
        held[-1].append(rows(cache))
        wrong += [f"{k} in part" for k, w in zip(("wasm", "csv"), want) if (f := Path(f"{out}.{k}")).exists() and f.read_bytes() != w]
        if sum(map(len, held)) == KILLS:
            break
    return held, wrong, cache


def resume(temp, module):
    (temp / "out").mkdir()
    start = time.monotonic()
    build(module, temp / "plain", "none")
    seconds = time.monotonic() - start
    held, wrong, cache = killed_builds(temp, module, seconds)
    flat = [n for one in held for n in one]
    check(f"{KILLS} kills, with {len(held)} caches", len(flat) == KILLS, f"only {len(flat)}: the builds were done before")
    check("the cache is whole after each", all(isinstance(n, int) for n in flat), str(held))
    check("what was found is not lost", all(one == sorted(one, key=lambda n: n if isinstance(n, int) else -1) for one in held), str(held))
    check("some of it was there already", any(flat), str(held))
    check("whatever output is there is whole and right", not wrong, str(wrong))
    # A kill between the making of a temporary file and its renaming leaves that file: nothing can clean up after SIGKILL.
    before = {x.name for x in (temp / "out").iterdir()} - {"killed.wasm", "killed.csv"}
    check("a kill leaves at most the temporary file of an output", all(re.fullmatch(r"killed\.(wasm|csv)\..{6}", x) for x in before), str(before))
    r = build(module, temp / "out/killed", cache)
    check("then it finishes", r.returncode == 0, r.stderr)
    check("with the bytes and the ledger of an undisturbed build", files(temp / "out/killed") == files(temp / "plain"), "they differ")
    left = {x.name for x in (temp / "out").iterdir()} - before
    check("and leaves nothing else", left == {"killed.wasm", "killed.csv"}, str(left))


def alone(temp, module):
    """Killed without its workers, which have to notice."""
    p = subprocess.Popen(command(module, temp / "alone", "none", "--jobs", "2"), stderr=subprocess.DEVNULL, start_new_session=True)
    children = Path(f"/proc/{p.pid}/task/{p.pid}/children")
    while p.poll() is None and not (workers := children.read_text().split()):
        time.sleep(0.01)
    check("a build has workers", p.returncode is None and len(workers) > 0, "it was done without")
    p.kill()
    p.wait()
    for _ in range(600):
        try:
            os.killpg(p.pid, 0)
        except ProcessLookupError:
            return check("workers end when the build is killed alone", True)
        time.sleep(0.1)
    os.killpg(p.pid, signal.SIGKILL)
    return check("workers end when the build is killed alone", False, "some were there a minute later")


def together(temp, module):
    """Two builds, one cache, at once."""
    both = [subprocess.Popen(command(module, temp / f"both{k}", temp / "both.db", "--jobs", "1")) for k in (0, 1)]
    check("two builds with one cache end well", [p.wait() for p in both] == [0, 0])
    check("and have the right bytes", all(files(temp / f"both{k}") == files(temp / "plain") for k in (0, 1)), "they differ")


LIES = """(module (func (export "f") (param i32 i32) (result i32)
  (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.xor (local.get 1) (i32.const 12345)))))"""
OTHER = LIES.replace("12345", "12346")


def lies(temp):
    """A cache that lies: the build is taken in, verify is not."""
    for name, text in (("lies", LIES), ("other", OTHER)):
        (temp / f"{name}.wat").write_text(text)
        subprocess.run([MEWE, "build", temp / f"{name}.wat", "-o", temp / f"{name}.original.wasm", "--strategy", "none", "-q"], check=True)
    build(temp / "other.wat", temp / "other", temp / "lies.db")
    r = subprocess.run([MEWE, "verify", temp / "lies.original.wasm", temp / "other.wasm"], capture_output=True, text=True)
    check("a module of wrong variants is refuted", r.returncode == 1, r.stdout)
    with sqlite3.connect(temp / "lies.db") as db:
        db.execute("UPDATE proof SET verdict = 2, why = 'a lie'")  # everything that is proved is refuted now
    build(temp / "other.wat", temp / "liar", temp / "lies.db")
    check("the build believes its cache", "a lie" in (temp / "liar.csv").read_text(), "no candidate fell by it")
    r = subprocess.run([MEWE, "verify", temp / "other.original.wasm", temp / "other.wasm"], capture_output=True, text=True,
                       env=os.environ | {"MEWE_CACHE": str(temp / "lies.db")})
    check("verify does not", r.returncode == 0, r.stdout)


def invented(temp, module, original):
    """A cache that calls proved what could not be: the build keeps it, verify does not pass it."""
    build(module, temp / "honest", temp / "invented.db", "--strategy", "memory")
    with sqlite3.connect(temp / "invented.db") as db:
        n = db.execute("UPDATE proof SET verdict = 1 WHERE verdict != 1").rowcount
    check("something could not be proved", n > 0, "nothing to lie about")
    r = build(module, temp / "invented", temp / "invented.db", "--strategy", "memory")
    check("the build believes its cache there, too", r.returncode == 0 and files(temp / "invented")[0] != files(temp / "honest")[0], r.stderr)
    for name, code in (("honest", 0), ("invented", 4)):
        r = subprocess.run([MEWE, "verify", original, temp / f"{name}.wasm"], capture_output=True, text=True,
                           env=os.environ | {"MEWE_CACHE": str(temp / "invented.db")})
        check(f"verify's answer to the {name} module: {code}", r.returncode == code, r.stdout[-300:])


RARE = """(module (func (export "f") (param i32 i32) (result i32)
  (i32.add (local.get 1) (i32.eq (i32.mul (local.get 0) (i32.const 0x9e3779b1)) (i32.const 12345)))))"""
SHOWS = str(12345 * pow(0x9e3779b1, -1, 1 << 32) % (1 << 32))


def refuted(temp):
    """A case so rare that a search by test points proposes to drop it. The solver refutes that; a cache that says otherwise makes
    a module that answers wrongly, and verify tells."""
    (temp / "rare.wat").write_text(RARE)
    options = ("--strategy", "synth", "--variants", "64", "--discriminator", "fixed:0")
    subprocess.run([MEWE, "build", temp / "rare.wat", "-o", temp / "rare.original.wasm", "--strategy", "none", "-q"], check=True)
    build(temp / "rare.wat", temp / "right", temp / "rare.db", *options)
    with contextlib.closing(sqlite3.connect(temp / "rare.db")) as db, db:
        n = db.execute("UPDATE proof SET verdict = 1 WHERE verdict = 2").rowcount
    check("something was refuted", n > 0, "nothing was")
    build(temp / "rare.wat", temp / "wrong", temp / "rare.db", *options)
    for name, answers, code in (("right", {"1"}, 0), ("wrong", {"0", "1"}, 1)):
        got = {subprocess.run([MEWE, "run", "--seed", str(seed), "--invoke", "f", temp / f"{name}.wasm", SHOWS, "0"],
                              capture_output=True, text=True).stdout.strip() for seed in range(100)}
        check(f"the {name} module's answers: {', '.join(sorted(answers))}", got == answers, str(got))
        r = subprocess.run([MEWE, "verify", temp / "rare.original.wasm", temp / f"{name}.wasm"], capture_output=True, text=True,
                           env=os.environ | {"MEWE_CACHE": str(temp / "rare.db")})
        check(f"verify's answer to it: {code}", r.returncode == code, r.stdout[-300:])


def main():
    temp = Path(tempfile.mkdtemp())
    try:
        resume(temp, RAW / "encrypt.wasm")
        alone(temp, RAW / "encrypt.wasm")
        together(temp, RAW / "encrypt.wasm")
        lies(temp)
        invented(temp, RAW / "bin2base64.wasm", RAW.parents[1] / "bin2base64.wasm")
        refuted(temp)
    finally:
        shutil.rmtree(temp)
    return failed


sys.exit(main())
