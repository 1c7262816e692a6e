"""Rows of measurements: the one schema (results/README.md), written whole or not at all.

In:  rows, as dicts. Out: a CSV file, compressed if it is called .gz. Holds: the same rows give the same bytes."""
import csv
import gzip
import hashlib
import io
import os
import pathlib
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
HEADER = ("run,machine,runtime,runtime_version,platform,service,profile,input,build,config,strategy,seed,module,node,phase,"
          "iteration,metric,value").split(",")
CANT = 3  # a driver's exit code: it can't, and what it printed is the reason


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        name = next((line.split(": ", 1)[1].strip() for line in f if line.startswith("model name")), "unknown")
    return "".join("-" if c in ' ,"' else c for c in f"{name[:60]} x{os.cpu_count()}")


def run_name():
    """Of the rows that this process writes."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}"


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()[:16]


def write(path, rows):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    w = csv.DictWriter(text, HEADER, lineterminator="\n")
    w.writeheader()
    w.writerows(rows)
    data = text.getvalue().encode()
    new = path.with_name(path.name + ".new")
    new.write_bytes(gzip.compress(data, 6, mtime=0) if path.suffix == ".gz" else data)
    new.rename(path)


def read(path):
    """The rows of a file, or none where it is not there or not whole."""
    try:
        data = pathlib.Path(path).read_bytes()
        text = (gzip.decompress(data) if str(path).endswith(".gz") else data).decode()
    except (OSError, EOFError, ValueError):
        return []
    return list(csv.DictReader(io.StringIO(text)))
