#!/usr/bin/env python3
"""Can two variants of one function be told apart by their time? The paper's Figure 5, from rows of `build/bench/measure bodies`.

In:  CSV files of the row schema (results/README.md) with configs MODULE.K: `real`, variants that were found and proved; `copy`, as many
     copies of the original; `planted`, these copies, one of them slowed down.
Out: how many of the pairs differ by the Mann-Whitney U test at 5% after Holm's correction, for the variants and for both controls;
     which difference this many rounds would find; with --figure a PNG.
Holds: copies differ only by where they lie; what the test finds there, it finds for no other reason in the variants, too.
"""
import argparse
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from analyse import show, table
from statistics_of_rows import holm

ALPHA = 0.05
POWER = 0.8
SHIFTS = [0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5]
COPIES_MAY = 0.05  # of the pairs of copies: what counts as nearly none
TITLES = {"real": "variants", "copy": "copies, the control", "planted": "copies, one slowed down"}


def load(files):
    """{(profile, module): (numbers of the variants, times by round and variant)}"""
    f = pd.concat([pd.read_csv(x, usecols=["profile", "config", "metric", "phase", "iteration", "value"]) for x in files])
    f = f[(f["metric"] == "time_ns") & (f["phase"] == "execute")]
    f[["module", "k"]] = f["config"].str.extract(r"^(.*)\.(\d+)$")
    if f.empty or f["k"].isna().any():
        raise ValueError("these are no times of a dispatcher's variants")
    out = {}
    for key, part in f.groupby(["profile", "module"]):
        t = part.assign(k=part["k"].astype(int)).pivot(index="iteration", columns="k", values="value")
        if t.isna().any(axis=None):
            raise ValueError(f"{key[1]}: a variant lacks a round")
        out[key] = ([int(k) for k in t.columns], t.to_numpy())
    return out


def p_values(times):
    """Of all pairs, adjusted by Holm's method; the pairs in the order of combinations()."""
    n = times.shape[1]
    return holm([stats.mannwhitneyu(times[:, i], times[:, j]).pvalue for i, j in combinations(range(n), 2)])


def smallest_found(times):
    """The smallest difference that would be found in POWER of the pairs: columns are made slower by a known amount and tested again
    as strictly as the first of Holm's steps. None: not even the largest."""
    pairs = list(combinations(range(times.shape[1]), 2))
    for by in SHIFTS:
        p = np.array([stats.mannwhitneyu(times[:, i], times[:, j] * (1 + by)).pvalue for i, j in pairs])
        if np.mean(p < ALPHA / len(pairs)) >= POWER:
            return by
    return None


class Test:
    """One module's variants against each other."""

    def __init__(self, numbers, times):
        self.numbers, self.times = numbers, times
        self.pairs = list(combinations(range(len(numbers)), 2))
        self.p = p_values(times)
        self.median = np.median(times, axis=0)
        self.differ = int(np.sum(self.p < ALPHA))
        self.spread = float(self.median.max() / self.median.min()) - 1

    def beyond(self, spread):
        """Pairs that differ, and by more than this."""
        ratio = [max(self.median[i], self.median[j]) / min(self.median[i], self.median[j]) - 1 for i, j in self.pairs]
        return int(np.sum((self.p < ALPHA) & (np.array(ratio) > spread)))

    def slowest(self):
        """(its number, how much slower than the median variant, with how many others it differs)."""
        at = int(np.argmax(self.median))
        with_it = [p < ALPHA for p, pair in zip(self.p, self.pairs) if at in pair]
        return self.numbers[at], float(self.median[at] / np.median(self.median)) - 1, sum(with_it)


def percent(x):
    return "-" if x is None else f"{100 * x:.2f}%"


