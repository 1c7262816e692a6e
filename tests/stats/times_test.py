#!/usr/bin/env python3
"""The statistics of times, from numbers whose answers are known: by hand, or from simulations that say how often they may be wrong.
Seeds are fixed, so the outcome is always the same."""
import math
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import statistics_of_rows as st  # noqa: E402

failed = False


def check(name, have, want):
    global failed
    good = have == want or (isinstance(want, float) and math.isclose(have, want, rel_tol=1e-9))
    failed |= not good
    print(f"ok {name}" if good else f"not ok {name}: {have!r}, not {want!r}")


def known():
    check("Holm's method", [round(float(x), 9) for x in st.holm([0.01, 0.04, 0.03, 0.005])], [0.03, 0.06, 0.06, 0.02])
    check("Holm's method: never above 1, never below the p before", [round(float(x), 9) for x in st.holm([0.9, 0.6, 0.3])],
          [1.0, 1.0, 0.9])
    check("A12: one of four pairs", st.a12([2, 3], [1, 2.5]), 0.25)
    check("geometric mean", st.geometric_mean([1, 4]), 2.0)
    check("geometric mean of nothing is no number", math.isnan(st.geometric_mean([])), True)
    places = np.repeat([0, 1, 2], [4, 3, 4])
    check("places: as many rounds as the shortest has", st.by_place(np.arange(11.0), places).tolist(), [[0, 1, 2], [4, 5, 6], [7, 8, 9]])
    # Student's 97.5% point for 9 degrees of freedom is 2.262157; times sqrt(10/9) it is the normal's point of this tail.
    tail = math.erfc(math.sqrt(10 / 9) * 2.2621571628 / math.sqrt(2)) / 2
    check("the tail for ten places", round(st.expanded_tail(10), 9), round(tail, 9))
    a, b = np.array([100.0, 102, 104] * 4), np.array([200.0, 204, 208] * 4)
    check("twice as long in each place", st.placed_ratio(a, b, np.repeat(range(4), 3), np.repeat(range(4), 3)), (2.0, 2.0, 2.0))
    one = st.placed_ratio(a, b, np.zeros(12), np.zeros(12))
    check("one place: a ratio without an interval", (one[0], math.isnan(one[1]), math.isnan(one[2])), (2.0, True, True))


def differences():
    nan = math.nan
    for name, interval, control, want in [
        ("its interval excludes 1 and the control's ratio", (1.05, 1.03, 1.07), (1.01, 0.99, 1.03), True),
        ("a faster one, too", (0.95, 0.93, 0.97), (1.01, 0.99, 1.03), True),
        ("its interval holds 1", (1.05, 0.99, 1.11), (1.0, 0.99, 1.01), False),
        ("its interval holds the control's ratio", (1.05, 1.03, 1.07), (1.04, 1.0, 1.08), False),
        ("the control's ratio is as far on the other side", (1.05, 1.03, 1.07), (1 / 1.04, 0.93, 1.0), False),
        ("a faster one, the same", (0.95, 0.93, 0.97), (1.04, 1.0, 1.08), False),
        ("no interval", (1.05, nan, nan), (1.0, 0.99, 1.01), False),
        ("no control", (1.05, 1.03, 1.07), (nan, nan, nan), False),
    ]:
        check(f"a difference? {name}", st.shown(interval, control), want)


def simulated(rng, ratio, favour=0.01, places=10, rounds=20):
    """Times with what real ones have: each place favours each build by about 1%, rounds vary by 3%, some are much longer."""
    place = np.repeat(np.arange(places), rounds)
    round_of_all = 1 + 0.2 * rng.random(places * rounds)

    def build(by):
        noise = 1 + 0.03 * rng.standard_normal(places * rounds) + 0.5 * (rng.random(places * rounds) < 0.05)
        return 1000 * by * round_of_all * noise * (1 + favour * rng.standard_normal(places))[place]

    return build(1), build(1), build(ratio), place


def rates():
    """How often is a difference shown, and how often does the interval miss the ratio? Of 200 experiments each."""
    rng = np.random.default_rng(1)
    false = found = missed = 0
    for _ in range(200):
        a, aa, b, place = simulated(rng, 1.0)
        control, same = st.placed_ratio(a, aa, place, place), st.placed_ratio(a, b, place, place)
        false += st.shown(same, control)
        missed += not same[1] <= 1 <= same[2]
        a, aa, b, place = simulated(rng, 1.05)
        found += st.shown(st.placed_ratio(a, b, place, place), st.placed_ratio(a, aa, place, place))
    check(f"no difference: shown in {false} of 200, at most 5%", false <= 10, True)
    check(f"no difference: the 95% interval misses it in {missed} of 200, at most 8%", missed <= 16, True)
    check(f"a difference of 5%: shown in {found} of 200, at least 95%", found >= 190, True)
    # The control: an interval over rounds takes the places for independent, and is wrong far more often.
    wrong = 0
    for _ in range(60):
        a, _, b, place = simulated(rng, 1.0, favour=0.03)
        _, low, high = st.placed_ratio(a, b, np.arange(len(a)), np.arange(len(a)))
        wrong += not low <= 1 <= high
    check(f"rounds taken for independent: misses it in {wrong} of 60, more than 9", wrong > 9, True)


for part in (known, differences, rates):
    part()
sys.exit(failed)
