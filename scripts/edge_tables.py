#!/usr/bin/env python3
"""Print what edge nodes answered, from rows alone: the paper's Table 3 and Figure 3, and which claims these rows support.

Usage: edge_tables.py [--published FOLDER] [--figure FILE.png] ROWS...
In:  rows of `scripts/edge.py` and scripts/edge_classes.py (results/README.md); --published, the folder with the paper's numbers.
Out: tables and claims; with --figure the unique ratio of each node and endpoint as a heat map. Exit: 0; 1 if a claim fails.
Holds: no number here is written down but the paper's, and the bounds of the claims; the paper's traces stand only beside those of its
     profile; what is not known (body traces, where the engine's classes are not) is a dash and supports no claim, and fails
     none where nobody can know: of an engine that gives no dump, and of the production edge.
"""
import argparse
import math
import sys
from pathlib import Path

import numpy as np

from analyse import OTHER_LIBRARY, QR_NOTE, SERVICES, beside, load, load_published, marked, normalised_entropy, pair, show, table

CONFIGS = ["original", "call", "request"]
NAMED = "request"          # the configuration that the claims are about
ENTROPY, UNIQUE = 0.999, 0.99
TALLY = ["requests", "errors", "wrong_bodies", "retries", "restarts", "dropped"]


# ---- what rows say ----------------------------------------------------------------------------------------------------

class Edge:
    """Rows of one profile and platform."""

    def __init__(self, frame):
        self.groups = dict(list(frame.groupby(["service", "config", "phase", "metric"], sort=False)))
        have = set(frame["service"])
        self.services = [s for s in SERVICES if s in have] + sorted(have - set(SERVICES))
        self.configs = [c for c in CONFIGS if c in set(frame["config"])]
        self.production = set(frame["platform"]) == {"fastly"}

    def unknowable(self, service, config):
        """No body traces, and for a reason."""
        return self.frame(service, config, "body_trace") is None and (
            self.production or self.one(service, config, "classes_known", "static") == 0)

    def frame(self, service, config, metric, phase="execute"):
        return self.groups.get((service, config, phase, metric))

    def numbers(self, service, config, metric, phase="execute"):
        f = self.frame(service, config, metric, phase)
        return np.array([]) if f is None else f["value"].astype(float).to_numpy()

    def one(self, service, config, metric, phase):
        v = self.numbers(service, config, metric, phase)
        return float(v[-1]) if len(v) else math.nan

    def total(self, metric, service, config):
        return int(self.numbers(service, config, metric, "node").sum())

    def entropy(self, service, config, metric):
        """(normalised, bits); not numbers without traces."""
        f = self.frame(service, config, metric)
        e = math.nan if f is None else normalised_entropy(f["value"].to_numpy())
        return e, math.nan if f is None else e * math.log2(len(f))

    def unique(self, service, config, metric):
        """Different traces over all traces, by node: the paper's R. One trace alone says nothing."""
        f = self.frame(service, config, metric)
        if f is None:
            return None
        by = f.groupby("node")["value"]
        return (by.nunique() / by.size())[by.size() > 1]

    def asked(self):
        """(service, config) of which there are rows of nodes."""
        return [(s, c) for s in self.services for c in self.configs if (s, c, "node", "requests") in self.groups]


# ---- tables -----------------------------------------------------------------------------------------------------------

