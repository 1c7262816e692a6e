"""What the tests of the benchmarks share: cases, planted rows, scripts/bench.py."""
import csv
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from report import BUILD, MEWE, ROOT, check, ended  # noqa: E402, F401: for the tests here

HEADER = ("run,machine,runtime,runtime_version,platform,service,profile,input,build,config,strategy,seed,module,node,phase,"
          "iteration,metric,value").split(",")


def plant(path, rows, repetitions=9, spread=0.01):
    """So many repetitions around the value of each row (a dict), in an order that favours none."""
    with open(path, "w", newline="", encoding="utf-8") as f:
        w = csv.DictWriter(f, HEADER, restval="")
        w.writeheader()
        for i in range(repetitions):
            for row in rows:
                w.writerow({"metric": "time_ns", "phase": "execute", "node": 0, "iteration": i, **row,
                            "value": row["value"] + spread * ((i * 5) % repetitions - repetitions // 2)})


def read(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def run(*command, **more):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, cwd=ROOT, **more)


def table(what, *files):
    return run(sys.executable, ROOT / "scripts/bench.py", what, *files)
