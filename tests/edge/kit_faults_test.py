#!/usr/bin/env python3
"""The production kit when something goes wrong: each error at each call, answers that are none, limits, a kill at each call. Against
the server of kit_test.py."""
import shutil
import signal
import sys
import time

from kit_place import check, FakeClock, last, Place, printed, run, SMALL


def packages():
    """Without the CLI nothing else makes sense."""
    with Place() as p:
        code, _, err = p.run("package", *SMALL, token="")
        check("packages are made", (code, last(err) if code else ""), (0, ""))
    return code == 0


# ---- errors ----------------------------------------------------------------------------------------------------------

def faults():
    """Each kind at each call: what can be tried again is, and leaves the same as without it."""
    reset = [("Fastly-RateLimit-Reset", "1800000500")]
    kinds = {"drop": "drop", "lost": "lost", "html": "html", "cut": "cut", "500": (500, []), "429": (429, reset),
             "429 with Retry-After": (429, [("Retry-After", "77")])}
    calls = [("GET", "tokens/self"), ("POST", "/service$"), ("POST", "/domain$"), ("POST", "/backend$"), ("PUT", "/package$"),
             ("PUT", "/activate$"), ("GET", "edge_check")]
    for name, kind in kinds.items():
        with Place() as p:
            p.run("package", *SMALL, token="")
            wrong = []
            for method, path in calls:
                p.fake.services.clear()
                shutil.rmtree(p.out, ignore_errors=True)
                p.fake.faults = [[method, path, kind, 2]]
                p.clock.slept.clear()
                p.clock.now = 1_800_000_000.0
                codes = [p.run(s, *SMALL)[0] for s in ("deploy", "collect")]
                rows = [r for r in p.rows("encrypt.call.traced") if r["metric"] == "body_trace"] if codes == [0, 0] else []
                waited = {"429": max(p.clock.slept) > 400, "429 with Retry-After": 77 in p.clock.slept}.get(name, len(p.clock.slept) >= 2)
                if (codes, len(p.fake.services), len(rows), p.fake.faults[0][3], waited) != ([0, 0], 2, 12, 0, True):
                    wrong.append((method, path, codes, len(p.fake.services), len(rows), waited))
            check(f"twice {name}, at each of {len(calls)} calls: tried again, nothing made twice", wrong, [])
    for status in (400, 404, 409, 422):
        with Place() as p:
            p.run("package", *SMALL, token="")
            wrong = []
            for method, path in calls[2:6]:
                p.fake.faults = [[method, path, (status, []), 1]]
                code, _, err = p.run("deploy", *SMALL)
                if (code, f"{status}: Fault {status}: of (token)" in last(err), last(err).startswith(f"kit: {method}")) != (1, True, True):
                    wrong.append((method, path, code, err))
            codes = p.run("deploy", *SMALL)[0], p.run("collect", *SMALL)[0], p.run("clean")[0], p.fake.services
            check(f"refused with {status}: one line each, and the next run goes on", (wrong, codes), ([], (0, 0, 0, {})))
    with Place() as p:
        p.fake.faults = [["GET", "datacenters", "html", 99]]
        code, _, err = p.run("pops")
        check("HTML for ever: given up in one line", (code, "no JSON" in last(err), "given up" in last(err)), (1, True, True))
        p.fake.faults = [["GET", "datacenters", (429, []), 99]]
        check("429 for ever: given up", (p.run("pops")[0], sum(p.clock.slept) > 3600), (1, True))
        p.fake.faults = [["GET", "datacenters", (302, [("Location", "http://127.0.0.1:9/")]), 99]]
        check("a redirection is not followed", (lambda r: (r[0], "redirected" in last(r[2])))(p.run("pops")), (1, True))
    with Place() as p:
        p.run("package", *SMALL, token="")
        p.fake.writes_left = 4
        p.run("deploy", *SMALL)
        check("no write is left in this hour: the next one waits for its end", max(p.clock.slept) > 3000)
        p.fake.faults = [["DELETE", ".", (500, []), 99]]
        code, out, _ = p.run("clean")
        check("clean says what remains", (code, out.count("remains: encrypt.call"), len(p.state()["services"])), (1, 2, 2))
        p.fake.faults = []
        check("and the next one removes it", (p.run("clean")[0], p.fake.services), (0, {}))
    with Place() as p:
        p.run("package", *SMALL, token="")
        p.run("deploy", *SMALL)
        (p.modules / "encrypt.call.wasm").write_bytes((p.modules / "encrypt.call.wasm").read_bytes() + b"\0\2\1x")
        p.run("package", *SMALL, token="")
        codes = p.run("deploy", *SMALL)[0], p.run("collect", *SMALL)[0]
        check("another build: a new version of the same service", (codes, sorted(s["active"] for s in p.fake.services.values())),
              ((0, 0), [1, 2]))
        p.fake.services.clear()
        check("services that someone else removed: clean is done", p.run("clean")[:2], (0, "clean: 2 services deleted, 0 remain\n"))


