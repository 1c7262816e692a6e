#!/usr/bin/env python3
"""Print which variants are still different once an engine has compiled them: by engine, by strategy, by rule.

Usage: survival.py BODIES.csv... [--ledgers LEDGER.csv...] [--rules OUT.csv]
In:  what `build/bench/survival` writes for each service, a line for each body with its digests by engine; the ledgers of the same
     builds, for the candidates that were not kept. Out: tables; with --rules the table of all rules as CSV.
Holds: a body is distinct when none before it in its dispatcher has the same machine code, so that those of all strategies and the
     originals add up; no number here is written down; an engine without digests was not there."""
import argparse
import sys

import pandas as pd

from analyse import SERVICES, show, table

ENGINES = {"wasmtime-cranelift": "Cranelift", "wasmtime-winch": "Winch", "node-v8": "V8", "wasmtime-cranelift-aarch64": "AArch64"}
DISPATCHER = ["service", "ordinal"]
SHOWN = 20    # rules at each end of the table
LEAST = 10    # kept variants that a rule must have to be shown there


def load(files):
    frames = []
    for f in files:
        frame = pd.read_csv(f, dtype={**{e: str for e in ENGINES}, **{f"{e}_shape": str for e in ENGINES}}, keep_default_na=False)
        if missing := sorted({"service", "ordinal", "place", "strategy", "rule", *ENGINES} - set(frame)):
            raise ValueError(f"{f}: no column {missing[0]}")
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def here(bodies, column):
    return bool((bodies[column] != "").all())


def judge(bodies):
    """Add for each engine that was there: is the body distinct, is its shape, is it different from the original?"""
    bodies = bodies.sort_values([*DISPATCHER, "place"], kind="stable").reset_index(drop=True)
    for e in ENGINES:
        for column, name in ((e, "distinct"), (f"{e}_shape", "shape")):
            if here(bodies, column):
                bodies[f"{e} {name}"] = ~bodies.duplicated([*DISPATCHER, column])
        if here(bodies, e):
            bodies[f"{e} preserved"] = bodies[e] != bodies.groupby(DISPATCHER)[e].transform("first")
    return bodies


def share(part, column):
    """Of these bodies, how many are so, in per cent; a dash where it is not known."""
    return f"{100 * part[column].mean():.1f}%" if column in part and len(part) else "-"


def shares(part, what):
    return [share(part, f"{e} {what}") for e in ENGINES]


def by_engine(bodies):
    variants = bodies[bodies["place"] > 0]
    lines = []
    for e, name in ENGINES.items():
        if f"{e} distinct" not in bodies:
            lines.append([name, "not here", *["-"] * 6])
            continue
        shape = f"{e} shape"
        lines.append([name, show(len(bodies)), show(int(bodies[f"{e} distinct"].sum())), share(bodies, f"{e} distinct"),
                      show(int(bodies[shape].sum())) if shape in bodies else "-", share(bodies, shape),
                      show(int(variants[f"{e} preserved"].sum())), share(variants, f"{e} preserved")])
    head = ["engine", "bodies", "distinct", "share", "in shape", "share", "preserved", "share"]
    return table("What each engine leaves of the bodies of all dispatchers", head, lines, [
        "bodies: originals and variants; distinct: within their dispatcher; in shape: the same with immediates masked and",
        "registers renamed; preserved: variants that differ from their original"])


def by_service(bodies):
    names = [s for s in SERVICES if s in set(bodies["service"])] + sorted(set(bodies["service"]) - set(SERVICES))
    lines = []
    for s in names:
        part = bodies[bodies["service"] == s]
        lines.append([s, show(len(part)), *shares(part, "distinct"), *shares(part[part["place"] > 0], "preserved")])
    head = ["service", "bodies", *ENGINES.values(), *ENGINES.values()]
    return table("Distinct of all bodies (left), preserved of all variants (right), by service", head, lines)


def by_strategy(bodies):
    variants = bodies[bodies["place"] > 0]
    groups = [*variants.groupby("strategy"), ("all", variants)]
    head = ["strategy", "kept", *ENGINES.values()]
    return "\n".join(table(f"Kept variants that are still distinct{in_shape}, by strategy", head,
                           [[s, show(len(part)), *shares(part, what)] for s, part in groups])
                     for what, in_shape in (("distinct", ""), ("shape", " in shape")))


