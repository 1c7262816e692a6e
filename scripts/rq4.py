#!/usr/bin/env python3
"""Print what time the configurations take, from rows of `build/bench/measure rq4`: the paper's Table 4 and Figure 4.

In:  CSV files of the row schema (results/README.md), also .gz; --published, the folder with the paper's numbers.
Out: for each profile and input a table, the paper's figures beside it, and which claims these rows support; with --figure a PNG.
Holds: no number here is written down, but those of the paper; a difference is called one only if it exceeds what the original
       measured a second time (`aa`) shows in the same run.
"""
import argparse
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from analyse import KEYS, SERVICE_BAR_MS, SERVICES, load_published, marked, show, table
from statistics_of_rows import a12, geometric_mean, placed_ratio, shown

WARM, FRESH, WHOLE = ("execute", "time_ns"), ("request", "time_guest_ns"), ("request", "time_ns")
COUNT = ("request", "time_guest_count")
CONTROL = ("original", "aa")


def load(files):
    """All rows of times; values are numbers here."""
    text = {k: "category" for k in ("service", "profile", "input", "config", "phase", "metric")}
    frames = [pd.read_csv(f, usecols=KEYS, dtype={**text, "value": float, "node": int, "iteration": int}) for f in files]
    rows = pd.concat(frames, ignore_index=True)
    for k in text:
        rows[k] = rows[k].astype(str)
    return rows


class Times:
    """Rows of one profile and input."""

    def __init__(self, frame):
        self.groups = {k: g.sort_values("iteration") for k, g in frame.groupby(["service", "config", "phase", "metric"], sort=False)}
        have = set(frame["service"])
        self.services = [s for s in SERVICES if s in have] + sorted(have - set(SERVICES))
        ordered = frame[frame["metric"] == COUNT[1]]["config"]  # these rows come last, in the order of the configurations
        self.configs = [c for c in dict.fromkeys([*ordered, *frame["config"]]) if c not in CONTROL]
        self.known = {}

    def single(self, service, config):
        """All single executions of fresh instances, in nanoseconds to ten bits; None without rows."""
        g = self.groups.get((service, config, *COUNT))
        return None if g is None else np.repeat(g["iteration"].to_numpy(), g["value"].astype(int))

    def median_us(self, service, config, what):
        g = self.groups.get((service, config, *what))
        return math.nan if g is None else float(g["value"].median()) / 1000

    def ratio(self, service, config, what):
        """(ratio to the original, low, high); not numbers without rows."""
        key = (service, config, what)
        if key not in self.known:
            a, b = (self.groups.get((service, c, *what)) for c in ("original", config))
            self.known[key] = (math.nan,) * 3 if a is None or b is None else placed_ratio(
                *(g["value"].to_numpy() for g in (a, b)), *(g["node"].to_numpy() for g in (a, b)))
        return self.known[key]

    def differs(self, service, config, what):
        return shown(self.ratio(service, config, what), self.ratio(service, "aa", what))

    def distrusted(self, service, what):
        """Did the control find a difference between the original and itself?"""
        _, low, high = self.ratio(service, "aa", what)
        return low > 1 or high < 1


# ---- Table 4 ----------------------------------------------------------------------------------------------------------

def cell(times, service, config, what):
    ratio, low, high = times.ratio(service, config, what)
    digits = 3 if high < 2 else 2 if high < 10 else 1
    alike = "" if config in CONTROL or times.differs(service, config, what) else "~"
    return f"{ratio:.{digits}f} [{low:.{digits}f},{high:.{digits}f}]{alike}"


def line(times, service, config, published):
    single, original = times.single(service, config), times.single(service, "original")
    us = ["-", "-"] if single is None else [show(float(x) / 1000, 2) for x in (np.median(single), np.std(single))]
    first = config == "original"
    paper = published.get(service, {})
    column = "original" if first else "multivariant" if config == times.configs[0] else None
    theirs = [show(paper.get(f"{column}_{x}_us")) for x in ("median", "sigma")] if column else ["", ""]
    return [marked(service) if first else f"  {config}", *us, "" if first else cell(times, service, config, FRESH),
            "" if first else show(a12(original, single), 2), *theirs,
            show(paper.get("ratio"), 1) if column == "multivariant" else "",
            show(times.median_us(service, config, WARM), 2), "" if first else cell(times, service, config, WARM)]


def table4(times, published):
    lines = [line(times, s, c, published) for s in times.services for c in ("original", "aa", *times.configs)
             if (s, c, *WARM) in times.groups]
    head = ["service", "fresh", "sigma", "ratio", "A12", "paper", "sigma", "ratio", "warm", "ratio"]
    return table("Table 4: time by configuration, in microseconds, and its ratio to the original's [95% interval]", head, lines, [
        "fresh: the first call of a fresh instance, seeding included: median and deviation of single executions;",
        "warm: one instance, called again and again; aa: the original a second time, the control; A12: how likely",
        "an execution is the longer one; ~ no difference: the interval holds 1, or the ratio that aa came to;",
        f"paper: inside an edge node, beside {times.configs[0] if times.configs else '-'} as the authors dispatch; * their QR codes",
        "were made with another library"])


