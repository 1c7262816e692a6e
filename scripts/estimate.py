#!/usr/bin/env python3
"""Say how long times by configuration will take, from what a few executions of each took on this machine.

In:  rows of short runs of `build/bench/measure rq4`; how many executions and rounds are planned, in the default number of places.
Out: a line for each profile, and the slowest service. Builds are not in it: they take their time first, once.
"""
import argparse
import sys

import rq4

WARM_NS = 2000000 * 1.5  # what a round on a warm instance takes at least (bench/librq4.c), up to twice as long
UNTIMED = 1.25  # and a quarter before
PLACES = 10  # the default of bench/measure.c


def seconds(times, service, count, rounds):
    """Of all configurations of a service."""
    total = 0
    for c in ("original", "aa", *times.configs):
        warm, whole = (1000 * times.median_us(service, c, what) for what in (rq4.WARM, rq4.WHOLE))
        total += count * whole + UNTIMED * max(count * warm, rounds * WARM_NS)
    return total / 1e9 + PLACES * times.median_us(service, "original", ("place", "open_ns")) / 1e6


def duration(s):
    return f"{s:.0f} s" if s < 100 else f"{s / 60:.0f} min" if s < 6000 else f"{s / 3600:.1f} h"


def lines(frame, count, rounds):
    for profile, part in frame.groupby("profile"):
        times = rq4.Times(part)
        each = {s: seconds(times, s, count, rounds) for s in times.services}
        slowest = max(each, key=each.get)
        yield (f"times, profile {profile}: {len(each)} services, {len(times.configs)} configurations and the original twice, {count:,} "
               f"executions: about {duration(sum(each.values()))} ({slowest} {duration(each[slowest])})")


def main():
    p = argparse.ArgumentParser(description="Say how long times by configuration will take.")
    p.add_argument("--count", type=int, required=True, help="executions of each configuration")
    p.add_argument("--rounds", type=int, required=True)
    p.add_argument("rows", nargs="+", help="rows of short runs")
    a = p.parse_args()
    try:
        print("\n".join(lines(rq4.load(a.rows), a.count, a.rounds)))
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"estimate: {' '.join(str(e).split())}: rows are made by `make bench-estimate`")


if __name__ == "__main__":
    main()