def candidates(files):
    """By (strategy, rule): how many the deciding engine compiled, and how many of them differed from all before them."""
    frame = pd.concat([pd.read_csv(f, usecols=["strategy", "rule", "bytes", "survives"], keep_default_na=False) for f in files],
                      ignore_index=True)
    tried = frame[frame["bytes"].astype(str) != ""]
    return tried.groupby(["strategy", "rule"])["survives"].agg(tried="size", survives="sum").reset_index()


def rules(bodies, tried):
    """One line for each rule: kept variants and their shares by engine, candidates and their share."""
    variants = bodies[bodies["place"] > 0]
    columns = {e: f"{e} distinct" for e in ENGINES if f"{e} distinct" in variants}
    grouped = variants.groupby(["strategy", "rule"])
    out = grouped.size().rename("kept").to_frame()
    for e, column in columns.items():
        out[e] = grouped[column].mean()
    out = out.reset_index()
    if tried is not None:
        out = out.merge(tried, on=["strategy", "rule"], how="outer")
        out["kept"] = out["kept"].fillna(0).astype(int)
        out["candidates surviving"] = out["survives"] / out["tried"]
    out["mean"] = out[list(columns)].mean(axis=1) if columns else float("nan")
    return out.sort_values(["mean", "kept", "strategy", "rule"], ascending=[False, False, True, True], na_position="last")


def percent(x):
    return "-" if pd.isna(x) else f"{100 * x:.0f}%"


def rule_line(r):
    return [f"{r['strategy']} {r['rule']}"[:34], show(int(r["kept"])), *(percent(r[e]) if e in r else "-" for e in ENGINES),
            show(int(r["tried"])) if "tried" in r and not pd.isna(r["tried"]) else "-",
            percent(r.get("candidates surviving", float("nan")))]


def by_rule(frame):
    head = ["rule", "kept", *ENGINES.values(), "tried", "survive"]
    shown = frame[frame["kept"] >= LEAST]
    note = ["kept: variants in the modules, and how many of them each engine leaves distinct; tried, survive: candidates that",
            f"Cranelift compiled, and how many of them differ; rules of {LEAST} kept variants or more, by their mean over engines"]
    if len(shown) <= 2 * SHOWN:
        return table("Rules", head, [rule_line(r) for _, r in shown.iterrows()], note)
    best, worst = ([rule_line(r) for _, r in part.head(SHOWN).iterrows()] for part in (shown, shown[::-1]))
    return "\n".join([table(f"The {SHOWN} rules that survive best", head, best),
                      table(f"The {SHOWN} that survive worst", head, worst, note)])


def folded(tried):
    """Rules whose candidates Cranelift folds: kept variants can't show them."""
    worst = tried[tried["tried"] >= LEAST].assign(share=lambda t: t["survives"] / t["tried"])
    worst = worst.sort_values(["share", "tried"], ascending=[True, False], kind="stable")
    lines = [[f"{r['strategy']} {r['rule']}"[:50], show(int(r["tried"])), show(int(r["survives"])), percent(r["share"])]
             for _, r in worst.head(SHOWN).iterrows()]
    by = tried.groupby("strategy")[["tried", "survives"]].sum()
    totals = [[s, show(int(r["tried"])), show(int(r["survives"])), percent(r["survives"] / r["tried"])] for s, r in by.iterrows()]
    head = ["tried", "survive", "share"]
    return "\n".join([table("Candidates by strategy, compiled by Cranelift", ["strategy", *head], totals),
                      table("Rules of which Cranelift folds most", ["rule", *head], lines)])


def report(bodies, tried):
    bodies = judge(bodies)
    out = [by_engine(bodies), by_service(bodies), by_strategy(bodies), by_rule(rules(bodies, tried))]
    return "\n".join(out + ([folded(tried)] if tried is not None else []))


def main():
    p = argparse.ArgumentParser(description="Print which variants are still different once an engine has compiled them.")
    p.add_argument("bodies", nargs="+", help="CSV files that build/bench/survival wrote")
    p.add_argument("--ledgers", nargs="+", help="the ledgers of the same builds")
    p.add_argument("--rules", help="write the table of all rules there, as CSV")
    a = p.parse_args()
    try:
        bodies, tried = load(a.bodies), candidates(a.ledgers) if a.ledgers else None
        if a.rules:
            rules(judge(bodies), tried).drop(columns="mean").to_csv(a.rules, index=False, float_format="%.4f", lineterminator="\n")
        print(report(bodies, tried))
    except (OSError, ValueError, KeyError) as e:
        sys.exit(f"survival: {' '.join(str(e).split())}: its files are made by `make survival`")


if __name__ == "__main__":
    main()
