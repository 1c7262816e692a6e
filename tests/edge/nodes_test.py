#!/usr/bin/env python3
"""Nodes that die, hang, fail and lie: each is noticed, counted, started anew or dropped by the rule, and none is left behind.
tests/edge/server.py plays the server; what real ones do is not shown here."""
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]
import edge  # noqa: E402
import edge_nodes  # noqa: E402
import edge_rows  # noqa: E402
from report import ended, equal as check  # noqa: E402

DRIVER = ROOT / "tests/edge/server.py"
temp = tempfile.TemporaryDirectory()
folder = Path(temp.name)


def module(name, **plan):
    path = folder / f"{name}.wasm"
    path.write_text(json.dumps({k: str(folder / v) if k == "once" else v for k, v in plan.items()}))
    return path


def asked(name, *plans, rounds=100, timeout=60.0):
    """A node for each plan, asked in turn: (nodes, [(node, round)] in the order of right answers)."""
    got = []
    nodes = edge_nodes.Nodes(DRIVER, "", range(1, len(plans) + 1), timeout=timeout)
    for i, (n, plan) in enumerate(zip(nodes.all, plans)):
        n.module = str(module(f"{name}{i}", **plan))
    with nodes:
        pids = [n.process.pid for n in nodes.all if n.process]
        edge_nodes.ask_all(nodes, rounds, lambda b: b != b"right", lambda n, k, _: got.append((n.index, k)))
        pids += [n.process.pid for n in nodes.all if n.process]
    check(f"{name}: nothing runs any more", [p for p in pids if Path(f"/proc/{p}").exists()], [])
    return nodes.all, got


def tally(node):
    return {k: v for k, v in vars(node.tally).items() if v}


def good():
    nodes, got = asked("good", {}, {}, {}, rounds=5)
    check("good nodes: one request to each before the next", got, [(n, k) for k in range(5) for n in (1, 2, 3)])
    check("good nodes: nothing but requests is counted", [tally(n) for n in nodes], [{"requests": 5}] * 3)


def bad():
    for name, plan, want, answers, why in [
        # The first request of a life is the one that asks whether it is there.
        ("dies once", {"die": 5, "once": "a"}, {"requests": 100, "errors": 1, "retries": 1, "restarts": 1}, 100, "ended with 7"),
        ("hangs once", {"hang": 5, "once": "b"}, {"requests": 100, "errors": 1, "retries": 1, "restarts": 1}, 100, "hung"),
        ("fails once", {"fail": 5, "once": "c"}, {"requests": 100, "errors": 1}, 99, ""),
        ("lies once", {"wrong": 5, "once": "d"}, {"requests": 100, "wrong_bodies": 1}, 99, ""),
        ("closes its connection", {"close": 5, "once": "e"}, {"requests": 100, "retries": 1}, 100, ""),
        ("cuts an answer short", {"cut": 5, "once": "f"}, {"requests": 100, "errors": 1, "retries": 1}, 100, ""),
        ("dies again and again", {"die": 10}, {"requests": 17, "errors": 2, "retries": 2, "restarts": 2, "dropped": 1}, 17,
         "was started anew 2 times"),
        ("fails again and again", {"fail": 5}, {"requests": 9, "errors": 2, "dropped": 1}, 7, "2 errors and 0 wrong bodies"),
        ("lies again and again", {"wrong": 5}, {"requests": 9, "wrong_bodies": 2, "dropped": 1}, 7, "0 errors and 2 wrong bodies"),
        ("does not start", {"refuse": 1}, {"dropped": 1}, 0, "refused: the module is not to its taste"),
    ]:
        nodes, got = asked(name, plan, {}, timeout=6.0 if "hang" in plan else 60.0)
        check(f"{name}: what is counted", tally(nodes[0]), want)
        check(f"{name}: right answers", sum(n == 1 for n, _ in got), answers)
        check(f"{name}: why", why in nodes[0].why, True)
        check(f"{name}: its neighbour is not touched", tally(nodes[1]), {"requests": 100})


def rule():
    t = edge_nodes.Tally
    check("the rule: 1% of errors, one restart", [bool(edge_nodes.unstable(x, 200)) for x in (
        t(errors=2), t(errors=3), t(wrong_bodies=2), t(errors=1, wrong_bodies=2), t(restarts=1), t(restarts=2))],
        [False, True, False, True, False, True])
    check("as many nodes at once as fit", (edge_nodes.at_once(64, 2, 9999), edge_nodes.at_once(64, 16, 99999), edge_nodes.at_once(
        64, 16, 1024), edge_nodes.at_once(3, 16, 99999), edge_nodes.at_once(64, 2, 1)), (16, 64, 8, 3, 1))


