#!/usr/bin/env python3
"""Whole processes: drivers that are there, that can't, that answer wrongly, and one more by one file; the table. No time is asserted.

Usage: processes_test.py
Prints `ok NAME` or `not ok NAME: why` for each case."""
import pathlib
import re
import shutil
import sys
import tempfile

from planted import HEADER, ROOT, check, ended, plant, read, run, table


def times(folder, *more, runtimes=ROOT / "bench/runtimes"):
    out = folder / "rows.csv"
    out.unlink(missing_ok=True)
    r = run(sys.executable, ROOT / "scripts/processes.py", "--runtimes", runtimes, "--service", "bin2base64", "--rounds", 2, "--runs", 2,
            *more, "-o", out)
    return r, read(out) if out.exists() else []


def driver(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n" + text)
    (folder / name).chmod(0o755)


def ours(folder):
    r, rows = times(folder)
    check("processes: runs", r.returncode == 0, r.stderr)
    if r.returncode != 0:
        return
    check("processes: rows have the schema's columns", list(rows[0]) == HEADER, str(rows[0]))
    left_out = set(re.findall(r"^processes: (\S+) is left out: ", r.stderr, flags=re.M))
    count = {}
    for x in rows:
        count[x["runtime"], x["config"]] = count.get((x["runtime"], x["config"]), 0) + 1
    want = {(d.name, c): 4 for d in (ROOT / "bench/runtimes").iterdir() if d.name not in left_out for c in ("original", "call")}
    want.pop(("native", "call"))
    check("processes: each runtime that is not left out has its rows", count == want and len(want) >= 5, f"{count} {r.stderr}")
    check("processes: none but the interpreter is left out, and that with a reason",
          left_out <= {"wabt-interp"} and all(re.search(f"{x} is left out: .*(WASI|not installed)", r.stderr) for x in left_out), r.stderr)
    modules = {(x["config"], x["runtime"] == "native"): x["module"] for x in rows}
    check("processes: what ran is told apart", len(set(modules.values())) == 3, str(modules))


def others(folder):
    good, bad, broken = folder / "good", folder / "bad", folder / "broken"
    driver(good, "mewe-run", '[ "$1" = version ] && echo 1 || echo "build/mewe run $4"')
    driver(good, "absent", "echo 'there is none on this machine'; exit 3")
    r, rows = times(folder, runtimes=good)
    check("processes: a runtime more is a file more", r.returncode == 0 and {x["runtime"] for x in rows} == {"mewe-run"} and len(rows) == 8,
          r.stderr)
    check("processes: one that can't is named with its reason",
          "absent is left out: there is none on this machine" in r.stderr, r.stderr)
    driver(bad, "liar", '[ "$1" = version ] && echo 1 || echo "echo $4"')
    r, rows = times(folder, runtimes=bad)
    check("processes: a wrong answer is not timed", r.returncode == 1 and "liar: bin2base64, original: its answer" in r.stderr and not rows,
          f"{r.returncode} {r.stderr}")
    driver(broken, "broken", "exit 1")
    r, rows = times(folder, runtimes=broken)
    check("processes: a driver that fails is an error", r.returncode == 2 and "broken version: exit code 1" in r.stderr and not rows,
          r.stderr)
    shutil.copytree(good, folder / "one")
    r, rows = times(folder, "--only", "absent", runtimes=folder / "one")
    check("processes: no runtime is an error", r.returncode == 2 and "no runtime" in r.stderr and not rows, r.stderr)


def main():
    with tempfile.TemporaryDirectory() as temp:
        folder = pathlib.Path(temp)
        ours(folder)
        others(folder)
        base = {"service": "s", "phase": "process", "runtime_version": "7"}
        plant(folder / "planted.csv", [{**base, "runtime": r, "config": c, "value": v}
                                       for r, c, v in (("a", "original", 1e6), ("a", "call", 4e6), ("b", "original", 2e6))])
        out = table("processes", folder / "planted.csv").stdout
        want = r"^a 7\n  s +1 ms +4 ms +4\.00 \[4\.00, 4\.00\]\nb 7\n  s +2 ms +-$"
        check("processes: a planted ratio comes out", re.search(want, out, flags=re.M), out)
    ended()


main()
