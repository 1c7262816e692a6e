#!/usr/bin/env python3
"""Load simulated edge nodes with wrk: original and multivariants in turn, in short rounds.

Usage: edge_load.py [--driver D] [--seconds N] [--rounds N] --profile P --service S... --config C... --module FORM -o FILE.csv
In:  a driver (bench/edge/NAME); wrk; modules without a trace, FORM with {service} and {config}. Out: rows of each round, phase `load`:
     requests_per_s, errors, and latency_p50_ns, latency_p99_ns, latency_p999_ns; config `aa` is the original a second time.
Holds: one node of each configuration runs, idle while another is loaded; each round takes them in a shuffled order; an answer was
     compared before; client and servers share the machine, so that only ratios mean something. Exit: 0; 1, 2 with one line."""
import contextlib
import random
import shutil
import subprocess

import edge
import edge_nodes
import edge_rows
from edge_rows import ROOT, die

CONNECTIONS = 32
WARMUP_S = 1


def wrk(port, seconds):
    """requests, seconds, errors, latencies in nanoseconds."""
    r = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(ROOT / "scripts/edge_load.lua"),
                        f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=False)
    lines = [x.split()[1:] for x in r.stdout.splitlines() if x.startswith("mewe ")]
    if r.returncode != 0 or len(lines) != 1:
        die(1, f"wrk: exit code {r.returncode}: {(r.stderr or r.stdout).strip()[-200:]}")
    n = [int(x) for x in lines[0]]
    return n[0], n[1] / 1e6, sum(n[2:7]), [1000 * x for x in n[7:]]


def start(a, stack, service, config, judge):
    module = edge_rows.module_of(a, service, config, "edge-load")
    node = stack.enter_context(edge_nodes.Nodes(a.driver, module, [1])).all[0]
    if node.tally.dropped:
        die(1, f"{module}: {node.why}")
    try:
        status, _, body = node.ask()
    except (edge_nodes.NoAnswer, edge_nodes.CantStart) as e:
        die(1, f"{module}: no answer: {e}")
    if status != 200 or judge(body):
        die(1, f"{module}: status {status}: {judge(body)}")
    node.connection.close()
    return module, node


def one(a, service, version, progress):
    rng, rows, sides = random.Random(0), [], []
    with contextlib.ExitStack() as stack:
        for c in (*a.config, "aa"):
            module, node = start(a, stack, service, c, edge.judge_of(service))
            wrk(node.port, WARMUP_S)
            sides.append((edge_rows.fixed(a.driver, version, a.profile, service, c, module), node))
        for k in range(a.rounds):
            rng.shuffle(sides)
            for fixed, node in sides:
                requests, seconds, errors, latency = wrk(node.port, max(1, round(a.seconds / a.rounds)))
                if node.process.poll() is not None:
                    die(1, f"{service} {fixed['config']}: the server ended under load: {node.last_words()}")
                values = {"requests_per_s": f"{requests / seconds:.3f}", "requests": requests, "errors": errors,
                          **dict(zip(("latency_p50_ns", "latency_p99_ns", "latency_p999_ns"), latency))}
                rows += [{**fixed, "node": 1, "phase": "load", "iteration": k, "metric": m, "value": v} for m, v in values.items()]
                progress.add(1, f"{service} {fixed['config']}")
    return rows


def main():
    p = edge_rows.options("Load simulated edge nodes.")
    p.add_argument("--seconds", type=int, default=30, help="of load on each configuration, over all rounds")
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("-o", dest="out", required=True)
    a = p.parse_args()
    if not shutil.which("wrk"):
        die(2, "wrk is not installed: make edge-load installs it")
    a.rounds = max(1, min(a.rounds, a.seconds))
    edge_rows.measure(a, "rounds of load", len(a.service) * a.rounds * (len(a.config) + 1), one)


main()