def bodies():
    one = (1).to_bytes(32, "little")
    check("scalars", [bool(edge.scalars(b, 1)) for b in (one, (edge.L - 1).to_bytes(32, "little"), edge.L.to_bytes(32, "little"),
                                                         bytes(32), one[:31], one * 2)], [False, False, True, True, True, True])
    for s in ("encrypt", "random"):
        judge = edge.judge_of(s)
        right = one if s == "random" else (ROOT / f"services/vectors/{s}/paper.out").read_bytes()
        check(f"{s}: the right answer, and another", (judge(right), bool(judge(right[:-1] + b"\xff")), bool(judge(b""))), ("", True, True))


def command(out, name, *more, nodes=3, requests=4):
    return [sys.executable, str(ROOT / "scripts/edge.py"), "--driver", str(DRIVER), "--nodes", str(nodes), "--requests", str(requests),
            "--at-once", "2", "--profile", "release", "--service", "echo", "--config", name, "--module", str(folder / "{config}.wasm"),
            "--vectors", str(folder / "vectors"), "--out", str(out), *more]


def rows():
    (folder / "vectors/echo").mkdir(parents=True)
    (folder / "vectors/echo/paper.out").write_bytes(b"right")
    out = folder / "rows"
    file = out / "echo.request.csv.gz"
    module("request")

    def ran(*more, **numbers):
        r = subprocess.run(command(out, "request", *more, **numbers), capture_output=True, text=True)
        return r.returncode

    def count(metric):
        return sum(r["metric"] == metric for r in edge_rows.read(file))

    check("three nodes in two groups: rows", (ran(), count("entry_trace"), count("choices"), count("errors")), (0, 12, 12, 3))
    check("without the engine's classes there is no body trace", count("body_trace"), 0)
    check("nodes and rounds are in the rows", sorted({(r["node"], r["iteration"]) for r in edge_rows.read(file) if r["phase"] == "execute"}),
          sorted((str(n), str(k)) for n in (1, 2, 3) for k in range(4)))
    run = edge_rows.read(file)[0]["run"]
    check("a complete file is not made again", (ran(), edge_rows.read(file)[0]["run"]), (0, run))
    check("other numbers make it again", (ran(requests=5), count("entry_trace")), (0, 15))
    file.write_bytes(file.read_bytes()[:-20])
    edge_rows.write(folder / "request.classes.csv", [{"metric": "classes_known", "value": 1}])
    check("a file that is not whole is made again; with the engine's classes it has body traces", (ran(), count("body_trace")), (0, 12))
    module("request", die=3)
    check("dropped nodes leave their tally and no traces", (ran(requests=9), count("entry_trace"), count("dropped")), (0, 0, 3))
    check("what is not there is said in a line", subprocess.run(command(out, "nothing"), capture_output=True, text=True).returncode, 2)
    check("a driver that can't dump gives the twin and no classes", classes(), (0, "twin", [("classes_known", "0")]))


def classes():
    for n in ("plain", "traced"):
        (folder / f"{n}.wasm").write_text("twin")
    out = folder / "deploy.wasm"
    r = subprocess.run([sys.executable, str(ROOT / "scripts/edge_classes.py"), "--driver", str(DRIVER), "--profile", "release", "--service",
                        "echo", "--config", "call", str(folder / "plain.wasm"), str(folder / "traced.wasm"), str(out)],
                       capture_output=True, text=True)
    return r.returncode, out.read_text(), [(x["metric"], x["value"]) for x in edge_rows.read(folder / "deploy.classes.csv")]


def servers():
    """Processes of this test's servers."""
    found = []
    for p in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = p.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if str(DRIVER) in words and any(w.startswith(str(folder)) for w in words) and "start" in words:
            found.append(p.parent.name)
    return found


def stopped():
    module("slow")
    for how, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)):
        # A shell that runs tests in the background has them ignore SIGINT.
        p = subprocess.Popen(command(folder / "never", "slow", "--timeout", "60", requests=10**9), stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        until = time.monotonic() + 60
        while len(servers()) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.2)
        had = len(servers())
        p.send_signal(how)
        p.communicate()
        until = time.monotonic() + 60
        while servers() and time.monotonic() < until:
            time.sleep(0.02)
        check(f"{how.name}: two servers ran, none is left, no file is there", (had, p.returncode, servers(), list(folder.glob("never/*"))),
              (2, code, [], []))


for test in (good, bad, rule, bodies, rows, stopped):
    test()
temp.cleanup()
ended()
