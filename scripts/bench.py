#!/usr/bin/env python3
"""Print the tables of the benchmarks from rows, and from rows only.

Usage: bench.py choice FILE.csv...     what one choice of 16 costs, by engine, form of dispatch and discriminator
       bench.py stages FILE.csv...     what is done to a module, step by step: multivariants over their originals
       bench.py callgrind FILE.csv...  instructions of a request, multivariants over their originals
       bench.py processes FILE.csv...  whole processes by each runtime, multivariants over their originals
Differences are of medians over repetitions; [a, b] is their 95 % interval by bootstrap. The line `again` of an engine is the
original's loop against itself: what differs there is noise. A claim holds when its whole interval does."""
import sys

import numpy as np
import pandas as pd

RESAMPLES = 4000
TARGET_NS = 6  # what a choice of 16 by the default discriminator may cost in Cranelift, by call
DRAWS = ["chacha", "fixed", "xorshift", "wasi", "host", "none"]


# ---- rows and statistics -------------------------------------------------------------------------------------------------

def load(files):
    return pd.concat([pd.read_csv(f, dtype={"value": float}, keep_default_na=False) for f in files], ignore_index=True)


def resampled(values, rng):
    """Medians of samples drawn from the values with replacement."""
    return np.median(rng.choice(values, (RESAMPLES, len(values))), axis=1)


def difference(a, b):
    """Of the medians, b - a, with its interval."""
    rng = np.random.default_rng(0)
    low, high = np.percentile(resampled(b, rng) - resampled(a, rng), [2.5, 97.5])
    return float(np.median(b) - np.median(a)), float(low), float(high)


def interval(d, digits=2):
    return f"{d[0]:8.{digits}f} [{d[1]:.{digits}f}, {d[2]:.{digits}f}]"


# ---- the choice ------------------------------------------------------------------------------------------------------------

class Choice:
    """The loops of one engine, by configuration."""

    def __init__(self, rows):
        self.times = {c: g["value"].to_numpy() for c, g in rows.groupby("config", sort=False)}

    def has(self, *configs):
        return all(c in self.times for c in configs)

    def cost(self, config, over="original"):
        return difference(self.times[over], self.times[config])


def print_parts(c):
    """What the default's cost is made of: each part is one loop over another, so that together they are the whole."""
    parts = [("branch", "original", "request-chacha", "a second call and a jump that is always the same"),
             ("draw", "request-chacha", "call-chacha-still", "the choice drawn, the jump still the same"),
             ("miss", "call-chacha-still", "call-chacha", "the jump goes where nobody could foresee")]
    if not all(c.has(a, b) for _, a, b, _ in parts):
        return
    print("  made of:")
    for name, a, b, what in parts:
        print(f"    {name:<8}{interval(c.cost(b, a)):<28}{what}")


def print_target(c):
    d = c.cost("call-chacha")
    print(f"target: a choice of 16, chacha, by call, in Cranelift <= {TARGET_NS} ns: {interval(d).strip()}: "
          + ("holds" if d[2] <= TARGET_NS else "FAILS"))


def choice(rows):
    engines = {r: Choice(g) for r, g in rows[rows["metric"] == "time_ns"].groupby("runtime")}
    for name, c in engines.items():
        if not c.has("original", "original-again"):
            sys.exit(f"bench.py: there are no rows of {name} without dispatch to compare with")
        print(f"{name}: nanoseconds of one choice of 16, over a loop that takes {np.median(c.times['original']):.2f} without it "
              f"({len(c.times['original'])} repetitions)")
        print(f"  {'again':<12}{interval(c.cost('original-again'))}")
        print("  " + " " * 10 + "".join(f"{f:<28}" for f in ("  call", "  request", "  site")).rstrip())
        for draw in DRAWS:
            cells = [interval(c.cost(f"{f}-{draw}")) if c.has(f"{f}-{draw}") else "" for f in ("call", "request", "site")]
            if any(cells):
                print(f"  {draw:<10}" + "".join(f"{x:<28}" for x in cells).rstrip())
        print_parts(c)
        print()
    if "wasmtime-cranelift" in engines and engines["wasmtime-cranelift"].has("call-chacha"):
        print_target(engines["wasmtime-cranelift"])


