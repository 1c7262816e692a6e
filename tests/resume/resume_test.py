#!/usr/bin/env python3
"""A build that is killed again and again, and goes on: the same bytes in the end, and nothing that was found is lost.

RESUME (8): how often it is killed; 50 takes a minute or two. SEED (1): of the moments."""
import os
import random
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
    """How many proofs the cache holds, or why it is broken."""
    with sqlite3.connect(cache) as db:
        state = db.execute("PRAGMA integrity_check").fetchone()[0]
        if state != "ok":
            return state
        there = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'proof'").fetchone()[0]
        return db.execute("SELECT count(*) FROM proof").fetchone()[0] if there else 0


def killed_builds(temp, module, seconds):
    """Kills so many builds, each at a random moment of the time that it would have taken; returns what the cache held after each,
    and the outputs that were neither absent nor whole."""
    held, torn, rng = [], [], random.Random(int(os.environ.get("SEED", "1")))
    while len(held) < KILLS:
        start = time.monotonic()
        p = subprocess.Popen(command(module, temp / "out/killed", temp / "killed.db"), stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            p.wait(seconds * rng.random())
            seconds = min(seconds, time.monotonic() - start)  # it was done: the cache knows most of it by now
            continue
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
        p.wait()
        held.append(rows(temp / "killed.db"))
        torn += [k for k, want in zip(("wasm", "csv"), files(temp / "plain")) if (f := temp / f"out/killed.{k}").exists() and f.read_bytes() != want]
    return held, torn


def resume(temp, module):
    (temp / "out").mkdir()
    start = time.monotonic()
    build(module, temp / "plain", "none")
    seconds = time.monotonic() - start
    held, torn = killed_builds(temp, module, seconds)
    check(f"the cache is whole after each of {KILLS} kills", all(isinstance(n, int) for n in held), str(held))
    check("what was found is not lost", held == sorted(held, key=lambda n: n if isinstance(n, int) else -1), str(held))
    check("whatever output is there is whole", not torn, str(torn))
    r = build(module, temp / "out/killed", temp / "killed.db")
    check("then it finishes", r.returncode == 0, r.stderr)
    check("with the bytes and the ledger of an undisturbed build", files(temp / "out/killed") == files(temp / "plain"), "they differ")
    check("some of it was there already", any(held), str(held))
    left = sorted(x.name for x in (temp / "out").iterdir() if not x.name.startswith("killed.") or x.suffix not in (".wasm", ".csv"))
    check(f"no more than the temporary file of a moment is left of a kill: {len(left)} of {KILLS}", len(left) <= KILLS, str(left))


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


def main():
    temp = Path(tempfile.mkdtemp())
    try:
        resume(temp, RAW / "encrypt.wasm")
        together(temp, RAW / "encrypt.wasm")
        lies(temp)
        invented(temp, RAW / "bin2base64.wasm", RAW.parents[1] / "bin2base64.wasm")
    finally:
        shutil.rmtree(temp)
    return failed


sys.exit(main())
