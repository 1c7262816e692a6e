"""Rows of the edge: the one schema (results/README.md), written whole or not at all.

In:  what is the same for all rows of a file, and the rows. Out: a CSV file, compressed if it is called .gz.
Holds: the same rows give the same bytes."""
import csv
import gzip
import hashlib
import io
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
HEADER = ("run,machine,runtime,runtime_version,platform,service,profile,input,build,config,strategy,seed,module,node,phase,"
          "iteration,metric,value").split(",")
CANT = 3  # a driver's exit code: it can't, and what it printed is the reason


def die(code, text):
    print(f"edge: {text}", file=sys.stderr)
    sys.exit(code)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        name = next((line.split(": ", 1)[1].strip() for line in f if line.startswith("model name")), "unknown")
    return "".join("-" if c in ' ,"' else c for c in f"{name[:60]} x{os.cpu_count()}")


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()[:16]


def ask_driver(driver, *words):
    """What the driver prints, or the end with its reason."""
    try:
        r = subprocess.run([driver, *words], capture_output=True, text=True, check=False, cwd=ROOT)
    except OSError as e:
        die(2, f"{driver}: {e.strerror}: name a program in bench/edge")
    lines = r.stdout.strip().splitlines()
    if r.returncode == CANT:
        die(2, lines[0] if lines else f"{driver} can't, and does not say why")
    if r.returncode != 0 or (not lines and words[0] == "version"):
        die(2, f"{driver} {words[0]}: exit code {r.returncode}: {(r.stderr or r.stdout).strip()[-300:]}")
    return lines[0] if lines else ""


def fixed(driver, version, profile, service, config, module):
    """What is the same for all rows of one service in one configuration."""
    original = config in ("original", "aa")
    name = pathlib.Path(driver).name
    return {"run": f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}", "machine": machine(), "runtime": name,
            "runtime_version": version.replace(",", " "), "platform": name, "service": service, "profile": profile, "input": "paper",
            "build": "original" if original else "multivariant", "config": config,
            "strategy": "none" if original else "rewrite+reorder", "seed": "", "module": digest(module)}


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


class Progress:
    """How far it is and how long it still takes, on standard error: on a terminal as it goes, else a line now and then."""

    def __init__(self, what, total, every=30):
        self.what, self.total, self.done, self.began = what, total, 0, time.monotonic()
        self.every, self.said, self.tty = every, time.monotonic(), sys.stderr.isatty()

    def add(self, n, at=""):
        self.done += n
        now = time.monotonic()
        if now - self.said < (0.2 if self.tty else self.every) and self.done < self.total:
            return
        self.said = now
        left = (now - self.began) * (self.total - self.done) / max(1, self.done)
        text = f"{self.what}: {self.done:,} of {self.total:,} ({100 * self.done // max(1, self.total)}%), {clock(left)} to go {at}"
        print(f"\r\033[K{text}" if self.tty else text, end="" if self.tty and self.done < self.total else "\n", file=sys.stderr, flush=True)


def clock(seconds):
    m, s = divmod(int(seconds + 0.5), 60)
    return f"{m // 60}:{m % 60:02}:{s:02}" if m >= 60 else f"{m}:{s:02}"
