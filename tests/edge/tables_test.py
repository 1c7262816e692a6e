#!/usr/bin/env python3
"""The edge's tables from rows with known answers; each claim is made to fail once."""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]
import analyse  # noqa: E402
import edge_costs  # noqa: E402
import edge_rows  # noqa: E402
import edge_tables  # noqa: E402
from report import ended, near as check  # noqa: E402

NODES, REQUESTS = 4, 8
temp = tempfile.TemporaryDirectory()
published = analyse.load_published(ROOT / "results/paper")


def row(metric, value, config="request", phase="execute", node=1, iteration=0, service="encrypt", profile="release"):
    return {"run": "r", "machine": "m", "runtime": "viceroy", "runtime_version": "1", "platform": "viceroy", "service": service,
            "profile": profile, "input": "paper", "build": "multivariant", "config": config, "strategy": "s", "seed": "", "module": "a",
            "node": node, "phase": phase, "iteration": iteration, "metric": metric, "value": value}


def traces(config, of, metrics=("entry_trace", "body_trace"), **more):
    """Of every node and request: of(node, request) is its trace."""
    out = []
    for n in range(1, NODES + 1):
        for k in range(REQUESTS):
            at = {"config": config, "node": n, "iteration": k, **more}
            out += [row(m, of(n, k), **at) for m in metrics]
            out += [row("choices", 3, **at), row("trace_length", 10 + k % 2, **at), row("dispatchers_executed", 2, **at)]
    return out


def tallies(config, node=0, **more):
    """Of every node; one of them with these numbers."""
    return [row(m, more.get(m, 0) if n == node else REQUESTS if m == "requests" else 0, config=config, phase="node", node=n)
            for n in range(1, NODES + 1) for m in edge_tables.TALLY] + [row("nodes", NODES, config=config, phase="run", node=0)]


def each(n, k):
    return f"{100 * n + k:016x}"


def frame(rows, name="rows.csv.gz"):
    path = Path(temp.name) / name
    edge_rows.write(path, rows)
    return edge_tables.load_edge([path])


CONTROL = traces("original", lambda n, k: "0" * 16) + tallies("original")
GOOD = CONTROL + traces("call", each) + tallies("call") + traces("request", each) + tallies("request")


