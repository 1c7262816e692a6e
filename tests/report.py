"""How the tests in Python say what they saw: `ok NAME`, or `not ok NAME: why`, as tests/run.sh reads it; and where things are.

A test ends with ended(), which is its exit code."""
import math
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / os.environ.get("BUILD", "build")
MEWE = os.environ.get("MEWE", str(BUILD / "mewe"))
failed = 0


def check(name, good, why=""):
    global failed
    failed += not good
    print(f"ok {name}" if good else f"not ok {name}: {why}", flush=True)


def equal(name, have, want):
    check(name, have == want, f"{have!r}, not {want!r}")


def near(name, have, want):
    """The same, but for how a number was rounded on the way."""
    check(name, have == want or (isinstance(want, float) and math.isclose(have, want, abs_tol=1e-9)), f"{have!r}, not {want!r}")


def ended():
    sys.exit(failed != 0)