# ---- steps -----------------------------------------------------------------------------------------------------------------

def ratio(a, b):
    """Of the medians, b / a, with its interval."""
    rng = np.random.default_rng(0)
    low, high = np.percentile(resampled(b, rng) / resampled(a, rng), [2.5, 97.5])
    return float(np.median(b) / np.median(a)), float(low), float(high)


def duration(ns):
    unit, scale = next((u, s) for u, s in (("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)) if abs(ns) < 1000 * s or u == "s")
    return f"{ns / scale:.3g} {unit}"


def stages(rows):
    for service, of in rows[rows["metric"] == "time_ns"].groupby("service", sort=False):
        times = {k: g["value"].to_numpy() for k, g in of.groupby(["config", "phase"])}
        configs = [c for c in of["config"].unique() if c != "original"]
        if not any(c == "original" for c, _ in times):
            sys.exit(f"bench.py: there are no rows of {service}'s original")
        print(f"{service}: each step, median over repetitions; over the original's")
        print(f"  {'':<20}{'original':>10}" + "".join(f"{c:>12}" for c in configs))
        for phase in sorted(p for c, p in times if c == "original"):
            a = times["original", phase]
            line = f"  {phase:<20}{duration(np.median(a)):>10}"
            for b in (times.get((c, phase)) for c in configs):
                if b is not None:
                    r = ratio(a, b)
                    line += f"{duration(np.median(b)):>12}{r[0]:8.2f} [{r[1]:.2f}, {r[2]:.2f}]"
            print(line)
        print()


# ---- instructions ------------------------------------------------------------------------------------------------------------

def callgrind(rows):
    of = rows[rows["metric"] == "instructions"].groupby(["service", "config"], sort=False)["value"]
    count, same = of.median(), of.nunique() == 1
    configs = [c for c in rows["config"].unique() if c != "original"]
    print("instructions of one request, in the guest and for it in the host; over the original's")
    print(f"{'':<12}{'original':>12}" + "".join(f"{c:>20}" for c in configs))
    for service in rows["service"].unique():
        if (service, "original") not in count:
            sys.exit(f"bench.py: there are no rows of {service}'s original")
        base = count[service, "original"]
        cells = "".join(f"{count[service, c]:>12.0f}{count[service, c] / base:>8.2f}" if (service, c) in count else " " * 20
                        for c in configs)
        print(f"{service:<12}{base:>12.0f}{cells}")
    print(f"counted again, the same: {same.sum()} of {len(same)}: " + ("holds" if same.all() else "FAILS"))


# ---- processes ---------------------------------------------------------------------------------------------------------------

def processes(rows):
    rows = rows[(rows["metric"] == "time_ns") & (rows["phase"] == "process")]
    print("a whole process, median over rounds; multivariant (call) over original")
    for (runtime, version), of in rows.groupby(["runtime", "runtime_version"]):
        times = {k: g["value"].to_numpy() for k, g in of.groupby(["service", "config"])}
        print(f"{runtime} {version}")
        for service in sorted(of["service"].unique()):
            a, b = times.get((service, "original")), times.get((service, "call"))
            line = f"  {service:<12}" + "".join(f"{'-' if x is None else duration(np.median(x)):>10}" for x in (a, b))
            if a is not None and b is not None:
                r = ratio(a, b)
                line += f"{r[0]:8.2f} [{r[1]:.2f}, {r[2]:.2f}]"
            print(line)


COMMANDS = {"choice": choice, "stages": stages, "callgrind": callgrind, "processes": processes}


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](load(sys.argv[2:]))


main()