def table3(edge, published, beside_paper):
    lines = []
    for s, c in edge.asked():
        p = published.get(s, {}) if c == "call" else {}
        entry, body = edge.entropy(s, c, "entry_trace"), edge.entropy(s, c, "body_trace")
        number = {m: edge.numbers(s, c, m) for m in ("trace_length", "dispatchers_executed", "choices")}
        first = lambda f, m: float(f(number[m])) if len(number[m]) else math.nan  # noqa: E731
        rest = [(first(np.median, "trace_length"), "trace_length_median"), (first(np.std, "trace_length"), "trace_length_sigma"),
                (first(np.median, "dispatchers_executed"), "dispatchers_executed"), (first(np.sum, "choices"), "choices")]
        cells = [x for v, k in rest for x in (pair(v, p.get(k)) if beside_paper else [show(v)])]
        lines.append([marked(s) if c == edge.configs[0] else f"  {c}", show(len(number["choices"])), show(entry[0], 4), show(entry[1], 1),
                      show(p.get("entropy"), 2), show(body[0], 4), show(body[1], 1), *cells])
    names = ["MTL", "sigma", "#ED", "#RCh"]
    head = ["endpoint", "traces", "E", "bits", "paper", "E body", "bits", *(beside(names) if beside_paper else names)]
    return table("Table 3: traces over all nodes, original and by --dispatch", head, lines, [
        "the first line of an endpoint is its original, the control; E: entropy of entry traces over the most that",
        "so many can have, log2 of them: 1 says that none came twice, and not how many there could be;",
        "E body: of the machine code that ran, equal code counted as one in the engine that ran it; bits:",
        "Shannon entropy; MTL, sigma: median and deviation of a trace's length; #ED dispatchers executed;",
        "#RCh choices, counted over all traces; paper: its nodes in production, beside call, as it dispatches",
        *(["random: a guest with randomness of its own, as deployed: its original's traces differ, too"]
          if "random" in edge.services else []),
        *([QR_NOTE] if set(edge.services) & set(OTHER_LIBRARY) else [])])


def figure3_text(edge):
    lines = []
    for s in edge.services:
        cells = []
        for c in edge.configs:
            for m in ("entry_trace", "body_trace"):
                r = edge.unique(s, c, m)
                cells += ["-", "-"] if r is None else [show(float(r.min()), 3), show(float(r.median()), 3)]
        lines.append([marked(s), *cells])
    head = ["endpoint", *(x for c in edge.configs for x in (f"| {c}", "med", "body", "med"))]
    return table("Figure 3: unique traces over all traces of a node: smallest and median node", head, lines,
                 ["of each configuration: entry traces, smallest node and median; body traces, smallest and median"])


def nodes_table(edge):
    lines, seconds = [], 0.0
    for s, c in edge.asked():
        seconds += edge.one(s, c, "time_ns", "run") / 1e9
        t = {m: edge.total(m, s, c) for m in TALLY}
        wanted = edge.one(s, c, "nodes", "run")
        lines.append([s if c == edge.configs[0] else "", c, show(wanted), show(edge.one(s, c, "nodes_at_once", "run")),
                      *(show(t[m]) for m in TALLY), show(edge.one(s, c, "time_ns", "run") / 1e9, 1)])
    head = ["endpoint", "config", "nodes", "at once", *(m.replace("wrong_bodies", "wrong") for m in TALLY), "seconds"]
    what = "those of the platform that answered" if edge.production else "one process each on this machine, in groups one after the other"
    return table(f"Nodes: {what}", head, lines, [
        "errors: no answer, or another status than 200; wrong: another body; retries: after no answer;",
        "dropped: nodes that scripts/edge_nodes.py calls unstable: over 1% errors, or started anew twice",
        f"to start the nodes, ask and stop them took {show(seconds)} seconds in all"])


def classes_table(edge):
    lines = []
    for s in edge.services:
        for c in edge.configs[1:]:
            n = [edge.one(s, c, m, "static") for m in ("dispatchers", "variants", "distinct", "distinct_shape")]
            if not math.isnan(n[1]):
                lines.append([s, c, *map(show, n)])
    return table("Bodies in the machine code of the engine that ran", ["endpoint", "config", "dispatchers", "bodies", "distinct", "shape"],
                 lines, ["body traces count bodies of equal code as one"]) if lines else ""


# ---- claims -----------------------------------------------------------------------------------------------------------

