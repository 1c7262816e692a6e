#!/usr/bin/env python3
"""Does the harness find a slowdown that is there, and none where none is? How often is it wrong?

In:  build/bench/measure and plant; a service's original; how much slower (2%); how many repeats.
Out: rows of each repeat in the work folder (one that is complete is not made again): the original, itself again as `aa`, a copy of its
     file as `same`, and as `planted` a module slower by so much; then how often `planted` was missed and `same` taken for another.
     Exit 1 if either is more than the share that is allowed.
Holds: the rule is that of scripts/rq4.py for all services, and is applied to each repeat alone; nothing is chosen after looking.
"""
import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import rq4
from analyse import show, table

WARM = rq4.WARM
LENGTHS = (0.5, 0.75, 1, 1.25, 1.5, 2, 3)  # of loops that are tried, over what a turn's time lets expect
NEAREST = 4
TURNS = 20000  # of the loop that is timed to know what one takes: many times what the service itself does
ALLOWED = 0.05


def measure(a, out, original, rounds, places, **modules):
    """Rows of one run, into a file that is there whole or not at all."""
    also = [x for name, path in modules.items() for x in ("--also", f"{name}={path}")]
    subprocess.run([a.measure, "rq4", "--service", a.service, "--profile", a.profile, "--original", original, *also, "--count", str(rounds),
                    "--rounds", str(rounds), "--places", str(places), "-o", out], check=True)
    return rq4.Times(rq4.load([out]))


def plant(a, turns, out):
    subprocess.run([a.plant, a.original, "serve", str(turns), out], check=True)
    return out


def calibrate(a, work):
    """(turns that take the wanted share of the service's time, nanoseconds of the service, how much slower so many made it). A turn's
    own time, of a long loop, is where to begin; a processor hides a part of a short one behind what follows, so that several lengths
    are measured, and a line is laid through those that come nearest to what is wanted."""
    t = measure(a, work / "turn.csv", a.original, 100, 20, big=plant(a, TURNS, work / "big.wasm"))
    service, big = (1000 * t.median_us(a.service, c, WARM) for c in ("original", "big"))
    first = a.by * service * TURNS / (big - service)
    turns = sorted({max(1, round(first * x)) for x in LENGTHS})
    t = measure(a, work / "calibrate.csv", a.original, 400, 200, **{f"t{n}": plant(a, n, work / f"t{n}.wasm") for n in turns})
    slower = {n: t.ratio(a.service, f"t{n}", WARM)[0] - 1 for n in turns}
    near = sorted(turns, key=lambda n: abs(slower[n] - a.by))[:NEAREST]
    rise, base = np.polyfit(near, [slower[n] for n in near], 1)
    chosen = max(1, round((a.by - base) / rise)) if rise > 0 else 0
    if not 0 < chosen <= turns[-1]:
        raise ValueError(f"{a.service}: loops of {turns[0]} to {turns[-1]} turns do not slow it down by {a.by:.1%}")
    return chosen, service, base + rise * chosen


def repeats(a, work, planted):
    """The rows of each repeat; each is a process of its own."""
    same = work / "same.wasm"
    shutil.copyfile(a.original, same)
    for k in range(a.repeats):
        out = work / f"repeat-{k:03}.csv"
        if sys.stderr.isatty():
            print(f"\r{a.service}: {k}/{a.repeats} ", end="", file=sys.stderr, flush=True)
        yield rq4.Times(rq4.load([out])) if out.exists() else measure(a, out, a.original, a.rounds, a.places, same=same, planted=planted)


def judge(service, times):
    """Of one repeat: (is the planted one found to be slower, is the same one taken for another, the ratio of the planted one)."""
    ratio = times.ratio(service, "planted", WARM)[0]
    return times.differs(service, "planted", WARM) and ratio > 1, times.differs(service, "same", WARM), ratio


def verdict(by, judged):
    """(holds, text) of both kinds of error."""
    n = len(judged)
    missed, alarms = sum(not found for found, _, _ in judged), sum(alarm for _, alarm, _ in judged)
    return [(missed <= ALLOWED * n, f"a slowdown of {by:.1%} missed in {missed} of {n} repeats, at most {ALLOWED:.0%}"),
            (alarms <= ALLOWED * n, f"a false alarm without one in {alarms} of {n}, at most {ALLOWED:.0%}")]


def overhead(a, work):
    """What the harness itself takes, warm and fresh: the time of a service that does nothing."""
    t = measure(argparse.Namespace(**{**vars(a), "service": "noop"}), work / "noop.csv", a.noop, 200, 10)
    return [1000 * t.median_us("noop", "original", what) for what in (WARM, rq4.FRESH, rq4.WHOLE)]


def main():
    p = argparse.ArgumentParser(description="Does the harness find what is there, and nothing else?")
    p.add_argument("--measure", required=True, help="build/bench/measure")
    p.add_argument("--plant", required=True, help="build/bench/plant")
    p.add_argument("--original", required=True, help="the service's module")
    p.add_argument("--noop", required=True, help="a service that does nothing")
    p.add_argument("--service", required=True)
    p.add_argument("--profile", default="release")
    p.add_argument("--by", type=float, default=0.02, help="how much slower")
    p.add_argument("--repeats", type=int, default=100)
    p.add_argument("--rounds", type=int, default=180, help="of each repeat")
    p.add_argument("--places", type=int, default=60, help="of each repeat")
    p.add_argument("--work", required=True, help="a folder for modules and rows")
    a = p.parse_args()
    work = Path(a.work)
    work.mkdir(parents=True, exist_ok=True)
    empty = overhead(a, work)
    turns, service, slower = calibrate(a, work)
    judged = [judge(a.service, t) for t in repeats(a, work, plant(a, turns, work / "planted.wasm"))]
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    ratios = [r for _, _, r in judged]
    print(table(f"The harness on {a.service}: {a.repeats} repeats of {a.rounds} rounds in {a.places} places",
                ["", "ns"], [["the service, warm", show(service, 1)], ["nothing, warm", show(empty[0], 1)],
                             ["nothing, first call of a fresh instance", show(empty[1], 1)],
                             ["nothing, instance made and dropped", show(empty[2], 1)],
                             [f"planted: {turns} turns", show(slower * service, 1)]],
                [f"planted as measured: {np.median(ratios):.4f} times the original, from {min(ratios):.4f} to {max(ratios):.4f}"]))
    every = verdict(a.by, judged)
    print("\n".join(f"{'holds' if holds else 'FAILS'}  {a.service}: {text}" for holds, text in every))
    return not all(holds for holds, _ in every)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as e:
        sys.exit(f"harness: {' '.join(str(e).split())}")
