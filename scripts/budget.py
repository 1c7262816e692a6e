#!/usr/bin/env python3
"""Print what planned placements give and cost: the named configuration `budget`, asked-for overheads, and the frontier.

In:  table: CSV files of the row schema (bench/budget.mk); --verified, the folder with what `mewe verify --json` found.
     frontier: the CSV files that `mewe build --frontier` wrote, NAME.frontier-DISPATCH.csv. Out: tables, claims, a plot.
Holds: each target is checked on the rows and printed, also where it is missed; no time is a claim without the original against
       itself beside it.
"""
import argparse
import json
import math
import sys
from pathlib import Path

import pandas as pd

from analyse import Rows, diversity, load, marked, SERVICES, show, table
from rq4 import FRESH, Times, WARM, WHOLE
from statistics_of_rows import geometric_mean

# What is asked of `budget`: the ratio of warm times, of all and of some; of sizes; entropy of body traces over 6,400 executions.
GEOMETRIC_MEAN, ENTROPY, POINTS = 1.05, 0.999, 2
TIME = {"invert": 1.01, "qr_str": 1.01, "qr_image": 1.01, "bin2base64": 1.30}
SIZE = {s: 2 if s.startswith("qr") else 3 for s in SERVICES}
CONFIG = "budget"


def interval(times, service, config, what):
    ratio, low, high = times.ratio(service, config, what)
    digits = 3 if ratio < 2 else 2
    return f"{ratio:.{digits}f} [{low:.{digits}f},{high:.{digits}f}]"


def size_ratio(rows, service, metric):
    return rows.one(service, CONFIG, "static", metric) / rows.one(service, "original", "static", metric)


def proved(folder, service):
    """Variants that verify proved from the two binaries, of all there are; a region's original is no variant."""
    found = json.loads((Path(folder) / f"{service}.{CONFIG}.verified").read_text())["dispatchers"]
    done = sum(d["proved"] for d in found)
    return done, done + sum(d["refuted"] + d["unproved"] for d in found)


def budget_table(rows, times, bits, folder):
    lines = []
    for s in rows.services:
        d = diversity(rows, s, CONFIG)
        static = [show(rows.one(s, CONFIG, "static", m)) for m in ("dispatchers", "variants", "distinct")]
        lines.append([marked(s), show(d["bits"], 1), show(d["body"], 4), *static, "{}/{}".format(*proved(folder, s)),
                      interval(times, s, CONFIG, WARM), interval(times, s, "aa", WARM), interval(times, s, CONFIG, FRESH),
                      interval(times, s, CONFIG, WHOLE), *(show(size_ratio(rows, s, m), 2) for m in
                                                           ("size_bytes", "size_gzip_bytes", "size_brotli_bytes"))])
    return table(f"{CONFIG}: {bits} bits of choice in each request, where they cost least",
                 ["service", "bits", "E body", "places", "bodies", "distinct", "proved", "warm", "original again", "fresh", "whole", "size",
                  "gzip", "brotli"], lines, [
        "E body: normalised entropy of the body traces of 6,400 executions; proved: by `mewe verify` from the two binaries;",
        "times and sizes over the original's, [95% interval]: warm, one instance called again and again; fresh, an instance's",
        "first call, seeding included; whole, that with the instance made and dropped"])


def overheads(times):
    return sorted((c for c in times.configs if c.startswith("overhead-")), key=lambda c: float(c.split("-")[1]))


def overhead_table(times):
    lines = [[marked(s), c.split("-")[1] + "%", f"{(times.ratio(s, c, WARM)[0] - 1) * 100:.1f}%", interval(times, s, c, WARM),
              interval(times, s, "aa", WARM)] for s in times.services for c in overheads(times)]
    return table("--overhead: asked for and measured", ["service", "asked", "measured", "warm", "original again"], lines)


def claims(rows, times, bits, folder):
    out = []
    mean = geometric_mean([times.ratio(s, CONFIG, WARM)[0] for s in rows.services])
    out.append((mean <= GEOMETRIC_MEAN, f"geometric mean of the warm ratios {mean:.3f}, at most {GEOMETRIC_MEAN}"))
    for s in rows.services:
        d = diversity(rows, s, CONFIG)
        out.append((d["body"] >= ENTROPY, f"{s}: entropy of body traces {d['body']:.4f} over {d['n']:,} executions, at least {ENTROPY}"))
        out.append((d["bits"] >= bits, f"{s}: {d['bits']:.1f} bits a request, at least {bits}"))
        done, all_ = proved(folder, s)
        out.append((done == all_, f"{s}: {done} of {all_} bodies proved from the binaries"))
        if s in TIME:
            ratio, low, high = times.ratio(s, CONFIG, WARM)
            out.append((ratio <= TIME[s], f"{s}: warm {ratio:.3f} [{low:.3f},{high:.3f}], at most {TIME[s]:.2f}"))
        size = size_ratio(rows, s, "size_bytes")
        out.append((size <= SIZE[s], f"{s}: size {size:.2f}, at most {SIZE[s]}"))
        for c in overheads(times):
            asked, (ratio, _, _), (_, low, high) = float(c.split("-")[1]), times.ratio(s, c, WARM), times.ratio(s, "aa", WARM)
            noise = max(high - 1, 1 - low) * 100
            off = abs((ratio - 1) * 100 - asked)
            out.append((off <= max(POINTS, noise), f"{s}: --overhead {asked:g}% gives {(ratio - 1) * 100:.1f}%, within {POINTS} points"))
    return out