def claims(edge):
    """(how it is, text) of each. Without the rows a claim does not hold."""
    verdict = lambda holds: "pass" if holds else "FAIL"  # noqa: E731
    out = []
    for s in edge.services:
        asked = [c for c in edge.configs if (s, c) in edge.asked()]
        for metric, name in (("errors", "errors"), ("wrong_bodies", "wrong bodies"), ("dropped", "nodes dropped")):
            n = sum(edge.total(metric, s, c) for c in asked)
            out.append((verdict(n == 0 and bool(asked)), f"{s}: {n} {name} in {sum(edge.total('requests', s, c) for c in asked):,} requests"))
        if edge.unknowable(s, NAMED):
            out.append(("open", f"{s} {NAMED}: body traces are not known, since the engine's classes are not"))
            continue
        e, bits = edge.entropy(s, NAMED, "body_trace")
        out.append((verdict(e >= ENTROPY), f"{s} {NAMED}: body-trace entropy {show(e, 4)} ({show(bits, 1)} bits), at least {ENTROPY}"))
        r = edge.unique(s, NAMED, "body_trace")
        least = math.nan if r is None else float(r.min())
        out.append((verdict(least >= UNIQUE), f"{s} {NAMED}: unique body traces at every node, at least {show(least, 3)}; wanted {UNIQUE}"))
    return out


def report(frame, published):
    """(the whole text, do all claims hold)."""
    out, good = [], True
    for (profile, platform), part in frame.groupby(["profile", "platform"], sort=True):
        edge, version = Edge(part), sorted(set(part["runtime_version"]))
        where = "production edge" if edge.production else "simulated edge on one machine"
        out.append(f"\nProfile {profile}, {where}: {platform} {', '.join(version)}")
        out += [x for x in (table3(edge, published["table3"], profile == "paper"), figure3_text(edge), nodes_table(edge),
                            classes_table(edge)) if x]
        every = claims(edge)
        tally = {how: sum(h == how for h, _ in every) for how in ("pass", "FAIL", "open")}
        good &= tally["FAIL"] == 0
        out.append("\n".join(["", *(f"{how}  {text}" for how, text in every),
                              "Claims: " + ", ".join(f"{n} {how}" for how, n in tally.items() if n or how != "open")]))
    return "\n".join(out), good


# ---- Figure 3 ---------------------------------------------------------------------------------------------------------

def figure3(frame, path):
    """Unique ratio of body traces (entry traces, where the engine's classes are not known) by node and endpoint."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    edge = Edge(frame)
    nodes = sorted(set(frame[frame["phase"] == "node"]["node"]))
    figure, axes = pyplot.subplots(1, len(edge.configs), figsize=(3.2 * len(edge.configs) + 1, 9), squeeze=False, layout="constrained")
    for ax, c in zip(axes[0], edge.configs):
        kinds = ["body_trace" if edge.unique(s, c, "body_trace") is not None else "entry_trace" for s in edge.services]
        ratios = [edge.unique(s, c, k) for s, k in zip(edge.services, kinds)]
        grid = np.array([[math.nan if r is None else r.get(n, math.nan) for r in ratios] for n in nodes])
        image = ax.imshow(grid, vmin=0, vmax=1, aspect="auto", cmap="viridis", interpolation="none")
        names = [s + (" (entry)" if k == "entry_trace" else "") for s, k in zip(edge.services, kinds)]
        ax.set_xticks(range(len(names)), names, rotation=70)
        ax.set_yticks(range(0, len(nodes), 4), nodes[::4])
        ax.set_title(c)
    axes[0][0].set_ylabel("node")
    figure.colorbar(image, ax=axes[0], label="unique body traces / traces")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def load_edge(files):
    """analyse.load, and what it leaves out."""
    import pandas as pd
    rows = load(files)
    more = [pd.read_csv(f, usecols=["platform", "runtime_version"], dtype=str, keep_default_na=False) for f in files]
    return rows.join(pd.concat(more, ignore_index=True))


def main():
    p = argparse.ArgumentParser(description="Print the edge's tables from rows.")
    p.add_argument("--published", default="results/paper", help="the folder with the paper's numbers")
    p.add_argument("--figure", help="draw Figure 3 there, a PNG")
    p.add_argument("rows", nargs="+", help="CSV files of the row schema")
    a = p.parse_args()
    try:
        frame = load_edge(a.rows)
        text, good = report(frame, load_published(a.published))
        print(text)
        if a.figure:
            figure3(frame, a.figure)
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"edge_tables: {' '.join(str(e).split())}: rows are made by `make edge`")
    sys.exit(not good)


if __name__ == "__main__":
    main()
