#!/usr/bin/env python3
"""Print the tables from rows, and from rows only.

In:  CSV files of the row schema (results/README.md); --published, the folder with the paper's numbers.
Out: for each profile and input among the rows: what was built, how diverse its executions are, what it costs, and which of the
     project's claims these rows support or not; for profile `paper` with input `paper` the paper's Tables 1 to 3 first.
Holds: no number here is written down, but those of the paper; lines are at most 100 columns wide.
"""
import argparse
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from statistics_of_rows import a12, time_ratio

SERVICES = ["encrypt", "decrypt", "random", "invert", "bin2base64", "qr_str", "qr_image"]
OTHER_LIBRARY = ("qr_str", "qr_image")  # the paper's QR codes are another library's
KEYS = ["service", "profile", "input", "build", "config", "seed", "module", "node", "phase", "iteration", "metric", "value"]
SERVICE_BAR_MS = 100  # the paper's bar: what an answer of an edge service may take


# ---- rows -------------------------------------------------------------------------------------------------------------

def load(files):
    """All rows as one frame; values stay text, since some are hashes."""
    text = {k: "category" for k in KEYS if k not in ("value", "node", "iteration")}
    frames = [pd.read_csv(f, usecols=KEYS, dtype={**text, "value": str, "node": int, "iteration": int}, keep_default_na=False)
              for f in files]
    rows = pd.concat(frames, ignore_index=True)
    for k in text:
        rows[k] = rows[k].astype(str)
    return rows


class Rows:
    """Rows of one profile and input, by (service, build or control's config, phase, metric)."""

    def __init__(self, frame):
        self.groups = dict(list(frame.groupby(["service", "config", "phase", "metric"], sort=False)))
        have = set(frame["service"])
        self.services = [s for s in SERVICES if s in have] + sorted(have - set(SERVICES))

    def frame(self, service, config, phase, metric):
        return self.groups.get((service, config, phase, metric))

    def values(self, service, config, phase, metric):
        """Numbers in the order of the rows, or None where there are none."""
        f = self.frame(service, config, phase, metric)
        return None if f is None else f["value"].astype(float).to_numpy()

    def one(self, service, config, phase, metric):
        v = self.values(service, config, phase, metric)
        return math.nan if v is None else float(v[-1])


# ---- statistics -------------------------------------------------------------------------------------------------------

def normalised_entropy(traces):
    """The paper's E: Shannon entropy of the traces over the logarithm of how many executions there were."""
    if len(traces) < 2:
        return math.nan
    counts = np.unique(traces, return_counts=True)[1]
    return abs(float(stats.entropy(counts, base=2))) / math.log2(len(traces))


def min_entropy(traces):
    """Bits of the most frequent trace: what a guess of it gains."""
    return -math.log2(np.unique(traces, return_counts=True)[1].max() / len(traces))


def miller_madow(traces):
    """Shannon entropy in bits, with Miller's and Madow's correction for what so few executions can not show."""
    counts = np.unique(traces, return_counts=True)[1]
    return float(stats.entropy(counts, base=2)) + (len(counts) - 1) / (2 * len(traces) * math.log(2))


def unique_ratio(frame):
    """The paper's R(node, service): different traces among a node's executions; the smallest over the nodes."""
    by = frame.groupby("node")["value"]
    return float((by.nunique() / by.size()).min())


def diversity(rows, service, config):
    """What the traces of one configuration say; None without rows."""
    body = rows.frame(service, config, "execute", "body_trace")
    if body is None:
        return None
    entry = rows.frame(service, config, "execute", "entry_trace")
    number = {m: rows.values(service, config, "execute", m)
              for m in ("choices", "bits", "trace_length", "dispatchers_executed")}
    return {
        "n": len(body),
        "entry": normalised_entropy(entry["value"].to_numpy()),
        "body": normalised_entropy(body["value"].to_numpy()),
        "min": min_entropy(body["value"].to_numpy()),
        "miller_madow": miller_madow(body["value"].to_numpy()),
        "unique": unique_ratio(body),
        "unique_entry": unique_ratio(entry),
        "choices": float(np.median(number["choices"])),
        "all_choices": float(np.sum(number["choices"])),
        "bits": float(np.median(number["bits"])),
        "length": float(np.median(number["trace_length"])),
        "sigma": float(np.std(number["trace_length"])),
        "executed": float(np.median(number["dispatchers_executed"])),
    }


