#!/usr/bin/env python3
"""The harness's own check, from repeats with known answers: simulated ones, so that its error rates are known, and a stand-in for the
measuring program that is blind, or sees what is not there."""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import harness  # noqa: E402

# Stands for build/bench/measure: writes rows of simulated times; how much slower `planted` and `same` are, is
# said; `big` and `tN`, by which the loop is calibrated, take a nanosecond a turn.
STAND_IN = """#!{python}
import re, sys, zlib, numpy as np
a = sys.argv
get = lambda o: a[a.index(o) + 1]
out, rounds, places = get("-o"), int(get("--rounds")), int(get("--places"))
rng = np.random.default_rng(zlib.crc32(out.rsplit("/", 1)[-1].encode()))
by = {{"original": 1, "aa": 1, **{{x.split("=")[0]: 1 for x in a if "=" in x}}}}
by.update({{k: v for k, v in {{"planted": {planted}, "same": {same}, "big": 21}}.items() if k in by}})
by.update({{k: 1 + int(k[1:]) / 1000 for k in by if re.fullmatch("t[0-9]+", k)}})
lines = ["service,profile,input,build,config,seed,module,node,phase,iteration,metric,value"]
for k in range(rounds):
    for c, x in by.items():
        t = 1000 * x * (1 + 0.01 * rng.standard_normal())
        for phase, metric in (("execute", "time_ns"), ("request", "time_ns"), ("request", "time_guest_ns")):
            lines.append(f"{{get('--service')}},release,valid,b,{{c}},,x,{{k * places // rounds}},{{phase}},{{k}},{{metric}},{{t}}")
open(out, "w").write("\\n".join(lines) + "\\n")
"""
failed = False


def check(name, have, want):
    global failed
    failed |= bool(have != want)
    print(f"ok {name}" if have == want else f"not ok {name}: {have!r}, not {want!r}")


def run(planted, same, repeats=6):
    with tempfile.TemporaryDirectory() as d:
        d = Path(d)
        for name, text in [("measure", STAND_IN.format(python=sys.executable, planted=planted, same=same)),
                           ("plant", "#!/bin/sh\necho $3 >$4\n"), ("original", ""), ("noop", "")]:
            (d / name).write_text(text)
            (d / name).chmod(0o755)
        command = [sys.executable, ROOT / "scripts/harness.py", *(x for k in ("measure", "plant", "original", "noop") for x in
                   (f"--{k}", d / k)), "--service", "encrypt", "--repeats", str(repeats), "--rounds", "60", "--places", "20", "--work",
                   d / "work"]
        r = subprocess.run(command, capture_output=True, text=True)
        again = subprocess.run(command, capture_output=True, text=True)
        return r, again, (d / "work/planted.wasm").read_text().strip()


def last(r):
    return [x.split()[0] for x in r.stdout.splitlines()[-2:]]


def program():
    r, again, turns = run(1.02, 1)
    check("what is planted is found, and nothing else", (r.returncode, last(r), r.stderr), (0, ["holds", "holds"], ""))
    check("rows that are there are not made again", again.stdout.splitlines()[-2:], r.stdout.splitlines()[-2:])
    check("2% of a microsecond are 20 turns of a nanosecond", abs(int(turns) - 20) <= 2, True)
    check("noticed: a harness that is blind", (lambda x: (x.returncode, last(x)))(run(1, 1)[0]), (1, ["FAILS", "holds"]))
    check("noticed: one that sees what is not there", (lambda x: (x.returncode, last(x)))(run(1.02, 1.02)[0]), (1, ["holds", "FAILS"]))
    check("noticed: one that sees it on the other side", last(run(0.98, 1)[0]), ["FAILS", "holds"])


def verdicts():
    good, missed, alarm = (True, False, 1.02), (False, False, 1.0), (True, True, 1.02)
    for name, judged, want in [("no error", [good] * 100, [True, True]),
                               ("five of each are allowed", [good] * 90 + [missed] * 5 + [alarm] * 5, [True, True]),
                               ("six missed", [good] * 94 + [missed] * 6, [False, True]),
                               ("six alarms", [good] * 94 + [alarm] * 6, [True, False])]:
        check(f"verdict: {name}", [h for h, _ in harness.verdict(0.02, judged)], want)


verdicts()
program()
sys.exit(failed)
