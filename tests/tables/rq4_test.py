#!/usr/bin/env python3
"""Table 4 and Figure 4 from rows with known answers; the last checks show that a wrong row is noticed."""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import estimate  # noqa: E402
import rq4  # noqa: E402

HEADER = ("run,machine,runtime,runtime_version,platform,service,profile,input,build,config,strategy,seed,module,node,phase,"
          "iteration,metric,value")
PUBLISHED = {"encrypt": {"original_median_us": 7.0, "original_sigma_us": 5.0, "multivariant_median_us": 217.0,
                         "multivariant_sigma_us": 43.0, "ratio": 31.0}}
JITTER = [0.99, 1.0, 1.01, 1.0]  # of rounds
failed = False


def check(name, have, want):
    global failed
    failed |= bool(have != want)
    print(f"ok {name}" if have == want else f"not ok {name}: {have!r}, not {want!r}")


def row(config, phase, iteration, metric, value, node=0, service="encrypt", profile="release"):
    build = "original" if config in ("original", "aa") else "multivariant"
    return f"r,m,wasmtime,50,p,{service},{profile},valid,{build},{config},s,,x,{node},{phase},{iteration},{metric},{value}"


def rows(config, warm, fresh, whole=1e5, favour=(0, 0, 0, 0), **more):
    """Four places with four rounds each; favour is what each place adds."""
    out = []
    for k in range(16):
        by = JITTER[k % 4] + favour[k // 4]
        out += [row(config, "execute", k, "time_ns", warm * by, k // 4, **more),
                row(config, "request", k, "time_ns", whole * by, k // 4, **more),
                row(config, "request", k, "time_guest_ns", fresh * by, k // 4, **more)]
    return out + [row(config, "request", t, "time_guest_count", n, **more) for t, n in ((fresh, 90), (2 * fresh, 10))]


def times(lines):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
        f.write("\n".join([HEADER, *lines]) + "\n")
        f.flush()
        return rq4.Times(rq4.load([f.name]))


def line(text, first):
    return next(x.split() for x in text.splitlines() if x.strip().startswith(first))


GOOD = rows("original", 1000, 2000) + rows("aa", 1000, 2000) + rows("naive", 3000, 8000) + rows("call", 1000, 2000)


def table():
    t = times(GOOD)
    text = rq4.table4(t, PUBLISHED)
    check("the original: median and deviation of 90 executions of 2 us and 10 of 4", line(text, "encrypt"),
          "encrypt 2.00 0.60 7 5 1.00".split())
    check("the authors' way, the paper beside it", line(text, "naive"),
          "naive 8.00 2.40 4.00 [4.00,4.00] 1.00 217 43 31.0 3.00 3.00 [3.00,3.00]".split())
    check("another configuration has no figure in the paper", line(text, "call"),
          "call 2.00 0.60 1.000 [1.000,1.000]~ 0.50 1.00 1.000 [1.000,1.000]~".split())
    check("means over the services", line(rq4.means(t), "naive"), "naive 4.000 1.000 3.000 1 of 1 0.100".split())
    check("claims of good rows hold", [h for h, _ in rq4.claims(t)], [True] * 4)
    check("the configurations keep their order", t.configs, ["naive", "call"])
    check("p of the control and of the authors' way", [c for c in line(rq4.p_lines(t), "encrypt")[1:] if float(c) > 0.05], ["1", "1"])


def wrong():
    biased = rows("original", 1000, 2000) + rows("aa", 1020, 2000) + rows("call", 1010, 2000)
    t = times(biased)
    check("noticed: an original that differs from itself", [x.split(":")[0] for h, x in rq4.claims(t) if not h], ["encrypt warm"])
    check("a smaller difference is then none", (t.differs("encrypt", "call", rq4.WARM), t.ratio("encrypt", "call", rq4.WARM)[0] > 1),
          (False, True))
    check("it would be one beside a good control", times(GOOD + rows("site", 1010, 2000)).differs("encrypt", "site", rq4.WARM), True)
    noisy = times(GOOD + rows("site", 1010, 2000, favour=(-0.03, 0.03, -0.03, 0.03)))
    check("nor is one that depends on the place", noisy.differs("encrypt", "site", rq4.WARM), False)
    late = times(GOOD + rows("slow", 1000, 2000, whole=1.2e8))
    check("noticed: an answer later than the paper's bar", [x for h, x in rq4.claims(late) if not h],
          ["encrypt slow: 120.000 ms with a fresh instance, under 100"])
    check("and printed", [x[:20] for x in rq4.claim_lines(late).splitlines() if x.startswith("FAILS")], ["FAILS  encrypt slow:"])


def estimates():
    # Three times 1000 executions of 100 us, and as many warm ones of 1 us, which 10 rounds of 3 ms exceed,
    # and a quarter of them untimed.
    # To open all modules takes half a second, in ten places.
    t = times(rows("original", 1000, 2000) + rows("aa", 1000, 2000) + rows("call", 1000, 2000) +
              [row("original", "place", 0, "open_ns", 5e8)])
    check("how long it will take", round(estimate.seconds(t, "encrypt", 1000, 10), 9), 5.4125)
    check("a hundred times as many take longer, once warm ones count", round(estimate.seconds(t, "encrypt", 100000, 10), 9), 35.375)
    check("in words", [estimate.duration(s) for s in (5, 600, 9000)], ["5 s", "10 min", "2.5 h"])


def program():
    with tempfile.TemporaryDirectory() as d:
        f, png = Path(d) / "rows.csv", Path(d) / "figures/figure4-%p.png"
        f.write_text("\n".join([HEADER, *GOOD]) + "\n")
        run = [sys.executable, ROOT / "scripts/rq4.py", "--published", ROOT / "results/paper", "--figure", png]
        r = subprocess.run([*run, f], capture_output=True, text=True)
        check("it prints", (r.returncode, "Profile release, input valid: 100 executions" in r.stdout, r.stderr), (0, True, ""))
        drawn = Path(str(png).replace("%p", "release"))
        check("it draws", drawn.read_bytes()[:8] if drawn.exists() else None, b"\x89PNG\r\n\x1a\n")
        f.write_text("a,b\n1,2\n")
        r = subprocess.run([*run, f], capture_output=True, text=True)
        check("it refuses other files in one line", (r.returncode, len(r.stderr.splitlines())), (1, 1))


for part in (table, wrong, estimates, program):
    part()
sys.exit(failed)