def claim_lines(every):
    bad = [f"FAILS  {text}" for holds, text in every if not holds]
    return "\n".join(["", *bad, f"Claims checked on these rows: {len(every) - len(bad)} hold, {len(bad)} fail"])


def print_table(a):
    frame = load(a.rows)
    rows = Rows(frame)
    numbers = frame[frame["phase"].isin([WARM[0], FRESH[0]]) & frame["metric"].isin([WARM[1], FRESH[1], "time_guest_count"])].copy()
    numbers["value"] = numbers["value"].astype(float)
    times = Times(numbers)
    print(budget_table(rows, times, a.bits, a.verified))
    print(overhead_table(times))
    print(claim_lines(claims(rows, times, a.bits, a.verified)))


# ---- the frontier -----------------------------------------------------------------------------------------------------

def steps(path):
    """The steps of one plan, by rising entropy, with the original's time of that trial beside."""
    f = pd.read_csv(path)
    f = f[f["trial"].isin(["step", "plan"])].sort_values(["entropy_bits", "ratio"])
    return f.drop_duplicates("entropy_bits")


def frontier_cell(f, bits):
    """The cheapest step with so many bits at least: its time and size; dashes where there is none."""
    enough = f[f["entropy_bits"] >= bits]
    if enough.empty:
        return "-"
    best = enough.loc[enough["ratio"].idxmin()]
    return f"{best['ratio']:.3f} {int(best['places'])} {int(best['size_bytes']) / 1000:.1f}"


def print_frontier(a):
    found = {}
    for p in map(Path, a.rows):
        service, dispatch = p.name.removesuffix(".csv").split(".frontier-")
        found[service, dispatch] = steps(p)
    services = [s for s in SERVICES if any(k[0] == s for k in found)]
    bits = [int(b) for b in a.bits.split(",")]
    lines = [[marked(s), d, *(frontier_cell(found[s, d], b) for b in bits)] for s in services for d in ("call", "request", "site")
             if (s, d) in found]
    print(table("Frontier: bits of choice in a request -> time over the original's, places, size in kB",
                ["service", "dispatch", *(str(b) for b in bits)], lines,
                ["the cheapest placement seen that has so many bits; - none has"]))
    if a.figure:
        plot(found, services, a.figure)


def plot(found, services, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker
    figure, axes = pyplot.subplots(2, math.ceil((len(services)) / 2), figsize=(14, 6.5), squeeze=False)
    for ax, s in zip(axes.ravel(), services):
        for d, mark in (("call", "o"), ("request", "s"), ("site", "^")):
            if (s, d) in found:
                f = found[s, d]
                ax.errorbar(f["entropy_bits"], f["ratio"], yerr=[f["ratio"] - f["ratio_low"], f["ratio_high"] - f["ratio"]], marker=mark,
                            markersize=4, linewidth=1, label=d)
        ax.axhline(1.05, color="gray", linewidth=0.7, linestyle=":")
        ax.set_title(s, fontsize=10)
        ax.set_yscale("log")
        for each in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
            each(ticker.FormatStrFormatter("%.2f"))
        ax.set_xlabel("bits of choice in a request", fontsize=8)
    axes[0][0].set_ylabel("time over the original's")
    axes[0][0].legend(fontsize=8)
    for ax in axes.ravel()[len(services):]:
        ax.set_axis_off()
    figure.tight_layout()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def main():
    p = argparse.ArgumentParser(description="Print what planned placements give and cost.")
    sub = p.add_subparsers(required=True)
    t = sub.add_parser("table", help="the configuration `budget` and the overheads, from rows")
    t.add_argument("--bits", type=float, default=20, help="bits of choice that were asked for")
    t.add_argument("--verified", required=True, help="the folder with NAME.budget.verified")
    t.set_defaults(run=print_table)
    f = sub.add_parser("frontier", help="from the planner's files")
    f.add_argument("--bits", default="4,8,12,16,20,32,64", help="columns")
    f.add_argument("--figure", help="draw it there, a PNG")
    f.set_defaults(run=print_frontier)
    for s in (t, f):
        s.add_argument("rows", nargs="+")
    a = p.parse_args()
    try:
        a.run(a)
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"budget: {' '.join(str(e).split())}: make what is needed with `make budget` or `make frontier`")


if __name__ == "__main__":
    main()