def report(profile, tests, power, rounds):
    n = len(tests["real"].numbers)
    lines = []
    for module in (m for m in TITLES if m in tests):
        t = tests[module]
        number, slower, found = t.slowest()
        lines.append([TITLES[module], show(len(t.numbers)), show(float(np.median(t.median)), 1), percent(t.spread),
                      f"{t.differ} of {len(t.p)}", show(t.beyond(tests["copy"].spread)), str(number), percent(slower), f"{found} of {len(t.numbers) - 1}"])
    head = ["bodies of sodium_bin2base64", "n", "ns", "spread", "pairs differ", "beyond", "slowest", "by", "found"]
    return table(f"Figure 5, profile {profile}: {n} x {n} variants, each forced, {rounds} rounds; Mann-Whitney U, Holm, 5%", head, lines, [
        "pairs differ: in the paper none of its 41 x 41; beyond: of these, by more than any two copies do;",
        "spread: of the medians, slowest over fastest; found: with how many others the slowest one differs",
        f"power: a difference of {percent(power)} is found in at least {POWER:.0%} of the pairs of copies"])


def claims(tests, power):
    out = []
    if "copy" in tests:
        c = tests["copy"]
        out.append((c.differ <= COPIES_MAY * len(c.p), f"{c.differ} of {len(c.p)} pairs of copies differ, at most {COPIES_MAY:.0%}"))
    if "planted" in tests and power is not None:
        number, slower, found = tests["planted"].slowest()
        others = len(tests["planted"].numbers) - 1
        if slower >= power:
            out.append((found >= POWER * others, f"the slowed copy {number}, by {percent(slower)}, differs from {found} of {others} "
                        f"others, at least {POWER:.0%}"))
        else:
            out.append((False, f"the slowed copy is slower by {percent(slower)} only, below the {percent(power)} that would be found"))
    if "real" in tests:
        r = tests["real"]
        out.append((r.differ == 0, f"no two variants can be told apart, as in the paper: {r.differ} of {len(r.p)} pairs can"))
    return out


def claim_lines(every):
    return "\n".join(f"{'holds' if holds else 'FAILS'}  {text}" for holds, text in every)


def figure(tests, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    have = [m for m in TITLES if m in tests]
    fig, axes = pyplot.subplots(2, len(have), figsize=(4.2 * len(have), 6.4), squeeze=False, height_ratios=[1, 2],
                               layout="constrained")
    for column, module in zip(axes.T, have):
        t = tests[module]
        column[0].boxplot(t.times / np.median(t.times), showfliers=False, widths=0.7, medianprops={"color": "C1"})
        column[0].set_xticks([])
        column[0].set_title(f"{TITLES[module]}: {t.differ} of {len(t.p)} pairs differ", fontsize=9)
        grid = np.full((len(t.numbers),) * 2, np.nan)
        for (i, j), p in zip(t.pairs, t.p):
            grid[i, j] = grid[j, i] = max(p, 1e-6)
        shown = column[1].imshow(np.log10(grid), vmin=-6, vmax=0, cmap="viridis", origin="lower")
        column[1].set_xlabel("variant")
    axes[0][0].set_ylabel("time / median")
    axes[1][0].set_ylabel("variant")
    fig.colorbar(shown, ax=axes[1].tolist(), label="log10 p, Holm", shrink=0.8)
    fig.savefig(path, dpi=110, metadata={"Software": None})


def main():
    p = argparse.ArgumentParser(description="Can two variants be told apart by their time?")
    p.add_argument("--figure", help="draw it there, a PNG; %%p stands for the profile")
    p.add_argument("rows", nargs="+", help="CSV files of the row schema")
    a = p.parse_args()
    try:
        every = load(a.rows)
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"figure5: {' '.join(str(e).split())}: rows are made by `make bench`")
    for profile in sorted({k[0] for k in every}):
        tests = {m: Test(*t) for (of, m), t in every.items() if of == profile}
        if not {"real", "copy"} <= tests.keys():
            sys.exit("figure5: the variants or their control are missing: rows are made by `make bench`")
        power = smallest_found(tests["copy"].times)
        print(report(profile, tests, power, len(tests["real"].times)))
        print(claim_lines(claims(tests, power)))
        if a.figure:
            Path(a.figure).parent.mkdir(parents=True, exist_ok=True)
            figure(tests, a.figure.replace("%p", profile))


if __name__ == "__main__":
    main()
