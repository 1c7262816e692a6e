"""What is computed from measured times, for all scripts that print them.

In:  numbers from rows, in the order of their rounds. Out: medians, ratios with intervals, tests.
Holds: chance is fixed (seed 0), so that the same rows give the same text.
"""
import math

import numpy as np
from scipy import stats

RESAMPLES = 2000
LEVEL = 0.95


def median_ratio(a, b, axis=-1):
    return np.median(b, axis=axis) / np.median(a, axis=axis)


def time_ratio(original, other):
    """Ratio of medians, its 95 % interval by bootstrap over rounds, and p of the Mann-Whitney U test."""
    n = min(len(original), len(other))
    a, b = original[:n], other[:n]
    r = stats.bootstrap((a, b), median_ratio, paired=True, vectorized=True, n_resamples=RESAMPLES, method="percentile",
                        random_state=np.random.default_rng(0))
    p = stats.mannwhitneyu(a, b, alternative="two-sided").pvalue
    return float(median_ratio(a, b)), float(r.confidence_interval.low), float(r.confidence_interval.high), float(p)


def a12(a, b):
    """Vargha's and Delaney's A: how likely one of b is larger than one of a, ties counted half."""
    return float(stats.mannwhitneyu(b, a).statistic) / (len(a) * len(b))


def by_place(values, places):
    """One line for each place, as long as the shortest: what is over is left out."""
    groups = [values[places == p] for p in np.unique(places)]
    n = min(len(g) for g in groups)
    return np.array([g[:n] for g in groups])


def expanded_tail(n, level=LEVEL):
    """The tail of the resamples that an interval from n clusters leaves out: what makes the percentile interval of so few as
    wide as Student's (Hesterberg, What Teachers Should Know about the Bootstrap, 2014)."""
    return float(stats.norm.cdf(-math.sqrt(n / (n - 1)) * stats.t.ppf((1 + level) / 2, n - 1)))


def placed_ratio(a, b, places_a, places_b, level=LEVEL):
    """Ratio of medians of b over a, with an interval by bootstrap over places, rounds with them: rounds in one place are not
    independent, since all of them run the same machine code at the same addresses. Without two places there is no interval."""
    a, b = by_place(a, places_a), by_place(b, places_b)
    g, n = min(len(a), len(b)), min(a.shape[1], b.shape[1])
    a, b = a[:g, :n], b[:g, :n]
    ratio = float(median_ratio(a.ravel(), b.ravel()))
    if g < 2:
        return ratio, math.nan, math.nan
    drawn = np.random.default_rng(0).integers(0, g, (RESAMPLES, g))
    ratios = median_ratio(a[drawn].reshape(RESAMPLES, -1), b[drawn].reshape(RESAMPLES, -1))
    tail = expanded_tail(g, level)
    low, high = np.quantile(ratios, [tail, 1 - tail])
    return ratio, float(low), float(high)


def shown(interval, control):
    """Is there a difference? Only if the interval excludes 1, and also the ratio that the control, the same thing measured twice, came
    to in the same run, on whichever side of 1 that was. Each is (ratio, low, high)."""
    if any(map(math.isnan, (*interval, *control))):
        return False
    chance = max(control[0], 1 / control[0])
    return interval[1] > chance or interval[2] < 1 / chance


def holm(p):
    """p values adjusted by Holm's method, in the order in which they came."""
    p = np.asarray(p, float)
    order = np.argsort(p)
    out = np.empty(len(p))
    out[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return out


def geometric_mean(values):
    return math.exp(float(np.mean(np.log(values)))) if len(values) else math.nan
