#!/usr/bin/env python3
"""Time services in the guest, at two simulated edge nodes: original and multivariants in turn, request by request.

Usage: edge_times.py [--driver D] [--nodes N] --count N --profile P --service S... --config C... --module FORM -o FILE.csv.gz
In:  a driver (bench/edge/NAME); modules without a trace, FORM with {service} and {config}. Out: rows time_guest_ns, phase `request`:
     what the guest's own clock said of each request; config `aa` is the original a second time, in a process of its own.
Holds: in each round every configuration is asked once at each node, in an order that is shuffled; every answer is compared; an error
     ends it, since what is left out would change what is compared. Exit: 0; 1 for an error; 2 for what is missing."""
import contextlib
import random

import edge
import edge_nodes
import edge_rows
from edge_rows import die

WARMUP = 20  # requests at each server, before any that counts


def nodes_of(a, stack, module):
    nodes = stack.enter_context(edge_nodes.Nodes(a.driver, module, range(1, a.nodes + 1)))
    if len(nodes.kept()) < a.nodes:
        die(1, f"{module}: {next(n.why for n in nodes.all if n.tally.dropped)}")
    return nodes.all


def time_of(node, judge, what):
    """Nanoseconds in the guest, of one right answer."""
    try:
        status, headers, body = node.ask()
    except (edge_nodes.NoAnswer, edge_nodes.CantStart) as e:
        die(1, f"{what}: no answer: {e}")
    why = f"status {status}" if status != 200 else judge(body)
    if why or node.tally.restarts or "x-mewe-time-ns" not in headers:
        die(1, f"{what}: {why or ('the server ended: ' + node.why if node.tally.restarts else 'no x-mewe-time-ns in the answer')}")
    return int(headers["x-mewe-time-ns"])


def one(a, service, version, progress):
    judge, rng, rows = edge.judge_of(service), random.Random(0), []
    with contextlib.ExitStack() as stack:
        sides = []
        for c in (*a.config, "aa"):
            module = edge_rows.module_of(a, service, c, "edge-times")
            fixed = edge_rows.fixed(a.driver, version, a.profile, service, c, module)
            sides += [(fixed, n) for n in nodes_of(a, stack, module)]
        for _ in range(WARMUP):
            for fixed, n in sides:
                time_of(n, judge, service)
        for k in range(a.count):
            rng.shuffle(sides)
            for fixed, n in sides:
                ns = time_of(n, judge, f"{service} {fixed['config']}")
                rows.append({**fixed, "node": n.index, "phase": "request", "iteration": k, "metric": "time_guest_ns", "value": ns})
            progress.add(len(sides), service)
    return rows


def main():
    p = edge_rows.options("Time services in the guest, at simulated edge nodes.")
    p.add_argument("--nodes", type=int, default=2)
    p.add_argument("--count", type=int, required=True, help="requests of each configuration at each node")
    p.add_argument("-o", dest="out", required=True)
    a = p.parse_args()
    edge_rows.measure(a, "timed requests", len(a.service) * a.count * a.nodes * (len(a.config) + 1), one)


main()
