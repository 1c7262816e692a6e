#!/usr/bin/env python3
"""The tables of planned placements and their claims, from rows with known answers; each target is missed once."""
import contextlib
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/budget.py"
HEADER = ("run,machine,runtime,runtime_version,platform,service,profile,input,build,config,strategy,seed,module,node,phase,"
          "iteration,metric,value")
N = 64                                   # executions that were traced
failed = False


def check(name, have, want):
    global failed
    failed |= bool(have != want)
    print(f"ok {name}" if have == want else f"not ok {name}: {have!r}, not {want!r}")


def row(service, config, phase, metric, value, node=0, iteration=0):
    build = "original" if config in ("original", "aa") else "multivariant"
    return f"r,m,wasmtime,50,p,{service},release,valid,{build},{config},s,,x,{node},{phase},{iteration},{metric},{value}"


def times(service, config, ratio):
    """Four places with four rounds each of a service that takes 1,000 ns."""
    out = []
    for k in range(16):
        by = ratio * [0.99, 1.0, 1.01, 1.0][k % 4] * 1000
        out += [row(service, config, "execute", "time_ns", by, k // 4, k), row(service, config, "request", "time_guest_ns", 2 * by, k // 4, k),
                row(service, config, "request", "time_ns", 5 * by, k // 4, k)]
    return out + [row(service, config, "request", "time_guest_count", 10, iteration=2000)]


def traces(service, different, bits):
    out = []
    for k in range(N):
        for metric, value in (("body_trace", k % different), ("entry_trace", 1), ("choices", 3), ("bits", bits), ("trace_length", 9),
                              ("dispatchers_executed", 3)):
            out.append(row(service, "budget", "execute", metric, value, k % 4, k))
    return out


def static(service, size):
    out = []
    for config, by in (("original", 1), ("budget", size)):
        out += [row(service, config, "static", m, 1000 * by) for m in ("size_bytes", "size_gzip_bytes", "size_brotli_bytes")]
    return out + [row(service, "budget", "static", m, 3) for m in ("dispatchers", "variants", "distinct")]


def report(service="invert", ratio=1.005, different=N, bits=20, size=1.5, unproved=0, overhead=1.05):
    lines = [*times(service, "original", 1), *times(service, "aa", 1), *times(service, "budget", ratio), *times(service, "overhead-5", overhead),
             *traces(service, different, bits), *static(service, size)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "rows.csv").write_text("\n".join([HEADER, *lines]) + "\n")
        found = {"dispatchers": [{"proved": 7, "refuted": 0, "unproved": unproved}]}
        (path / f"{service}.budget.verified").write_text(json.dumps(found))
        r = subprocess.run([sys.executable, SCRIPT, "table", "--verified", folder, path / "rows.csv"], capture_output=True, text=True)
    if r.returncode:
        print(f"not ok budget.py: exit code {r.returncode}: {r.stderr}")
    return r.stdout


def fails(text):
    return [line.split(": ", 1)[1].split(" ")[0] if ": " in line else line.split()[1] for line in text.splitlines() if line.startswith("FAILS")]


def line(text, first):
    return next(x.split() for x in text.splitlines() if x.startswith(first))


def table():
    good = report()
    cells = line(good, "invert")
    check("what is there and what it costs", cells[:9], ["invert", "20.0", "1.0000", "3", "3", "3", "7/7", "1.005", "[1.005,1.005]"])
    check("sizes", cells[-3:], ["1.50"] * 3)
    check("all of it holds", "7 hold, 0 fail" in good, True)
    check("asked and measured", good[good.index("--overhead"):].splitlines()[3].split()[:3], ["invert", "5%", "5.0%"])
    for name, change, want in [("too slow for this service", {"ratio": 1.02}, ["warm"]),
                               ("too slow on the mean, too", {"ratio": 1.2}, ["geometric", "warm"]),
                               ("traces that repeat", {"different": N // 2}, ["entropy"]), ("too few bits", {"bits": 19}, ["19.0"]),
                               ("too large", {"size": 3.5}, ["size"]), ("not all proved", {"unproved": 1}, ["7"]),
                               ("more time than was asked for", {"overhead": 1.08}, ["--overhead"]),
                               ("less than was asked for", {"overhead": 1.02}, ["--overhead"])]:
        check(name, fails(report(**change)), want)


def frontier():
    sys.path.insert(0, str(ROOT / "scripts"))
    import argparse
    import budget
    head = "trial,entropy_bits,places,bodies,size_bytes,original_ns,ratio,ratio_low,ratio_high,aa_low,aa_high"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encrypt.frontier-site.csv"
        path.write_text("\n".join([head, "copies,4,1,16,9000,600,1.001,1,1.1,1,1", "variants,4,1,16,9000,600,1.002,1,1.1,1,1",
                                   "step,4,1,16,9000,600,1.01,1,1.1,1,1", "step,9,2,32,9500,600,1.02,1,1.1,1,1",
                                   "plan,9,2,32,9600,600,1.03,1,1.1,1,1"]) + "\n")
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            budget.print_frontier(argparse.Namespace(rows=[str(path)], bits="4,8,16", figure=f"{folder}/f.png"))
        check("the cheapest step with so many bits; none has more", line(out.getvalue(), "encrypt"),
              ["encrypt", "site", "1.010", "1", "9.0", "1.020", "2", "9.5", "-"])
        check("a plot", (Path(folder) / "f.png").read_bytes()[1:4], b"PNG")


table()
frontier()
r = subprocess.run([sys.executable, SCRIPT, "frontier", "/nowhere.frontier-site.csv"], capture_output=True, text=True)
check("no such file: one line", (r.returncode != 0, r.stderr.count("\n")), (True, 1))
sys.exit(failed)