def p_lines(times):
    """The paper's test, Mann-Whitney's U over all single executions: with so many it calls the original different from itself."""
    from scipy.stats import mannwhitneyu
    lines = []
    for s in times.services:
        cells = []
        for c in ("aa", *times.configs):
            a, b = times.single(s, "original"), times.single(s, c)
            cells.append("-" if a is None or b is None else f"{mannwhitneyu(a, b).pvalue:.2g}")
        lines.append([marked(s), *cells])
    return table("Mann-Whitney U over single executions, as in the paper: p, original against", ["service", "aa", *times.configs],
                 lines, ["where aa is below 0.05 too, so many executions tell the original from itself: p alone shows nothing"])


def means(times):
    lines = []
    for c in times.configs:
        have = [s for s in times.services if (s, c, *WARM) in times.groups]
        lines.append([c, *(show(geometric_mean([times.ratio(s, c, w)[0] for s in have]), 3) for w in (FRESH, WHOLE, WARM)),
                      f"{sum(times.differs(s, c, WARM) for s in have)} of {len(have)}",
                      show(max(times.median_us(s, c, WHOLE) for s in have) / 1000, 3)])
    return table("Geometric means over the services of the ratio to the original's",
                 ["config", "fresh", "whole", "warm", "differ warm", "slowest ms"], lines, [
        "whole: with the instance made and dropped; differ: services whose warm time is not the original's;",
        "slowest: the service that takes longest, whole"])


# ---- claims -----------------------------------------------------------------------------------------------------------

def claims(times):
    out = []
    for s in times.services:
        for c in times.configs:
            ms = times.median_us(s, c, WHOLE) / 1000
            if not math.isnan(ms):
                out.append((ms < SERVICE_BAR_MS, f"{s} {c}: {ms:.3f} ms with a fresh instance, under {SERVICE_BAR_MS}"))
        for what, name in ((FRESH, "fresh"), (WARM, "warm")):
            if (s, "aa", *what) in times.groups:
                ratio, low, high = times.ratio(s, "aa", what)
                out.append((not times.distrusted(s, what), f"{s} {name}: the original against itself, {ratio:.4f} "
                            f"[{low:.4f},{high:.4f}], holds 1; else its row is not to be trusted below {max(high, 1 / low) - 1:.1%}"))
    return out


def claim_lines(times):
    every = claims(times)
    bad = [f"FAILS  {text}" for holds, text in every if not holds]
    return "\n".join(["", *bad, f"Claims checked on these rows: {len(every) - len(bad)} hold, {len(bad)} fail"])


def report(frame, published):
    out = []
    for (profile, which), part in frame.groupby(["profile", "input"], sort=True):
        times = Times(part)
        n = max((len(x) for s in times.services if (x := times.single(s, "original")) is not None), default=0)
        places = part["node"].nunique()
        out.append(f"\nProfile {profile}, input {which}: {n:,} executions of each configuration, modules compiled {places} times,"
                   " in-process")
        out += [table4(times, published["table4"]), means(times), p_lines(times), claim_lines(times)]
    return "\n".join(out)


# ---- Figure 4 ---------------------------------------------------------------------------------------------------------

def figure4(frame, path):
    """The distribution of single executions of each service by configuration, on a logarithmic axis: the paper's Figure 4."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    times = Times(frame)
    configs = ["original", *times.configs]
    figure, axes = pyplot.subplots(1, len(times.services), figsize=(2.4 * len(times.services), 3.6), squeeze=False)
    for ax, s in zip(axes[0], times.services):
        have = [c for c in configs if times.single(s, c) is not None]
        logs = [np.log10(np.maximum(times.single(s, c), 1) / 1000) for c in have]
        inner = [x[x <= np.quantile(x, 0.999)] for x in logs]
        ax.violinplot(inner, showmedians=True, showextrema=False)
        low, high = math.floor(min(x.min() for x in inner)), math.ceil(max(x.max() for x in inner))
        ax.set_yticks(range(low, high + 1), [f"$10^{{{k}}}$" for k in range(low, high + 1)])
        ax.set_xticks(range(1, len(have) + 1), have, rotation=70, fontsize=8)
        ax.set_title(s, fontsize=9)
    axes[0][0].set_ylabel("first call of a fresh instance, µs")
    figure.tight_layout()
    figure.savefig(path, dpi=120, metadata={"Software": None})


def main():
    p = argparse.ArgumentParser(description="Print times by configuration from rows.")
    p.add_argument("--published", default="results/paper", help="the folder with the paper's numbers")
    p.add_argument("--figure", help="draw the distributions there, a PNG; %%p stands for the profile")
    p.add_argument("rows", nargs="+", help="CSV files of the row schema")
    a = p.parse_args()
    try:
        frame = load(a.rows)
        print(report(frame, load_published(a.published)))
        if a.figure:
            Path(a.figure).parent.mkdir(parents=True, exist_ok=True)
            for profile, part in frame.groupby("profile"):
                figure4(part, a.figure.replace("%p", profile))
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"rq4: {' '.join(str(e).split())}: rows are made by `make bench` or `make reproduce`")


if __name__ == "__main__":
    main()
