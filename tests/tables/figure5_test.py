#!/usr/bin/env python3
"""Figure 5 from rows with known answers: nothing where nothing differs, what was planted, and what was asked of the controls."""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import figure5  # noqa: E402

HEADER = "service,profile,config,phase,iteration,metric,value"
failed = False


def check(name, have, want):
    global failed
    failed |= bool(have != want)
    print(f"ok {name}" if have == want else f"not ok {name}: {have!r}, not {want!r}")


def rows(module, slower=None, n=12, rounds=120, seed=0):
    """Times of n variants that vary by 2%; slower: {number: by how much}."""
    rng = np.random.default_rng(seed)
    out = []
    for r in range(rounds):
        for k in range(1, n + 1):
            t = 100 * (1 + (slower or {}).get(k, 0)) * (1 + 0.02 * rng.standard_normal())
            out.append(f"bin2base64,release,{module}.{k},execute,{r},time_ns,{t:.9g}")
    return out


def write(path, lines):
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def tests(lines):
    with tempfile.TemporaryDirectory() as d:
        return {m: figure5.Test(*t) for (_, m), t in figure5.load([write(Path(d) / "x.csv", lines)]).items()}


def pairs():
    t = tests(rows("copy", seed=1) + rows("planted", {5: 0.03}, seed=2) + rows("real", {5: 0.03, 6: 0.03}, seed=3))
    check("equal ones: no pair of 66 differs", (t["copy"].differ, len(t["copy"].p)), (0, 66))
    check("one slower by 3% differs from all 11 others, and nothing else does", (t["planted"].differ, t["planted"].slowest()[0],
                                                                               t["planted"].slowest()[2]), (11, 5, 11))
    check("two that are equally slow differ from 10 others each", t["real"].differ, 20)
    check("and by more than any two copies do", t["real"].beyond(t["copy"].spread), 20)
    check("which a large spread of copies would not let one say", t["real"].beyond(0.2), 0)
    power = figure5.smallest_found(t["copy"].times)
    check("the power lies where 120 rounds of 2% put it", 0.0075 <= power <= 0.015, True)
    check("fewer rounds find less", figure5.smallest_found(t["copy"].times[:20]) > power, True)
    check("two rounds find nothing", figure5.smallest_found(t["copy"].times[:2]), None)
    return t, power


def claims(t, power):
    def held(**other):
        return [h for h, _ in figure5.claims({**t, **other}, power)]
    check("the controls do what they must; variants that differ fail the paper's claim", held(), [True, True, False])
    check("variants that do not differ hold it", held(real=t["copy"]), [True, True, True])
    check("noticed: copies that differ", held(copy=t["real"])[0], False)
    check("noticed: a slowed copy that is too little slower", held(planted=t["copy"])[1], False)
    blind = tests(rows("planted", {5: 0.03}, seed=2))["planted"]
    blind.p = np.ones(len(blind.p))
    check("noticed: a slowed copy that is not found", held(planted=blind)[1], False)


def program():
    with tempfile.TemporaryDirectory() as d:
        d = Path(d)
        f = write(d / "rows.csv", rows("real", n=4) + rows("copy", n=4, seed=1) + rows("planted", {2: 0.1}, n=4, seed=2))
        run = [sys.executable, ROOT / "scripts/figure5.py", "--figure", d / "f-%p.png"]
        r = subprocess.run([*run, f], capture_output=True, text=True)
        check("it prints", (r.returncode, "4 x 4 variants, each forced, 120 rounds" in r.stdout, r.stderr), (0, True, ""))
        check("it draws", (d / "f-release.png").read_bytes()[:4] if (d / "f-release.png").exists() else None, b"\x89PNG")
        for name, lines in [("no control", rows("real", n=4)), ("a missing round", rows("real", n=4)[:-1] + rows("copy", n=4)),
                            ("other rows", ["encrypt,release,call,execute,0,time_ns,1"])]:
            r = subprocess.run([*run, write(d / "x.csv", lines)], capture_output=True, text=True)
            check(f"refused in one line: {name}", (r.returncode, len(r.stderr.splitlines())), (1, 1))


claims(*pairs())
program()
sys.exit(failed)
