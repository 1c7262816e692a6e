#!/usr/bin/env python3
"""A service that Wizer has initialised, at two nodes: does each request still choose anew?

Usage: snapshot_test.py
In:    build/check/edge/snapshot.wasm: bin2base64 with exports that run it during initialisation (tests/edge/snapshot.c).
A snapshot with the state of the generator in it would choose the same at each node and for each request, since each request
begins from it. Both orders: built, then initialised; initialised, then built. Prints `ok NAME` or `not ok NAME: why` for each case.
Controls: choices from a fixed seed, and an initialisation that mewe was not told of and that draws a seed, must be seen to choose the
same everywhere; and the snapshot must hold what the initialisation left, and the module before it must not."""
import pathlib
import subprocess
import tempfile

from nodes import BUILD, MEWE, ROOT, Node, check, ended, missing

GUEST = BUILD / "check/edge/snapshot.wasm"
WIZER = ROOT / "build/deps/edge-npm/node_modules/@bytecodealliance/wizer-linux-x64/wizer"
REQUESTS = 50  # of each node
ANSWER = (ROOT / "services/vectors/bin2base64/default.out").read_bytes()
PAPER = (ROOT / "services/vectors/bin2base64/paper.out").read_bytes()


def build(source, to, *more):
    subprocess.run([MEWE, "build", source, "-o", to, "--trace", "hash", "-q", *more], check=True, cwd=ROOT)


def initialise(source, to, name, *more):
    """Why there is no snapshot, or nothing."""
    r = subprocess.run([WIZER, source, "-o", to, "--init-func", name, *more], capture_output=True, text=True, check=False)
    return "" if r.returncode == 0 else (r.stderr.strip().splitlines() or [f"exit code {r.returncode}"])[-1]


def stream(node):
    """The traces of so many requests, in order; none where an answer was wrong."""
    got = []
    for _ in range(REQUESTS):
        status, headers, body = node.ask()
        if status != 200 or body != PAPER:
            return [f"status {status}, {body[:60]}"]
        got.append((headers.get("x-mewe-trace"), headers.get("x-mewe-body-trace")))
    return got


def alike(platform, module):
    """How the streams of two nodes are alike, or nothing where they are not."""
    with Node(platform, module, "AAA") as a, Node(platform, module, "BBB") as b:
        one, two = stream(a), stream(b)
    if len(one) != REQUESTS or len(two) != REQUESTS or (None, None) in one:
        return f"no streams: {one[0]}, {two[0]}"
    different = len(set(one + two))
    if one == two:
        return f"equal streams, of {different} traces"
    # Ten bits of choice and more: a few of them come twice.
    return "" if different > 2 * REQUESTS * 0.8 else f"{different} traces in {2 * REQUESTS} requests"


def served(platforms, what, module, why=""):
    for platform in platforms:
        said = why or alike(platform, module)
        check(f"{what}, on {platform}: two nodes choose anew for each request", not said, said)


def built_first(platforms, folder, dispatch, name, *more):
    built, snapshot = folder / "built.wasm", folder / "snapshot.wasm"
    build(GUEST, built, "--dispatch", dispatch, *more)
    why = initialise(built, snapshot, name)
    taken = not why and ANSWER in snapshot.read_bytes() and ANSWER not in built.read_bytes()
    check(f"{dispatch}, {name}: control: the snapshot is one", taken, why)
    served(platforms, f"{dispatch}, {name}, built, then initialised", snapshot, why)


def initialised_first(platforms, folder, dispatch, name):
    built, snapshot = folder / "built.wasm", folder / "snapshot.wasm"
    why = initialise(GUEST, snapshot, name)
    if not why:
        build(snapshot, built, "--dispatch", dispatch)
    served(platforms, f"{dispatch}, {name}, initialised, then built", built, why)


def orders(platforms, folder):
    for dispatch in ("call", "request"):
        for name, more in (("wizer-initialize", ()), ("wizer.initialize", ()), ("boot", ("--init", "boot"))):
            built_first(platforms, folder, dispatch, name, *more)
            initialised_first(platforms, folder, dispatch, name)
    # Hundreds of regions are regions enough with two alternatives, and take longest to find.
    built_first(platforms, folder, "site", "wizer-initialize", "--variants", "2")


def controls(platforms, folder):
    built, fixed, drawn = folder / "built.wasm", folder / "fixed.wasm", folder / "drawn.wasm"
    build(GUEST, built, "--discriminator", "fixed:1")
    why_fixed = initialise(built, fixed, "wizer-initialize")
    build(GUEST, built)
    why_drawn = initialise(built, drawn, "boot", "--allow-wasi")
    for platform in platforms:
        why = why_fixed or alike(platform, fixed)
        check(f"{platform} control: a fixed seed is seen to choose the same", why.startswith("equal streams, of 1 "), why)
        why = why_drawn or alike(platform, drawn)
        check(f"{platform} control: a seed drawn before the snapshot is, too", why.startswith("equal streams, of 1 "), why)
    why = initialise(built, drawn, "boot")
    check("control: Wizer alone refuses to draw one", why != "", "a snapshot was taken")


def main():
    here = [p for p in ("viceroy", "workerd") if not missing(p)]
    for p in ("viceroy", "workerd"):
        if p not in here:
            print(f"# {p} is left out: {missing(p)}", flush=True)
    check("there is a platform and Wizer", here and WIZER.exists(), "scripts/deps.sh edge-npm")
    with tempfile.TemporaryDirectory() as temp:
        orders(here, pathlib.Path(temp))
        controls(here, pathlib.Path(temp))
    ended()


main()