# ---- printing ---------------------------------------------------------------------------------------------------------

def show(x, digits=0):
    """A number as short as it may be; a dash for what is not known."""
    if x is None or (isinstance(x, float) and math.isnan(x)):
        return "-"
    if isinstance(x, str):
        return x
    if math.isinf(x) or abs(x) >= 1e7:
        return f"{x:.2g}".replace("e+", "e")
    return f"{x:,.{digits}f}"


def table(title, head, lines, notes=()):
    """Columns as wide as they need to be: the first to the left, the others to the right."""
    width = [max(len(r[i]) for r in [head, *lines]) for i in range(len(head))]
    out = ["", title]
    for r in [head, *lines]:
        out.append(" ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(r, width))).rstrip())
    out.insert(3, "-" * (sum(width) + len(width) - 1))
    out += notes
    return "\n".join(out)


def marked(service):
    return service + "*" if service in OTHER_LIBRARY else service


QR_NOTE = "* the paper's QR codes were made with another library (qrcode-rust); ours with libqrencode"


# ---- the tables -------------------------------------------------------------------------------------------------------

def built(rows):
    lines = []
    for s in rows.services:
        before, after = rows.one(s, "original", "static", "size_bytes"), rows.one(s, "call", "static", "size_bytes")
        count = [rows.one(s, "call", "static", m)
                 for m in ("dispatchers", "proposed", "surviving", "proved", "kept", "variants", "distinct", "distinct_shape")]
        lines.append([s, show(rows.one(s, "original", "static", "functions")), *map(show, count),
                      show(rows.one(s, "call", "execute", "paths_paper")),
                      show(rows.one(s, "call", "execute", "paths_exact_log2"), 1),
                      show(before), show(after), show(after / before, 1)])
    head = ["service", "func", "disp", "prop", "surv", "proved", "kept", "body", "dist", "shape", "paths", "exact", "size",
            "after", "x"]
    return table("What was built", head, lines, [
        "disp dispatchers; prop, surv(iving the compiler), proved where selected, kept: candidates; body:",
        "bodies, originals counted; dist different in machine code, shape with constants, registers masked;",
        "paths of one run as the paper counts; exact log2 of what its choices can take; size in bytes"])


def diverse(rows, paper):
    lines = []
    for s in rows.services:
        c, r, k, free = (diversity(rows, s, config) for config in ("call", "request", "copy", "call-free"))
        cell = lambda d, m, digits=4: show(d[m] if d else None, digits)  # noqa: E731
        ours = lambda d: [cell(d, "entry"), cell(d, "body"), cell(d, "min", 1), cell(d, "miller_madow", 1)]  # noqa: E731
        rest = lambda d: [cell(d, "unique", 2), cell(d, "choices", 0), cell(d, "bits", 0)]  # noqa: E731
        lines.append([marked(s), *ours(c), show(paper.get(s, {}).get("entropy"), 2), *rest(c),
                      cell(r, "body"), *rest(r), cell(k, "body")])
        if free:
            lines.append([f"{s}+", *ours(free), show(paper.get(s, {}).get("entropy"), 2), *rest(free), *["-"] * 5])
    head = ["service", "entry", "body", "min", "M-M", "paper", "R", "choices", "bits", "| body", "R", "choices", "bits", "| copy"]
    return table("How diverse executions are: --dispatch call | --dispatch request | the control", head, lines, [
        "entry, body: normalised entropy of the traces of all executions: functions, machine code entered;",
        "min, M-M: of body traces in bits, min-entropy and Miller-Madow; paper: its E, over entry traces;",
        "R unique body traces on a node, the smallest of the nodes; choices, bits for each request;",
        "copy: body where all variants are copies, 0 unless the instruments make diversity",
        *(["random: the guest's own randomness is fixed; random+: it is not"] if "random" in rows.services else []),
        *([QR_NOTE] if set(rows.services) & set(OTHER_LIBRARY) else [])])


# What is timed: warm, the first call of a fresh instance, and that with its instance made and dropped.
TIMES = [("execute", "time_ns"), ("request", "time_guest_ns"), ("request", "time_ns")]


def ratio_cell(rows, service, config, phase, metric="time_ns"):
    a, b = (rows.values(service, c, phase, metric) for c in ("original", config))
    if a is None or b is None:
        return "-"
    ratio, low, high, p = time_ratio(a, b)
    digits = 2 if high < 10 else 1
    return f"{ratio:.{digits}f} [{low:.{digits}f},{high:.{digits}f}]" + ("~" if p >= 0.05 else "")


def median_us(rows, service, config, phase, metric):
    v = rows.values(service, config, phase, metric)
    return math.nan if v is None else float(np.median(v)) / 1000


def effect_cell(rows, service, config):
    a, b = (rows.values(service, c, "request", "time_guest_ns") for c in ("original", config))
    return "-" if a is None or b is None else show(a12(a, b), 2)


def cost(rows, paper, config):
    lines = []
    for s in rows.services:
        cells = [x for t in TIMES for x in (show(median_us(rows, s, "original", *t), 2), ratio_cell(rows, s, config, *t))]
        lines.append([marked(s), *cells, show(paper.get(s, {}).get("ratio"), 1), effect_cell(rows, s, config)])
    head = ["service", "warm", "ratio", "fresh", "ratio", "whole", "ratio", "paper", "A12"]
    return table(f"What --dispatch {config} costs: time over the original's, median [95% interval]", head, lines)


COST_NOTES = "\n".join([
    "warm: one instance, called again and again; fresh: the first call of an instance, seeding included,",
    "the counterpart of the paper's Table 4 beside it; whole: that with the instance made and dropped;",
    "each the original's microseconds, then the ratio; ~ the Mann-Whitney U test can't tell them apart;",
    "A12 of fresh: how likely a multivariant's time is the longer one"])


# ---- the paper's tables -----------------------------------------------------------------------------------------------

def pair(ours, theirs, digits=0):
    return [show(ours, digits), show(theirs, digits)]


def beside(names):
    return [x for n in names for x in (n, "paper")]


def paper_table1(rows, published):
    lines = []
    for ours, theirs, names in (("libsodium", "libsodium", [s for s in rows.services if s not in OTHER_LIBRARY]),
                                ("libqrencode*", "qrcode-rust", [s for s in rows.services if s in OTHER_LIBRARY])):
        total = [float(sum(rows.one(s, "original", "execute", m) for s in names)) for m in ("functions", "static_instructions")]
        p = published["table1"].get(theirs, {})
        lines.append([ours, *pair(len(names), p.get("services")), *pair(total[0], p.get("functions")),
                      *pair(total[1], p.get("static_instructions"))])
    return table("Table 1: subjects", ["library", *beside(["endpoints", "functions", "instructions"])], lines,
                 ["functions, instructions: those that a run enters, added up over the endpoints", QR_NOTE])


def paper_table2(rows, published):
    lines = []
    for s in rows.services:
        p = published["table2"].get(s, {})
        f = rows.one(s, "original", "execute", "functions")
        d, v, real, shape = (rows.one(s, "call", "execute", m) for m in ("dispatchers", "variants", "distinct", "distinct_shape"))
        proved, idle = (rows.one(s, "call", "execute", m) for m in ("proved", "idle"))
        lines.append([marked(s), *pair(f, p.get("functions")),
                      *pair(rows.one(s, "original", "execute", "paths_paper"), p.get("paths_original")),
                      *pair(d, p.get("dispatchers")),
                      *pair(v + d, p.get("variants")), show(real), show(shape), show(proved), show(idle),
                      *pair(rows.one(s, "call", "execute", "paths_paper"), p.get("paths_multivariant"))])
    head = ["endpoint", *beside(["#F", "#Paths", "#D", "#V"]), "real", "shape", "proved", "idle", *beside(["MV #Paths"])]
    return table("Table 2: static diversity, over the functions that one run enters", head, lines,
                 [
        "#V as the paper's scripts count, the original twice for each dispatcher; real: bodies that differ in",
        "machine code, the original once; shape: with constants and registers masked; proved: equal to their",
        "original; idle: of those, with code that can't matter", QR_NOTE])


def paper_table3(rows, published):
    lines = []
    for s in rows.services:
        p, d = published["table3"].get(s, {}), diversity(rows, s, "call") or {}
        lines.append([marked(s), *pair(d.get("entry"), p.get("entropy"), 2), show(d.get("body"), 2),
                      *pair(d.get("length"), p.get("trace_length_median")), *pair(d.get("sigma"), p.get("trace_length_sigma")),
                      *pair(d.get("executed"), p.get("dispatchers_executed")), *pair(d.get("all_choices"), p.get("choices"))])
    head = ["endpoint", *beside(["E"]), "E body", *beside(["MTL", "sigma", "#ED", "#RCh"])]
    return table("Table 3: execution traces over all nodes", head, lines,
                 ["E of entry traces; E body of the machine code that ran; MTL median trace length, where a dispatcher",
                  "and its variant are two entries: here nearly every function is a dispatcher, in the paper few;",
                  "#ED dispatchers executed; #RCh choices over all executions, in the paper one trace's times 6,400",
                  "random: the guest's own randomness is fixed, in the paper it is not", QR_NOTE])


# ---- claims -----------------------------------------------------------------------------------------------------------

def twins(rows, service, config):
    """Seeds, and those for which the builds with and without trace did not draw the same; None without rows."""
    f = rows.frame(service, config, "execute", "choice_trace")
    if f is None:
        return None
    by = f.groupby("seed")
    good = (by["value"].nunique() == 1) & (by["module"].nunique() >= 2)
    return len(good), int((~good).sum())


def claims(rows):
    """(holds, text) for each claim that these rows can support."""
    out = []
    for s in rows.services:
        c, k = diversity(rows, s, "call"), diversity(rows, s, "copy")
        if c:
            out.append((c["body"] >= 0.99, f"{s}: body-trace entropy {c['body']:.4f}, at least 0.99"))
        if k:
            out.append((k["body"] == 0, f"{s}: body-trace entropy of copies {k['body']:.4f}, 0"))
        us = median_us(rows, s, "call", "request", "time_ns")
        if not math.isnan(us):
            out.append((us < SERVICE_BAR_MS * 1000, f"{s}: {us / 1000:.3f} ms with a fresh instance, under {SERVICE_BAR_MS}"))
        for config, want in (("call", "variants"), ("copy", "dispatchers")):
            have, should = (rows.one(s, config, "static", m) for m in ("distinct", want))
            if not math.isnan(have):
                out.append((have == should, f"{s}: {show(have)} distinct bodies in {config}, as many as {want}, {show(should)}"))
        for config in ("call-host", "request-host"):
            t = twins(rows, s, config)
            if t:
                out.append((t[1] == 0, f"{s}: traced and untraced draw the same ({config}), {t[1]} of {t[0]} seeds differ"))
    return out


def claim_lines(rows):
    all_claims = claims(rows)
    bad = [f"FAILS  {text}" for holds, text in all_claims if not holds]
    return "\n".join(["", *bad, f"Claims checked on these rows: {len(all_claims) - len(bad)} hold, {len(bad)} fail"])


# ---- main -------------------------------------------------------------------------------------------------------------

def load_published(folder):
    out = {}
    for n in (1, 2, 3, 4):
        f = pd.read_csv(Path(folder) / f"table{n}.csv").set_index("library" if n == 1 else "service")
        out[f"table{n}"] = {k: {c: float(x) for c, x in row.items()} for k, row in f.iterrows()}
    return out


def report(frame, published):
    """The whole text for all profiles and inputs of the frame."""
    out = []
    for (profile, which), part in frame.groupby(["profile", "input"], sort=True):
        rows = Rows(part)
        runs = max((d["n"] for s in rows.services if (d := diversity(rows, s, "call"))), default=0)
        out.append(f"\nProfile {profile}, input {which}, {runs:,} executions of each service, in-process")
        if profile == "paper" and which == "paper":
            out += [f(rows, published) for f in (paper_table1, paper_table2, paper_table3)]
        out += [built(rows), diverse(rows, published["table3"]), *(cost(rows, published["table4"], c) for c in ("call", "request")),
                COST_NOTES, claim_lines(rows)]
    return "\n".join(out)


def main():
    p = argparse.ArgumentParser(description="Print the tables from rows.")
    p.add_argument("--published", default="results/paper", help="the folder with the paper's numbers")
    p.add_argument("rows", nargs="+", help="CSV files of the row schema")
    a = p.parse_args()
    try:
        print(report(load(a.rows), load_published(a.published)))
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"analyse: {' '.join(str(e).split())}: rows are made by `make measure`")


if __name__ == "__main__":
    main()
