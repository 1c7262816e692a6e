#!/usr/bin/env python3
"""Print what the search for variants found, from rows: the funnel of its stages, or each strategy alone.

Usage: search.py funnel ROWS.csv...     rows of `build/bench/search`, configs cold and warm
       search.py ablation ROWS.csv...   the same with one config for each strategy, and rows of `build/bench/measure time`
Holds: no number here is written down; the time of the final audit is told apart from that of the search."""
import argparse
import sys

import pandas as pd

from analyse import SERVICES, show, table
from statistics_of_rows import geometric_mean, time_ratio

COUNTS = ["enumerated", "passed", "tried", "surviving", "asked", "proved", "kept"]
TITLES = {"cold": "default strategies, new cache", "warm": "default strategies, old cache",
          "cold-all": "all strategies, new cache", "warm-all": "all strategies, old cache"}
STAGES = ["propose_ns", "survive_ns", "prove_ns"]


def load(files):
    frame = pd.concat([pd.read_csv(f, dtype={"value": str}) for f in files], ignore_index=True)
    frame["value"] = frame["value"].astype(float)
    return frame


def counts(frame):
    """{config: {service: {metric: value}}} of the search's own rows."""
    out = {}
    for (config, service, metric), part in frame[frame["phase"] == "search"].groupby(["config", "service", "metric"]):
        out.setdefault(config, {}).setdefault(service, {})[metric] = float(part["value"].iloc[-1])
    return out


def ordered(names):
    return [s for s in SERVICES if s in names] + sorted(set(names) - set(SERVICES))


def total(services):
    out = {}
    for of in services.values():
        for metric, value in of.items():
            out[metric] = out.get(metric, 0) + value
    return out


def seconds(of, stages=tuple(STAGES)):
    return sum(of[s] for s in stages) / 1e9


def share(part, whole):
    return f"{100 * part / whole:.1f}%" if whole else "-"


def funnel_line(name, of):
    return [name, *(show(of[m]) for m in COUNTS), *(show(of[s] / 1e9, 2) for s in STAGES), show(of["audit_ns"] / 1e9, 2),
            show(of["kept"] / seconds(of)), share(of["distinct"], of["variants"])]


def funnel(frame):
    out = []
    configs = counts(frame)
    head = ["service", "looked at", "agreed", "tried", "differ", "asked", "proved", "kept", "propose", "survive", "prove", "audit",
            "kept/s", "distinct"]
    for config in [c for c in TITLES if c in configs]:
        services = configs[config]
        lines = [funnel_line(s, services[s]) for s in ordered(services)] + [funnel_line("all", total(services))]
        out.append(table(f"The search, {TITLES[config]}", head, lines))
    out.append("\n".join([
        "looked at: expressions and places; agreed: with their site at all test points; tried: compiled; differ: in",
        "machine code from all before them; asked: selected, so that a proof was needed; seconds of each stage; kept/s:",
        "kept for each second of propose, survive and prove; distinct: bodies of the final binaries"]))
    for pair in [p for p in (("cold", "warm"), ("cold-all", "warm-all")) if set(p) <= configs.keys()]:
        cold, warm = (total(configs[c]) for c in pair)
        rates = [t["kept"] / seconds(t) for t in (cold, warm)]
        name = "all strategies" if pair[0].endswith("all") else "the default strategies"
        out += ["", f"{name}: {show(rates[0])} kept a second with a new cache, {show(rates[1])} with an old one: "
                f"{rates[1] / rates[0]:.1f} times as many; all of it {seconds(cold, (*STAGES, 'audit_ns')):.1f} s new, "
                f"{seconds(warm, (*STAGES, 'audit_ns')):.1f} s old"]
    return "\n".join(out)


def time_ratios(frame, config):
    """Ratio of median times to the original's, for each service."""
    out = {}
    times = frame[(frame["metric"] == "time_ns") & (frame["phase"] == "execute")]
    for service, part in times.groupby("service"):
        by = {c: part[part["config"] == c].sort_values("iteration")["value"].to_numpy() for c in ("original", config)}
        if all(len(v) for v in by.values()):
            out[service] = time_ratio(by["original"], by[config])
    return out


def ablation(frame):
    lines, ratios = [], []
    configs = counts(frame)
    names = [c for c in configs if c != "all"] + ["all"] * ("all" in configs)
    for config in names:
        t = total(configs[config])
        times = time_ratios(frame, config)
        lines.append([config, *(show(t[m]) for m in ("dispatchers", *COUNTS[2:])), share(t["surviving"], t["tried"]),
                      share(t["proved"], t["asked"]), share(t["distinct"], t["variants"]), share(t["distinct_shape"], t["variants"]),
                      share(t["idle"], t["kept"]), show(geometric_mean([r[0] for r in times.values()]), 2)])
        ratios.append([config, *(f"{times[s][0]:.2f} [{times[s][1]:.2f},{times[s][2]:.2f}]" if s in times else "-" for s in SERVICES)])
    head = ["strategy", "disp", "tried", "differ", "asked", "proved", "kept", "survive", "provable", "distinct", "shape", "idle", "time"]
    return "\n".join([
        table("Each strategy alone, over all services, every function dispatched at each call", head, lines, [
            "survive: of those tried, how many differ in machine code; provable: of those asked; distinct, shape: of all",
            "bodies in the final binaries; idle: kept variants that read something that their site does not, so that a part",
            "of them can't matter; time: geometric mean over the services of the time over the original's"]),
        table("Time over the original's, warm, median [95% interval]", ["strategy", *SERVICES], ratios)])


def main():
    p = argparse.ArgumentParser(description="Print what the search for variants found.")
    p.add_argument("what", choices=["funnel", "ablation"])
    p.add_argument("rows", nargs="+", help="CSV files of the row schema")
    a = p.parse_args()
    try:
        print({"funnel": funnel, "ablation": ablation}[a.what](load(a.rows)))
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"search: {' '.join(str(e).split())}: rows are made by `make {a.what}`")


if __name__ == "__main__":
    main()