def answers():
    """What edge nodes may answer."""
    with Place() as p:
        p.run("package", *SMALL, token="")
        p.run("deploy", *SMALL)
        p.fake.edge_shape = "foreign"
        code, _, err = p.run("collect", *SMALL, "--what", "traces")
        check("edge_check without the services' headers: says so, exit 5", (code, "collect with --from-here" in last(err)), (5, True))
        p.fake.edge_shape = "mixed"
        code, out, err = p.run("collect", *SMALL, "--what", "traces")
        line = next(x for x in out.splitlines() if x.startswith("encrypt.call.traced"))
        check("missing and wrong answers are counted, a server that answers twice is one, wrong answers fail", (code, line.split()[1:5], "another body" in last(err)),
              (1, ["1", "3", "9", "3"], True))
        p.fake.edge_shape = "good"
        shutil.rmtree(p.out / "fastly/parts")
        (p.out / "fastly/edge_check.json").unlink()
        p.fake.server_names = False
        p.fake.faults = [["GET", "^/.n=", "drop", 2], ["GET", "^/.n=5", (503, []), 2]]
        code, out, err = p.run("collect", *SMALL, "--from-here", token="")
        line = next(x for x in out.splitlines() if x.startswith("encrypt.call.traced"))
        check("from here no token is needed; nodes have X-Served-By's last name", (code, {r["node"].split("/")[0] for r in p.rows(
            "encrypt.call.traced") if r["phase"] == "execute"}), (0, {"AMS"}))
        again = sum(int(x.split()[5]) for x in out.splitlines() if x.startswith("encrypt."))
        check("what was asked again is counted", (again, line.split()[2]), (4, "200"))
        p.fake.faults = [["GET", "^/.n=", (503, []), 99]]
        shutil.rmtree(p.out / "fastly/parts")
        check("a node that never answers: one line", (lambda r: (r[0], "503" in last(r[2])))(p.run("collect", *SMALL, "--from-here")),
              (1, True))


def limits():
    with Place(edge_checks_an_hour=2) as p:
        p.run("package", *SMALL, token="")
        p.run("deploy", *SMALL)
        code = p.run("collect", *SMALL)[0]
        check("a limit that is lower than documented: waits for its window and loses nothing", (code, p.fake.refused > 0, max(
            p.clock.slept) > 3000, sum(r["metric"] == "entry_trace" for r in p.rows("encrypt.call.traced"))), (0, True, True, 12))
    with Place(edge_checks_an_hour=2) as p:
        p.run("package", *SMALL, token="")
        p.run("deploy", *SMALL)
        p.run("collect", *SMALL, "--traces", "2", "--calls-per-hour", "2")
        begun = p.clock.now
        code = p.run("collect", *SMALL, "--calls-per-hour", "2")[0]
        check("the hour is that of all runs together", (code, p.fake.refused, p.clock.now - begun > 3500), (0, 0, True))


# ---- interruptions ---------------------------------------------------------------------------------------------------

def started(running):
    """The process, which may ask before this test has been told of it."""
    while not running:
        time.sleep(0.01)
    return running[0]


def interruptions():
    """Killed at each call, before or after the server has done it: the next run ends with the same, nothing twice, nothing lost."""
    class Real(FakeClock):
        def __init__(self):
            super().__init__()
            self.time = time.time
    with Place(Real()) as p:
        p.run("package", *SMALL, token="")
        steps = ("deploy", "collect")
        k, kills, wrong = 1, 0, []
        while True:
            moment = "before" if k % 2 else "after"
            p.fake.services.clear()
            p.fake.asked.clear()
            p.fake.edge_calls.clear()
            shutil.rmtree(p.out, ignore_errors=True)
            running, killed = [], []

            def on_call(n, when):
                if n == k and when == moment and not killed:
                    killed.append(n)
                    started(running).send_signal(signal.SIGKILL)
                    running[0].wait()
            p.fake.on_call = on_call
            for s in steps:
                running.clear()
                running.append(p.process(s, *SMALL))
                printed.append(running[0].communicate()[0])
                if killed:
                    break
            if not killed:
                break
            kills += 1
            p.fake.on_call = None
            if k == 3:  # some are not resumed, but cleaned
                codes = [p.run("clean")[0]]
                good = codes == [0] and not p.fake.services
            else:
                codes = [p.run(s, *SMALL)[0] for s in steps]
                rows = [r for name in ("encrypt.call.traced", "encrypt.call") for r in p.rows(name)] if codes == [0, 0] else []
                keys = [(r["config"], r["node"], r["phase"], r["iteration"], r["metric"]) for r in rows
                        if r["phase"] in ("execute", "request")]
                good = codes == [0, 0] and len(p.fake.services) == 2 and len(keys) == len(set(keys)) == 12 * 5 + 20
            if not good:
                wrong.append((k, moment, codes, len(p.fake.services)))
            k += 1
        check(f"killed at each of {kills} calls: nothing twice, nothing lost", (wrong, kills > 20), ([], True))
        p.fake.services.clear()
        p.fake.asked.clear()
        shutil.rmtree(p.out, ignore_errors=True)
        p.fake.on_call = lambda n, when: when == "after" and p.calls("POST", "/service$") and started(running).send_signal(signal.SIGKILL)
        running.clear()
        running.append(p.process("deploy", *SMALL))
        running[0].wait()
        p.fake.on_call = None
        check("killed before it knew the service's id: clean finds it by its name", (len(p.fake.services), p.run("clean")[0],
                                                                                     len(p.fake.services)), (1, 0, 0))
        p.fake.asked.clear()
        p.fake.on_call = lambda n, when: (n, when) == (1, "before") and started(running).send_signal(signal.SIGINT)
        running.clear()
        running.append(p.process("deploy", *SMALL))
        text = running[0].communicate()[0]
        printed.append(text)
        check("interrupted: one line, exit 130", (running[0].returncode, len(text.splitlines()), "goes on from here" in text),
              (130, 1, True))


sys.exit(run(packages, faults, answers, limits, interruptions))
