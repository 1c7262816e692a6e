#!/usr/bin/env python3
"""The funnel and the ablation from rows with known answers; the last checks show that a wrong row is noticed."""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import search  # noqa: E402

HEADER = "service,build,config,strategy,phase,iteration,metric,value"
COUNTS = {"enumerated": 1000, "passed": 500, "tried": 100, "surviving": 80, "asked": 50, "proved": 48, "kept": 40, "idle": 10,
          "propose_ns": 1e8, "survive_ns": 2e8, "prove_ns": 1e8, "audit_ns": 6e8, "dispatchers": 4, "variants": 44, "distinct": 44,
          "distinct_shape": 33}
failed = False


def check(name, have, want):
    global failed
    failed |= have != want
    print(f"ok {name}" if have == want else f"not ok {name}: {have!r}, not {want!r}")


def rows(config, service="encrypt", **changes):
    return [f"{service},multivariant,{config},s,search,0,{m},{v}" for m, v in (COUNTS | changes).items()]


def times(config, values):
    return [f"encrypt,b,{config},s,execute,{k},time_ns,{v}" for k, v in enumerate(values)]


def text(what, lines):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
        f.write("\n".join([HEADER, *lines]) + "\n")
        f.flush()
        return {"funnel": search.funnel, "ablation": search.ablation}[what](search.load([f.name]))


def line(out, first):
    return next(x.split() for x in out.splitlines() if x.startswith(first))


def funnel():
    out = text("funnel", rows("cold") + rows("cold", "qr_str") + rows("warm", prove_ns=0, survive_ns=0, propose_ns=4e7))
    check("one service's stages", line(out, "encrypt"),
          "encrypt 1,000 500 100 80 50 48 40 0.10 0.20 0.10 0.60 100 100.0%".split())
    check("all services together", line(out, "all"), "all 2,000 1,000 200 160 100 96 80 0.20 0.40 0.20 1.20 100 100.0%".split())
    check("the audit apart, and the rates", [x for x in out.splitlines() if "times as many" in x],
          ["the default strategies: 100 kept a second with a new cache, 1,000 with an old one: 10.0 times as many; "
           "all of it 2.0 s new, 0.6 s old"])
    check("another count shows", line(text("funnel", rows("cold", kept=20)), "encrypt")[7], "20")


def ablation():
    out = text("ablation", rows("rewrite") + rows("all", idle=0) + times("original", [100] * 20) + times("rewrite", [250] * 20) +
               times("all", [300] * 20))
    check("a strategy alone", line(out, "rewrite"), "rewrite 4 100 80 50 48 40 80.0% 96.0% 100.0% 75.0% 25.0% 2.50".split())
    check("all of them come last", [x.split()[0] for x in out.splitlines() if x.startswith(("rewrite", "all"))],
          ["rewrite", "all", "rewrite", "all"])
    check("equal bodies show", line(text("ablation", rows("rewrite", distinct=22)), "rewrite")[9], "50.0%")


def command():
    r = subprocess.run([sys.executable, ROOT / "scripts/search.py", "funnel", "/dev/null"], capture_output=True, text=True)
    check("no rows: one line", (r.returncode, r.stderr.count("\n"), r.stderr.startswith("search: ")), (1, 1, True))


funnel()
ablation()
command()
sys.exit(failed)
