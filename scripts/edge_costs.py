#!/usr/bin/env python3
"""Print what multivariance costs at the edge, from rows alone.

Usage: edge_costs.py times [--published FOLDER] ROWS...     the time in the guest: the paper's Table 4
       edge_costs.py load ROWS...                           throughput and latency under load
In:  rows of scripts/edge_times.py or scripts/edge_load.py (results/README.md). Out: a table. Exit: 0; 1 if there were errors.
Holds: a ratio has an interval; the original a second time (`aa`) shows what chance does.
"""
import argparse
import math
import sys

import numpy as np

from analyse import OTHER_LIBRARY, QR_NOTE, SERVICE_BAR_MS, load_published, marked, pair, show, table
from edge_tables import Edge, load_edge
from statistics_of_rows import a12, shown, time_ratio

CONFIGS = ["original", "aa", "call", "request"]


def in_turn(edge, service, config, metric, phase):
    """Numbers by (iteration, node), so that those of two configurations pair by their round."""
    f = edge.frame(service, config, metric, phase)
    return None if f is None else f.sort_values(["iteration", "node"], kind="stable")["value"].astype(float).to_numpy()


def ratio_cells(a, b, control):
    """[ratio and interval, p] of b over a; marked where it is no more than what the control, a again, came to."""
    ratio, low, high, p = time_ratio(a, b)
    alike = "" if b is control or control is None or shown((ratio, low, high), time_ratio(a, control)[:3]) else "~"
    return [f"{ratio:.3f} [{low:.3f},{high:.3f}]{alike}", f"{p:.2g}"]


def beside_original(edge, metric, phase):
    """(service, configuration, the original's numbers, its own, the control's) of each that has numbers."""
    for s in edge.services:
        numbers = {c: in_turn(edge, s, c, metric, phase) for c in CONFIGS}
        for c, own in numbers.items():
            if own is not None and numbers["original"] is not None:
                yield s, c, numbers["original"], own, numbers["aa"]


# ---- times ------------------------------------------------------------------------------------------------------------

def times_table(edge, published):
    lines = []
    for s, c, a, b, again in beside_original(edge, "time_guest_ns", "request"):
        first, p = c == "original", published.get(s, {}) if c in ("original", "call") else {}
        side = "original" if first else "multivariant"
        median, sigma = float(np.median(b)) / 1000, float(np.std(b)) / 1000
        lines.append([marked(s) if first else f"  {c}", show(len(b)), *pair(median, p.get(f"{side}_median_us"), 1),
                      *pair(sigma, p.get(f"{side}_sigma_us"), 1), *(["", "", "", ""] if first else [
                          *ratio_cells(a, b, again), show(a12(a, b), 2), show(p.get("ratio"), 1)])])
    head = ["endpoint", "requests", "median us", "paper", "sigma", "paper", "ratio [95%]", "p", "A12", "paper"]
    return table("Table 4, in the edge node: time in the guest, and its ratio to the original's", head, lines, [
        "in-guest clock around the service alone; aa: the original a second time, in other processes: an interval over",
        "rounds does not hold what that changes; ~ no difference: it holds 1, or the ratio that aa came to;",
        "p: Mann-Whitney U; A12: how likely a request is the longer one; paper: production, beside call;",
        "the runtime interrupts guests to look at the clock, so that sigma is the machine's more than ours",
        *([QR_NOTE] if set(edge.services) & set(OTHER_LIBRARY) else [])])


def times_claims(edge):
    out = []
    for s in edge.services:
        for c in ("call", "request"):
            v = in_turn(edge, s, c, "time_guest_ns", "request")
            if v is not None:
                ms = float(np.median(v)) / 1e6
                out.append((ms < SERVICE_BAR_MS, f"{s} {c}: {ms:.3f} ms in the guest, under {SERVICE_BAR_MS}"))
    return out


# ---- load -------------------------------------------------------------------------------------------------------------

def late(edge, service, config):
    """Medians over rounds of the latency's percentiles, in milliseconds; none where a round's requests are too few to have it."""
    fewest = edge.numbers(service, config, "requests", "load").min()
    return [float(np.median(in_turn(edge, service, config, f"latency_{name}_ns", "load"))) / 1e6 if fewest >= needs else math.nan
            for name, needs in (("p50", 2), ("p99", 100), ("p999", 1000))]


def load_table(edge):
    lines = []
    for s, c, a, b, again in beside_original(edge, "requests_per_s", "load"):
        first = c == "original"
        lines.append([s if first else f"  {c}", show(len(b)), show(edge.numbers(s, c, "requests", "load").sum()),
                      show(edge.numbers(s, c, "errors", "load").sum()), show(float(np.median(b))),
                      *(["", ""] if first else ratio_cells(a, b, again)), *(show(x, 2) for x in late(edge, s, c))])
    head = ["endpoint", "rounds", "requests", "errors", "per s", "ratio [95%]", "p", "p50 ms", "p99", "p99.9"]
    return table("Load: 32 connections, original and multivariants in turn", head, lines, [
        "aa: the original a second time, in a process of its own; ~ no difference: the interval holds 1, or",
        "the ratio that aa came to;",
        "per s, and percentiles of the latency: medians over rounds, a dash where a round has too few requests for it;",
        "each client asks when it has its answer: what waits behind a slow one is not in the percentiles;",
        "ratio of throughput to the original's; its interval is one of rounds, and of so few too narrow rather than too wide;",
        "client and server share this machine, instantiation and HTTP included: only ratios mean something"])


def load_claims(edge):
    out = []
    for s in edge.services:
        n = sum(int(edge.numbers(s, c, "errors", "load").sum()) for c in CONFIGS)
        asked = sum(int(edge.numbers(s, c, "requests", "load").sum()) for c in CONFIGS)
        out.append((n == 0 and asked > 0, f"{s}: {n} errors in {asked:,} requests under load"))
    return out


def report(frame, published):
    """(text, do all claims hold); without published numbers, of load."""
    out, good = [], True
    for (profile, platform), part in frame.groupby(["profile", "platform"], sort=True):
        edge, version = Edge(part), sorted(set(part["runtime_version"]))
        out.append(f"\nProfile {profile}, simulated edge on one machine: {platform} {', '.join(version)}")
        theirs = (published or {}).get("table4", {}) if profile == "paper" else {}
        out.append(load_table(edge) if published is None else times_table(edge, theirs))
        every = load_claims(edge) if published is None else times_claims(edge)
        good &= all(holds for holds, _ in every)
        out.append("\n".join(["", *(f"{'pass' if holds else 'FAIL'}  {text}" for holds, text in every)]))
    return "\n".join(out), good


def main():
    p = argparse.ArgumentParser(description="Print what multivariance costs at the edge, from rows.")
    p.add_argument("what", choices=["times", "load"])
    p.add_argument("--published", default="results/paper", help="the folder with the paper's numbers")
    p.add_argument("rows", nargs="+", help="CSV files of the row schema")
    a = p.parse_args()
    try:
        text, good = report(load_edge(a.rows), load_published(a.published) if a.what == "times" else None)
        print(text)
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"edge_costs: {' '.join(str(e).split())}: rows are made by `make edge-{a.what}`")
    sys.exit(not good)


if __name__ == "__main__":
    main()
