#!/usr/bin/env python3
"""Ask simulated edge nodes: each service in each configuration, every node so many times, one request to each node before the next.

Usage: edge.py [--driver D] [--nodes N] [--requests N] [--at-once N] --profile P --service S... --config C... --module FORM --out FOLDER
In:  a driver (bench/edge/NAME); modules with traces, FORM with {service} and {config}; beside each, FORM's .classes.csv, that says
     whether its body trace has the classes of the engine that runs it; services/vectors.
Out: FOLDER/SERVICE.CONFIG.csv.gz: rows (results/README.md) of what each answer's headers say, and each node's tally.
Holds: every answer is compared with what an independent implementation gives (random: its form); groups of nodes that fit the
     machine run one after the other, where the paper's ran at the same time; a file that is there is complete, and is not made
     again while module, numbers and runtime are the same. Exit: 0; 2 for what is missing; 130, 143 when stopped.
"""
import os
import pathlib
import sys
import time

import edge_nodes
import edge_rows
from edge_rows import ROOT, die

L = 2**252 + 27742317777372353535851937790883648493  # the order of edwards25519's group
HEADERS = {"x-mewe-trace": "entry_trace", "x-mewe-body-trace": "body_trace", "x-mewe-choices": "choices",
           "x-mewe-trace-length": "trace_length", "x-mewe-dispatchers": "dispatchers_executed", "x-mewe-time-ns": "time_traced_ns"}


# ---- what is right ------------------------------------------------------------------------------------------------------

def scalars(body, count):
    if len(body) != 32 * count:
        return f"{len(body)} bytes instead of {32 * count}"
    for i in range(count):
        n = int.from_bytes(body[32 * i:32 * i + 32], "little")
        if not 0 < n < L:
            return f"scalar {i} is zero or not below the group's order"
    return ""


def judge_of(service, vectors=ROOT / "services/vectors"):
    """A function of an answer to the paper's input: why it is wrong, or nothing."""
    folder = pathlib.Path(vectors) / service
    if (folder / "paper.count").exists():
        count = int((folder / "paper.count").read_text())
        return lambda body: scalars(body, count)
    if not (folder / "paper.out").exists():
        die(2, f"{folder} has no paper.out: there is no such service")
    right = (folder / "paper.out").read_bytes()
    return lambda body: "" if body == right else f"{len(body)} bytes that are not the {len(right)} right ones"


# ---- rows -----------------------------------------------------------------------------------------------------------------

def bodies_known(module):
    """Are the classes in the module's body trace those of the engine that runs it? What made the module has written so."""
    return any(r["metric"] == "classes_known" and r["value"] == "1" for r in edge_rows.read(f"{str(module).removesuffix('.wasm')}.classes.csv"))


def of_answer(fixed, node, k, headers, bodies):
    for header, metric in HEADERS.items():
        value = headers.get(header)
        if value is not None and (metric != "body_trace" or bodies):
            yield {**fixed, "node": node.index, "phase": "execute", "iteration": k, "metric": metric, "value": value}


def of_node(fixed, node):
    for metric, value in vars(node.tally).items():
        yield {**fixed, "node": node.index, "phase": "node", "iteration": 0, "metric": metric, "value": value}


def of_run(fixed, a, seconds):
    for metric, value in (("nodes", a.nodes), ("requests_wanted", a.requests), ("nodes_at_once", a.at_once), ("time_ns", int(seconds * 1e9))):
        yield {**fixed, "node": 0, "phase": "run", "iteration": 0, "metric": metric, "value": value}


def complete(path, fixed, a):
    """Is what is to be made there already?"""
    rows = edge_rows.read(path)
    have = {r["metric"]: int(r["value"]) for r in rows if r["phase"] == "run"}
    return (have.get("nodes"), have.get("requests_wanted")) == (a.nodes, a.requests) and all(
        rows[0][k] == fixed[k] for k in ("module", "runtime", "runtime_version", "machine"))


# ---- asking ---------------------------------------------------------------------------------------------------------------

def one(a, fixed, module, progress):
    """All nodes of one service in one configuration, group after group."""
    judge, bodies, began = judge_of(fixed["service"], a.vectors), bodies_known(module), time.monotonic()
    answers, tallies = [], []
    what = f"{fixed['service']} {fixed['config']}"
    for first in range(1, a.nodes + 1, a.at_once):
        group = range(first, min(first + a.at_once, a.nodes + 1))

        def take(node, k, headers):
            answers.extend(of_answer(fixed, node, k, headers, bodies))
            progress.add(1, what)

        with edge_nodes.Nodes(a.driver, module, group, timeout=a.timeout) as nodes:
            edge_nodes.ask_all(nodes, a.requests, judge, take)
        for n in nodes.all:
            tallies.extend(of_node(fixed, n))
            if n.tally.dropped or n.tally.restarts:
                print(f"edge: {what}: {edge_nodes.name_of(n.index)} {'dropped' if n.tally.dropped else 'started anew'}: {n.why}",
                      file=sys.stderr)
    dropped = {r["node"] for r in tallies if r["metric"] == "dropped" and r["value"]}
    kept = [r for r in answers if r["node"] not in dropped]
    return [*of_run(fixed, a, time.monotonic() - began), *tallies, *kept]


def run(a):
    version = edge_rows.ask_driver(a.driver, "version")
    todo = []
    for s in a.service:
        for c in a.config:
            module = edge_rows.module_of(a, s, c, "edge")
            fixed = edge_rows.fixed(a.driver, version, a.profile, s, c, module)
            out = pathlib.Path(a.out) / f"{s}.{c}.csv.gz"
            if not complete(out, fixed, a):
                todo.append((fixed, module, out))
    progress = edge_rows.Progress("edge: requests", len(todo) * a.nodes * a.requests)
    for fixed, module, out in todo:
        edge_rows.write(out, one(a, fixed, module, progress))


def options():
    p = edge_rows.options("Ask simulated edge nodes, and write rows.")
    p.add_argument("--nodes", type=int, default=64)
    p.add_argument("--requests", type=int, default=100)
    p.add_argument("--at-once", type=int, help="how many nodes run at the same time (default: what fits the machine)")
    p.add_argument("--timeout", type=float, default=10.0, help="seconds until a node that does not answer hangs")
    p.add_argument("--vectors", default=str(ROOT / "services/vectors"))
    p.add_argument("--out", required=True, help="the folder of rows")
    a = p.parse_args()
    if a.nodes < 1 or a.requests < 1 or (a.at_once is not None and a.at_once < 1):
        p.error("--nodes, --requests and --at-once are at least 1")
    a.at_once = min(a.nodes, a.at_once or edge_nodes.at_once(a.nodes, os.cpu_count(), edge_nodes.available_mib()))
    return a


def main():
    try:
        run(options())
    except KeyboardInterrupt:
        print("\nedge: stopped; what is complete is kept, and is not made again", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
