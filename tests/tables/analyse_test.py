#!/usr/bin/env python3
"""Tables from rows with known answers. Each check can fail: the last ones show that a wrong row is noticed."""
import math
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]
import analyse  # noqa: E402
from report import ended, near as check  # noqa: E402

HEADER = ("run,machine,runtime,runtime_version,platform,service,profile,input,build,config,strategy,seed,module,node,phase,"
          "iteration,metric,value")


def row(metric, value, service="encrypt", config="call", phase="execute", node=0, iteration=0, seed="", module="a",
        profile="release", which="valid"):
    build = {"original": "original", "copy": "control"}.get(config, "multivariant")
    return f"r,m,wasmtime,50,p,{service},{profile},{which},{build},{config},s,{seed},{module},{node},{phase},{iteration},{metric},{value}"


def traces(bodies, config="call", nodes=2, **more):
    out = []
    for k, body in enumerate(bodies):
        at = {"config": config, "node": k % nodes, "iteration": k // nodes, **more}
        out += [row("body_trace", body, **at), row("entry_trace", f"e{k}", **at), row("choices", 3, **at),
                row("bits", 12, **at), row("trace_length", 10 + k % 2, **at), row("dispatchers_executed", 2, **at)]
    return out


def times(original, call, phase, metric="time_ns"):
    return ([row(metric, v, config="original", phase=phase, iteration=k) for k, v in enumerate(original)] +
            [row(metric, v, config="call", phase=phase, iteration=k) for k, v in enumerate(call)])


def twin(hashes, config="call-host"):
    return [row("choice_trace", h, config=config, module=m, seed=k) for m, of in hashes.items() for k, h in enumerate(of)]


def counts(**metrics):
    return [row(m, v, phase="static") for m, v in metrics.items()]


def frame(lines):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
        f.write("\n".join([HEADER, *lines]) + "\n")
        f.flush()
        return analyse.load([f.name])


def rows(lines):
    return analyse.Rows(frame(lines))


def entropy():
    d = analyse.diversity(rows(traces(["a", "a", "b", "b", "c", "c", "d", "d"])), "encrypt", "call")
    check("entropy of four traces twice each is 2 bits of 3", d["body"], 2 / 3)
    check("entropy of eight different traces is 1", d["entry"], 1.0)
    check("unique ratio is the smallest node's", analyse.diversity(
        rows(traces(["a", "x", "a", "y", "a", "z", "b", "w"])), "encrypt", "call")["unique"], 0.5)
    check("entropy of equal traces is 0", analyse.diversity(rows(traces(["a"] * 8)), "encrypt", "call")["body"], 0.0)
    check("min-entropy of four equally frequent traces is 2 bits", d["min"], 2.0)
    check("Miller-Madow adds (4 - 1) / (2 * 8) nats to them", d["miller_madow"], 2 + 3 / 16 / math.log(2))
    uneven = analyse.diversity(rows(traces(["a"] * 6 + ["b", "c"])), "encrypt", "call")
    check("min-entropy looks at the most frequent trace", uneven["min"], math.log2(8 / 6))
    check("choices of all executions", d["all_choices"], 24.0)
    check("trace length: median and deviation", (d["length"], d["sigma"]), (10.5, 0.5))
    check("a hash of digits alone stays text", analyse.diversity(
        rows(traces(["0000000000000010", "0000000000000010", "1000000000000000", "0000000000000001"])), "encrypt", "call")["body"], 0.75)


def time():
    a, b = [100.0, 101, 102, 103, 104] * 8, [200.0, 202, 204, 206, 208] * 8
    r = rows(times(a, b, "execute"))
    ratio, low, high, p = analyse.time_ratio(*(r.values("encrypt", c, "execute", "time_ns") for c in ("original", "call")))
    check("ratio of medians", ratio, 2.0)
    check("an interval of rounds that move together has no width", (low, high), (2.0, 2.0))
    check("times twice as long are told apart", p < 1e-6, True)
    check("the cell of the table", analyse.ratio_cell(r, "encrypt", "call", "execute"), "2.00 [2.00,2.00]")
    check("A12: all longer, all shorter, all equal, one of four pairs", (
        analyse.a12([1, 2], [3, 4]), analyse.a12([3, 4], [1, 2]), analyse.a12([1, 1], [1, 1]), analyse.a12([2, 3], [1, 2.5])),
        (1.0, 0.0, 0.5, 0.25))
    both = rows(times(a, b, "request") + times([10.0] * 8, [70.0] * 8, "request", "time_guest_ns"))
    check("the call alone is not the whole request", [analyse.ratio_cell(both, "encrypt", "call", *t) for t in analyse.TIMES],
          ["-", "7.00 [7.00,7.00]", "2.00 [2.00,2.00]"])
    same = rows(times(a, list(reversed(a)), "execute"))
    check("equal times are marked", analyse.ratio_cell(same, "encrypt", "call", "execute")[-1], "~")


GOOD = (traces([f"b{k}" for k in range(64)]) + traces(["c"] * 64, config="copy") + twin({"x": ["1", "2"], "y": ["1", "2"]}) +
        counts(variants=32, distinct=32))
FAST, SLOW = times([1e6] * 8, [9e7] * 8, "request"), times([1e6] * 8, [1.1e8] * 8, "request")


def claims():
    check("all claims hold", [h for h, _ in analyse.claims(rows(FAST + GOOD))], [True] * 5)
    for name, bad in [
        ("low body entropy", traces(["b"] * 64) + GOOD[6 * 64:]),  # six rows for each execution
        ("copies with entropy", GOOD[:6 * 64] + traces(["c"] * 63 + ["d"], config="copy") + GOOD[-6:]),
        ("twins that differ", GOOD[:-6] + twin({"x": ["1", "2"], "y": ["1", "3"]})),
        ("only one twin", GOOD[:-6] + twin({"x": ["1", "2"]})),
        ("an answer later than the paper's bar", SLOW + GOOD),
        ("bodies that are equal", GOOD[:-2] + counts(variants=32, distinct=31)),
    ]:
        check(f"noticed: {name}", sum(not h for h, _ in analyse.claims(rows(bad))), 1)
    text = analyse.claim_lines(rows(GOOD[:-2] + counts(variants=32, distinct=31)))
    check("a failing claim is printed", [x for x in text.splitlines() if x.startswith("FAILS")],
          ["FAILS  encrypt: 31 distinct bodies in call, as many as variants, 32"])


def paper():
    p = {"profile": "paper", "which": "paper"}
    run = [row(m, v, config=c, **p) for c, m, v in [
        ("original", "functions", 20), ("call", "dispatchers", 5), ("call", "variants", 51), ("call", "paths_paper", 325),
        ("call", "distinct", 50), ("call", "distinct_shape", 48), ("call", "proved", 46), ("call", "idle", 7),
        ("original", "paths_paper", 4), ("original", "static_instructions", 1000)]]
    published = analyse.load_published(ROOT / "results" / "paper")
    text = analyse.report(frame(run + traces(["a", "b"], **p)), published)
    line = {t.split(":")[0]: t.splitlines() for t in text.split("\n\n") if t.startswith("Table")}
    check("Tables 1 to 3 are there", sorted(line), ["Table 1", "Table 2", "Table 3"])
    check("none of their lines is wider than 100", [x for x in text.splitlines() if len(x) > 100], [])
    check("Table 2: ours and the paper's", line["Table 2"][3].split(),
          "encrypt 20 23 4 4 5 5 56 56 50 48 46 7 325 325".split())
    check("Table 3: ours and the paper's", line["Table 3"][3].split(),
          "encrypt 1.00 0.87 1.00 10 816 0 0 2 5 6 4,000,000".split())
    check("another profile prints none of them", "Table 2" in analyse.report(frame(GOOD), published), False)
    check("the paper's ratios are those of its medians", [
        s for s, t in published["table4"].items()
        if abs(t["multivariant_median_us"] / t["original_median_us"] / t["ratio"] - 1) > 0.03], [])


def width():
    big = counts(variants=123456, distinct=123456, proposed=1234567, size_bytes=12345678)
    slow = [t for p, m in analyse.TIMES for t in times([1e6] * 40, [2e7] * 40, p, m)]
    text = analyse.report(frame(GOOD + big + slow),
                          analyse.load_published(ROOT / "results" / "paper"))
    check("no line is wider than 100", max(len(x) for x in text.splitlines()) <= 100, True)


def command():
    r = subprocess.run([sys.executable, str(ROOT / "scripts" / "analyse.py"), "/nonexistent.csv"], capture_output=True, text=True)
    check("no rows: one line, an error", (r.returncode != 0, len(r.stderr.splitlines()), r.stdout), (True, 1, ""))


for test in (entropy, time, claims, paper, width, command):
    test()
ended()