def numbers():
    edge = edge_tables.Edge(frame(GOOD))
    check("as many traces as there can be", edge.entropy("encrypt", "request", "body_trace"), (1.0, 5.0))
    check("one trace alone", edge.entropy("encrypt", "original", "entry_trace"), (0.0, 0.0))
    by_node = edge_tables.Edge(frame(traces("request", lambda n, k: str(k if n == 2 else k // 4))))
    check("unique ratio by node", dict(by_node.unique("encrypt", "request", "body_trace")), {1: 0.25, 2: 1.0, 3: 0.25, 4: 0.25})
    same = edge_tables.Edge(frame(traces("request", lambda n, k: str(k))))
    check("the same traces at each node are no entropy more", same.entropy("encrypt", "request", "body_trace"), (0.6, 3.0))
    check("and unique at each", set(same.unique("encrypt", "request", "body_trace")), {1.0})
    edge_rows.write(Path(temp.name) / "digits.csv", traces("request", lambda n, k: f"{10 ** k:016d}"))
    digits = edge_tables.Edge(edge_tables.load_edge([Path(temp.name) / "digits.csv"]))
    check("a hash of digits alone stays text", digits.entropy("encrypt", "request", "body_trace"), (0.6, 3.0))


def lines_of(text, title):
    part = text[text.index(title):].splitlines()
    return [x.split() for x in part[3:part.index("") if "" in part else None]]


def tables():
    text, good = edge_tables.report(frame(GOOD), published)
    check("all claims hold", (good, "Claims: 5 pass, 0 FAIL" in text), (True, True))
    t = lines_of(text, "Table 3")
    check("Table 3: the control", t[0], "encrypt 32 0.0000 0.0 - 0.0000 0.0 10 0 2 96".split())
    check("Table 3: call, the paper's entropy beside it", t[1], "call 32 1.0000 5.0 0.87 1.0000 5.0 10 0 2 96".split())
    f = lines_of(text, "Figure 3")
    check("Figure 3: smallest and median node", f[0], ["encrypt", *["0.125"] * 4, *["1.000"] * 8])
    paper, _ = edge_tables.report(frame([{**r, "profile": "paper"} for r in GOOD]), published)
    check("Table 3: the paper's traces beside profile paper", lines_of(paper, "Table 3")[1],
          "call 32 1.0000 5.0 0.87 1.0000 5.0 10 816 0 0 2 5 96 4,000,000".split())
    classes = [row(m, v, config="call", phase="static") for m, v in (("dispatchers", 3), ("variants", 40), ("distinct", 39),
                                                                      ("distinct_shape", 30))]
    check("bodies in the engine", lines_of(edge_tables.report(frame(GOOD + classes), published)[0], "Bodies in")[0],
          "encrypt call 3 40 39 30".split())
    check("none is wider than 110", [x for x in (text + paper).splitlines() if len(x) > 110], [])
    image = Path(temp.name) / "f.png"
    edge_tables.figure3(frame(GOOD), image)
    check("Figure 3 is drawn", image.read_bytes()[:4], b"\x89PNG")


def claims():
    rest = CONTROL + traces("call", each) + tallies("call")
    once = traces("request", lambda n, k: each(n, 0 if n == 3 and k == 1 else k))
    for name, rows, want in [
        ("an error", rest + traces("request", each) + tallies("request", 2, errors=1), ["1 errors in"]),
        ("a wrong body, of another configuration", CONTROL + traces("call", each) + tallies("call", 1, wrong_bodies=1) + traces(
            "request", each) + tallies("request"), ["1 wrong bodies in"]),
        ("a dropped node", rest + traces("request", each) + tallies("request", 2, dropped=1), ["1 nodes dropped in"]),
        ("one trace twice at one node", rest + once + tallies("request"), ["body-trace entropy 0.9875", "unique body traces"]),
        ("the same traces at each node", rest + traces("request", lambda n, k: each(0, k)) + tallies("request"), ["body-trace entropy 0.6000"]),
        ("entry traces alone", rest + traces("request", each, ("entry_trace",)) + tallies("request"), ["body-trace entropy -", "unique body"]),
        ("no rows of the named configuration", rest, ["body-trace entropy -", "unique body traces"]),
        ("no tallies", traces("request", each), ["0 errors in 0", "0 wrong bodies in 0", "0 nodes dropped in 0"]),
    ]:
        text, good = edge_tables.report(frame(rows), published)
        fails = [x for x in text.splitlines() if x.startswith("FAIL")]
        check(f"noticed: {name}", (good, len(fails), [w for w in want if not any(w in x for x in fails)]), (False, len(want), []))


def production():
    """Its engine's classes are not known: that is no failure there, but what is known can fail."""
    def report(rows):
        return edge_tables.report(frame([{**r, "platform": "fastly"} for r in rows]), published)
    entry = CONTROL + traces("call", each, ("entry_trace",)) + tallies("call") + traces("request", each, ("entry_trace",))
    text, good = report(entry + tallies("request"))
    check("production: body traces stay open", (good, "Claims: 3 pass, 0 FAIL, 1 open" in text, "production edge" in text), (True, True, True))
    check("production is not called simulated", "simulated" in text or "on this machine" in text, False)
    check("production: noticed: a wrong body", report(entry + tallies("request", 1, wrong_bodies=1))[1], False)
    local = [r for r in GOOD if r["metric"] != "body_trace"] + [row("classes_known", 0, phase="static")]
    check("no dump: body traces stay open", "Claims: 3 pass, 0 FAIL, 1 open" in edge_tables.report(frame(local), published)[0], True)
    rows = [r if r["metric"] != "body_trace" else {**r, "value": "0" * 16} for r in GOOD]
    check("production: noticed: body traces that are there, and alike", report(rows)[1], False)


def timed(config, values, metric="time_guest_ns", phase="request", **more):
    return [row(metric, v, config=config, phase=phase, node=1 + i % 2, iteration=i // 2, **more) for i, v in enumerate(values)]


def costs():
    a = [1000.0, 1010, 1020, 1030, 1040] * 8
    rows = timed("original", a) + timed("aa", reversed(a)) + timed("call", [2 * x for x in a]) + timed("request", a)
    text, good = edge_costs.report(frame(rows), published)
    t = lines_of(text, "Table 4")
    check("times: twice as long", (good, t[2][:2], t[2][6:8]), (True, ["call", "40"], ["2.000", "[2.000,2.000]"]))
    check("times: medians in microseconds", [x[2] for x in t[:4]], ["1.0", "1.0", "2.0", "1.0"])
    paper, _ = edge_costs.report(frame([{**r, "profile": "paper"} for r in rows]), published)
    check("times: the paper's beside profile paper", [lines_of(paper, "Table 4")[i][k] for i, k in (
        (0, 3), (2, 3), (2, -1))], ["7.0", "217.0", "31.0"])
    again = timed("original", a) + timed("aa", [1.1 * x for x in a]) + timed("call", [1.05 * x for x in a]) + timed(
        "request", [1.2 * x for x in a])
    check("times: no more than the original a second time is no difference", [x[6:8] for x in lines_of(edge_costs.report(
        frame(again), published)[0], "Table 4")[2:4]], [["1.050", "[1.050,1.050]~"], ["1.200", "[1.200,1.200]"]])
    check("noticed: slower than the bar", edge_costs.report(frame(timed("original", a) + timed("call", [2e8] * 40)), published)[1], False)


def load():
    def rounds(config, per_s, errors=0, each=100):
        return [r for m, v in (("requests_per_s", per_s), ("requests", [each] * 8), ("errors", [errors] + [0] * 7), (
            "latency_p50_ns", [1e6] * 8), ("latency_p99_ns", [2e6] * 8), ("latency_p999_ns", [3e6] * 8))
            for r in timed(config, v, m, "load")]

    fast = [1000.0 + k for k in range(8)]
    good = rounds("original", fast) + rounds("request", [x / 2 for x in fast])
    text, holds = edge_costs.report(frame(good), None)
    t = lines_of(text, "Load")
    check("load: half the throughput", (holds, t[1][:7], t[1][8:]), (True, ["request", "8", "800", "0", "502", "0.500", "[0.500,0.500]"],
                                                                  ["1.00", "2.00", "-"]))
    many = lines_of(edge_costs.report(frame(rounds("original", fast, each=1000)), None)[0], "Load")[0]
    few = lines_of(edge_costs.report(frame(rounds("original", fast, each=99)), None)[0], "Load")[0]
    check("load: percentiles that a round's requests can have", (many[-3:], few[-3:]), (["1.00", "2.00", "3.00"], ["1.00", "-", "-"]))
    check("noticed: an error under load", edge_costs.report(frame(good + rounds("call", fast, errors=1)), None)[1], False)


def command():
    for script, *words in (("edge_tables.py",), ("edge_costs.py", "times"), ("edge_costs.py", "load")):
        r = subprocess.run([sys.executable, str(ROOT / "scripts" / script), *words, "/nonexistent.csv"], capture_output=True, text=True)
        check(f"{script}: no rows: one line, an error", (r.returncode != 0, len(r.stderr.splitlines()), r.stdout), (True, 1, ""))
    path = Path(temp.name) / "bad.csv"
    edge_rows.write(path, GOOD + [row("errors", 1, phase="node")])
    r = subprocess.run([sys.executable, str(ROOT / "scripts/edge_tables.py"), str(path), "--published", str(ROOT / "results/paper")],
                       capture_output=True, text=True)
    check("a failing claim is printed and is the exit code", (r.returncode, "FAIL  encrypt: 1 errors" in r.stdout), (1, True))


for test in (numbers, tables, claims, production, costs, load, command):
    test()
temp.cleanup()
ended()
