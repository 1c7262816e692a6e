"""Tables from the rows that were collected: times here, traces by scripts/edge_tables.py.

In:  OUT/fastly-NAME.csv. Out: text; OUT/fastly/numbered/*.csv, the same rows with numbers for nodes, as the project's other scripts
     read them, and nodes.csv, which number is which node.
Holds: a time is printed with the original against itself beside it; no number here is written down.
"""
import csv
import io
import math
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from common import BAD, KitError, ROOT, shown, write_file
from cost import published_ms

TABLES = ROOT / "scripts/edge_tables.py"


def csv_text(header, rows):
    text = io.StringIO()
    w = csv.writer(text, lineterminator="\n")
    w.writerow(header)
    w.writerows(rows)
    return text.getvalue()


def read(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def numbered(files, folder):
    """The files with a number for each node: the same in all of them."""
    rows = {f: read(f) for f in files}
    number = {n: k for k, n in enumerate(sorted({r["node"] for x in rows.values() for r in x}))}
    write_file(folder / "nodes.csv", csv_text(["number", "node"], [[k, n] for n, k in number.items()]))
    for f, x in rows.items():
        write_file(folder / f.name, csv_text(x[0].keys(), [[number[v] if k == "node" else v for k, v in r.items()] for r in x]))
    return [folder / f.name for f in files]


# ---- times -----------------------------------------------------------------------------------------------------------

def times(files):
    """{(service, config): ([time in us], [iteration])}."""
    found = defaultdict(lambda: ([], []))
    for f in files:
        for r in read(f):
            if r["metric"] == "time_guest_ns":
                found[r["service"], r["config"]][0].append(int(r["value"]) / 1000)
                found[r["service"], r["config"]][1].append(int(r["iteration"]))
    return found


def against_itself(us, iterations, batch):
    """The original's odd batches over its even ones: what chance does to a ratio."""
    halves = [[t for t, k in zip(us, iterations) if k // batch % 2 == h] for h in (0, 1)]
    return statistics.median(halves[1]) / statistics.median(halves[0]) if all(halves) and statistics.median(halves[0]) else math.nan


def show(x, digits):
    return "-" if math.isnan(x) else f"{x:.{digits}f}"


def times_table(found, batch):
    paper = published_ms()
    lines = ["", "Table 4: time of a request in its edge node, in microseconds",
             f"{'service':<12} {'config':<9} {'n':>8} {'median':>10} {'sigma':>10} {'ratio':>7} {'paper':>9}"]
    for service, config in sorted(found, key=lambda k: (k[0], k[1] != "original", k[1])):
        us, iterations = found[service, config]
        original = found.get((service, "original"), ([], []))
        if config == "original":
            ratio = against_itself(us, iterations, batch)
        else:
            ratio = statistics.median(us) / statistics.median(original[0]) if original[0] and statistics.median(original[0]) else math.nan
        theirs = "" if config == "request" else f"{1000 * paper[service, config == 'original']:.0f}"
        lines.append(f"{service:<12} {config:<9} {len(us):>8} {statistics.median(us):>10.2f} {statistics.pstdev(us):>10.2f} "
                     f"{show(ratio, 2):>7} {theirs:>9}")
    return "\n".join([*lines, "ratio: of medians, to the original's; the original's own is of its odd batches over its even ones: what",
                      "chance does; paper: its median, original or multivariant, which dispatches as call does"])


def run(a, plan, out):
    files = {d: Path(a.out) / f"fastly-{d.name}.csv" for d in plan}
    venv = ROOT / "build/deps/venv/bin/python"
    words = [str(venv if venv.exists() else sys.executable), str(TABLES)]
    if a.dry_run:
        out.say(f"  {' '.join(map(shown, words))} {shown(a.out)}/fastly/numbered/fastly-*.traced.csv")
        return 0
    files = {d: f for d, f in files.items() if f.exists()}
    if not files:
        raise KitError(f"{shown(a.out)}: no rows fastly-*.csv: run `kit.py collect` first", BAD)
    timed = [f for d, f in files.items() if not d.traced]
    traced = [f for d, f in files.items() if d.traced]
    if timed:
        out.say(times_table(times(timed), a.batch))
    if not traced:
        return 0
    if not TABLES.exists():
        raise KitError(f"{shown(TABLES)} is not there, which prints the tables of traces: the rows are in {shown(a.out)}", BAD)
    return subprocess.run([*words, *map(str, numbered(traced, Path(a.out) / "fastly/numbered"))], cwd=ROOT).returncode
