#!/usr/bin/env python3
"""Give a traced module the body classes of the engine that will run it, and say how many of its bodies are different there.

Usage: edge_classes.py --driver D --classes PROGRAM --profile P --service S --config C MODULE.wasm TRACED.wasm OUT.wasm
In:  the untraced module and its traced twin; a driver of bench/edge, asked to `dump MODULE FOLDER`: the machine code that its engine
     makes, with its own settings; build/bench/classes.
Out: OUT.wasm, the traced twin with those classes; OUT.classes.csv, rows of how many bodies differ. Where the driver can't dump: the
     twin as it is, and one row classes_known 0, so that nobody takes its body trace for what that engine runs.
Holds: a module without dispatchers has nothing to be classed. Exit: 0; 2 with one line."""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

import edge_rows
from edge_rows import CANT, ROOT, die

METRICS = ("dispatchers", "variants", "distinct", "distinct_shape")


def dump(driver, module, folder):
    """Why there is no dump; or nothing, and there is one."""
    r = subprocess.run([driver, "dump", module, folder], capture_output=True, text=True, check=False, cwd=ROOT)
    if r.returncode == CANT:
        return (r.stdout.strip() or "it can't").splitlines()[0]
    if r.returncode != 0 or not (pathlib.Path(folder) / "dump").exists():
        die(2, f"{driver} dump {module}: exit code {r.returncode}: {(r.stderr or r.stdout).strip()[-300:] or 'no dump'}")
    return ""


def main():
    p = argparse.ArgumentParser(description="Class the bodies of a module by the machine code of the engine that runs it.")
    p.add_argument("--driver", required=True)
    p.add_argument("--classes", default=str(ROOT / "build/bench/classes"))
    p.add_argument("--profile", required=True)
    p.add_argument("--service", required=True)
    p.add_argument("--config", required=True)
    p.add_argument("module")
    p.add_argument("traced")
    p.add_argument("out")
    a = p.parse_args()
    out = pathlib.Path(a.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    fixed = edge_rows.fixed(a.driver, edge_rows.ask_driver(a.driver, "version"), a.profile, a.service, a.config, a.module)
    new = out.with_name(out.name + ".new")
    with tempfile.TemporaryDirectory() as folder:
        why = dump(a.driver, a.module, folder)
        counts = {"classes_known": 0}
        if why:
            print(f"edge: {a.service} {a.config}: no body traces: {why}", file=sys.stderr)
            shutil.copyfile(a.traced, new)
        else:
            r = subprocess.run([a.classes, a.module, f"{folder}/dump", a.traced, new], capture_output=True, text=True, check=False)
            if r.returncode != 0:
                die(2, (r.stderr.strip() or f"{a.classes}: exit code {r.returncode}").removeprefix("measure: "))
            counts = {"classes_known": 1, **dict(zip(METRICS, map(int, r.stdout.split())))}
            if counts["variants"]:
                print(f"{a.service} {a.config}: {counts['distinct']} of {counts['variants']} bodies distinct in {fixed['runtime']} "
                      f"{fixed['runtime_version']}")
    edge_rows.write(str(out).removesuffix(".wasm") + ".classes.csv",
                    [{**fixed, "node": 0, "phase": "static", "iteration": 0, "metric": m, "value": v} for m, v in counts.items()])
    new.rename(out)


main()
