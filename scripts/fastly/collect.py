"""Rows from the edge: traces by edge_check or from here, times from here.

In:  services that answer (the state file); the API's edge_check, or the services' own host names.
Out: OUT/fastly/parts/NAME/MODULE/ROUTE-K.json, one for each iteration, renamed into place when it is complete; from all of them
     OUT/fastly-NAME.csv, rows of the one schema (results/README.md) with platform fastly and node POP/server.
Holds: an iteration is done if its part is there, and only then; so an interrupted run goes on, and no row is there twice. Parts are of
       the module that is deployed: another build starts anew. What was missing, wrong or asked again is counted in the part.
"""
import csv
import io
import json
import os
import random
import time
import urllib.parse
from collections import Counter
from pathlib import Path

import edge
from api import backoff, Window
from common import KitError, read_json, UNSUPPORTED, write_file
from rows import HEADER

NODES = 64  # of the paper; so many times the traces are asked for where all come from here
CALLS_PER_HOUR = 200
TRIES = 5


def iterations(a, d):
    """How many iterations a deployment has, and how many requests each takes from here: (route, iterations, size)."""
    if not d.traced:
        return "here", -(-a.times // a.batch), a.batch
    n = a.control_traces if d.config == "original" else a.traces
    return ("here", -(-n * NODES // a.batch), a.batch) if a.from_here else ("edge", n, 1)


def parts(a, d, module):
    return Path(a.out) / "fastly/parts" / d.name / module


def part(a, d, module, route, k):
    return parts(a, d, module) / f"{route}-{k:06}.json"


def wanted(plan, what):
    return [d for d in plan if ("traces" if d.traced else "times") in what]


def tasks(a, deployed):
    """What is to be done, in rounds that are shuffled inside, so that a change over time meets all deployments alike."""
    order = random.Random(0)
    most = max((iterations(a, d)[1] for d, _ in deployed), default=0)
    for k in range(most):
        turn = [(d, r, *iterations(a, d)) for d, r in deployed if k < iterations(a, d)[1]]
        order.shuffle(turn)
        for d, record, route, _, size in turn:
            if not part(a, d, record["module"], route, k).exists():
                yield d, record, route, k, size


# ---- the two routes ---------------------------------------------------------------------------------------------------

class EdgeCheck:
    """`GET /content/edge_check`: the answers of all edge servers at once, 200 times an hour."""

    def __init__(self, a, api, clock, out):
        self.api, self.clock, self.out = api, clock, out
        self.window = Window(Path(a.out) / "fastly/edge_check.json", a.calls_per_hour, clock, out)

    def ask(self, record, k):
        """The number keeps caches out of it; the services look at no query but `trace`."""
        url = f"https://{record['domain']}/?n={k}"
        path = "/content/edge_check?" + urllib.parse.urlencode({"url": url})
        answers = self.api.call("GET", path, before=self.window.take)
        if not isinstance(answers, list):
            raise KitError("GET /content/edge_check: the answer is no list: see the API's documentation")
        return answers

    def iteration(self, d, record, k, _):
        missing, before = Counter(), self.api.retries
        for n in range(1, TRIES + 1):
            rows, more = self.values(d, self.ask(record, k))
            missing.update(more)
            if rows:
                return rows, missing, n - 1 + self.api.retries - before
            self.out.note(f"edge_check of {d.name}: no edge server gave the service's headers ({told(missing)}): again")
            self.clock.sleep(backoff(n))
        raise KitError(f"edge_check of {d.name}: no edge server gives the service's own headers ({told(missing)}): collect with "
                       "--from-here, in as many regions as you can", UNSUPPORTED)

    def values(self, d, answers):
        rows, missing, seen = [], Counter(), set()
        for x in answers:
            x = x if isinstance(x, dict) else {}
            response, digest, server = x.get("response") or {}, str(x.get("hash", "")), str(x.get("server") or "")
            if digest.startswith(("error-", "warning-")):
                missing[digest.rsplit("-", 1)[0]] += 1
                continue
            try:
                node, values = edge.checked(d, edge.Answer(response.get("status"), response.get("headers"), digest), server)
            except edge.Bad as e:
                missing["wrong answer" if isinstance(e, edge.Wrong) else str(e)] += 1
                continue
            if node in seen:  # it has answered for this iteration
                continue
            seen.add(node)
            rows.append([node, values])
        return rows, missing


class FromHere:
    """Requests of an ordinary client, to the node that the network leads to; a new connection for each batch."""

    def __init__(self, a, clock, out):
        self.edge, self.clock, self.out = a.edge, clock, out

    def iteration(self, d, record, k, size):
        rows, missing, retries = [], Counter(), 0
        with edge.Node(self.edge, record["domain"]) as node:
            while len(rows) < size:
                for n in range(1, TRIES + 1):
                    try:
                        rows.append(edge.checked(d, node.get(f"/?n={k * size + len(rows)}")))
                        break
                    except edge.Wrong as e:
                        raise KitError(f"{d.name} at {record['domain']}: {e}") from e
                    except edge.Bad as e:
                        missing[str(e)] += 1
                        if n == TRIES:
                            raise KitError(f"{d.name} at {record['domain']}: {e}, {TRIES} times: run this again later") from e
                        retries += 1
                        self.clock.sleep(backoff(n))
        return rows, missing, retries


def told(missing):
    return ", ".join(f"{n} x {why}" for why, n in missing.most_common(3)) or "no answers at all"


# ---- rows -------------------------------------------------------------------------------------------------------------

def fixed(a, d, module, run):
    build = "original" if d.config == "original" else "multivariant"
    return [run, "fastly", "fastly-compute", "unknown", "fastly", d.service, a.profile, "paper", build, d.config,
            "none" if build == "original" else a.strategy, "", module]


def rows_of(a, d, module, p):
    """The rows of one part."""
    first = fixed(a, d, module, p["run"])
    for i, (node, values) in enumerate(p["rows"]):
        k = p["iteration"] * p["size"] + i if p["route"] == "here" else p["iteration"]
        for metric, value in values.items():
            if metric == "body_trace" and not a.body_traces:
                continue
            yield [*first, node, "execute" if d.traced else "request", k, metric, value]


def tally_rows(a, d, module, run, nodes, total):
    """What each node was asked, in its good answers; what went wrong belongs to no node that is known."""
    first = fixed(a, d, module, run)
    for node in sorted(nodes):
        yield [*first, node, "node", 0, "requests", nodes[node]]
    for metric, n in (("requests", total["missing"]), ("errors", total["missing"] - total["wrong"]), ("wrong_bodies", total["wrong"]),
                      ("retries", total["retries"])):
        yield [*first, "unknown", "node", 0, metric, n]
    yield [*first, "unknown", "run", 0, "nodes", len(nodes)]


def merge(a, d, module):
    """All parts of a deployment as one CSV file; what they count, in all and by node."""
    total, nodes, text = Counter(), Counter(), io.StringIO()
    w = csv.writer(text, lineterminator="\n")
    w.writerow(HEADER)
    for path in sorted(parts(a, d, module).glob("*-*.json")):
        p = read_json(path, None)
        w.writerows(rows_of(a, d, module, p))
        nodes.update(node for node, _ in p["rows"])
        total.update(retries=p["retries"], missing=sum(p["missing"].values()), wrong=p["missing"].get("wrong answer", 0))
    if nodes:
        w.writerows(tally_rows(a, d, module, p["run"], nodes, total))
        write_file(Path(a.out) / f"fastly-{d.name}.csv", text.getvalue())
    return total, nodes


def summary(a, deployed, out):
    out.say(f"{'deployment':<28} {'nodes':>6} {'answers':>8} {'missing':>8} {'wrong':>6} {'again':>6}")
    wrong = 0
    for d, record in deployed:
        t, nodes = merge(a, d, record["module"])
        wrong += t["wrong"]
        out.say(f"{d.name:<28} {len(nodes):>6} {nodes.total():>8} {t['missing']:>8} {t['wrong']:>6} {t['retries']:>6}")
    if wrong:
        raise KitError(f"{wrong} answers have another body than services/vectors: the platform does not run what was built here")


def left(a, deployed):
    """Of edge_check calls and requests from here, how many are still to be made."""
    n = Counter()
    for _, _, route, _, size in tasks(a, deployed):
        n[route] += size
    return n


def dry(a, plan, state, out):
    for d in wanted(plan, a.what):
        route, n, size = iterations(a, d)
        domain = state.services.get(d.name, {}).get("domain", f"mewe-{d.host_name}-{state.data['suffix']}.edgecompute.app")
        if route == "edge":
            out.say(f"  GET /content/edge_check?url=https://{domain}/?n=K  {n} times")
        else:
            out.say(f"  GET https://{domain}/?n=K  {n * size} times, in {n} batches, from here")


def run(a, plan, api_of, state, clock, out):
    plan = wanted(plan, a.what)
    if a.dry_run:
        return dry(a, plan, state, out)
    deployed = state.deployed(plan)
    if len(deployed) < len(plan):
        raise KitError(f"{len(plan) - len(deployed)} of {len(plan)} services are not deployed: run `kit.py deploy` first")
    todo = left(a, deployed)
    routes = {"here": FromHere(a, clock, out)}
    if todo["edge"]:
        routes["edge"] = EdgeCheck(a, api_of(), clock, out)
    out.note(f"collect: {todo['edge']} edge_check calls ({todo['edge'] / a.calls_per_hour:.1f} h at {a.calls_per_hour} an hour) and "
             f"{todo['here']} requests from here to make")
    name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(clock.time())) + f"-{os.getpid()}"
    done = Counter()
    try:
        for d, record, route, k, size in tasks(a, deployed):
            rows, missing, retries = routes[route].iteration(d, record, k, size)
            write_file(part(a, d, record["module"], route, k), json.dumps(
                {"run": name, "route": route, "iteration": k, "size": size, "retries": retries, "missing": missing, "rows": rows}))
            done[route] += size
            out.progress(f"collect: edge_check {done['edge']}/{todo['edge']}, from here {done['here']}/{todo['here']}  {d.name}")
    finally:
        out.progress_end()
    summary(a, deployed, out)
