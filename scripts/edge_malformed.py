#!/usr/bin/env python3
"""Send malformed and odd HTTP requests to a service at the edge, and hold each answer against what is due.

Usage: edge_malformed.py --service NAME --url http://HOST:PORT [--count N] [--seed S] [--only I] [--log FILE]

In:   a server that serves the service NAME; services/vectors/NAME, build/services/native/NAME. Case I is made from S and I alone;
      --only I sends that one. What is due: by the services' contract, by the vectors where the body is one, else as the native
      program answers. --log FILE is the server's log (viceroy serve -v): it must name no trap.
Out:  a table on standard output: cases by kind, answered as due, answered by the server itself (known by lacking the program's
      cache-control), closed without an answer, failed; and a line for each of the first failures. Exit 1 if anything failed.
Holds: a failure is: another status, body or header than is due; 5xx, but for the server's own 501 and 505 to what is no HTTP; a
      connection dropped where the request was valid; a body that was not whole answered with 200; a good GET, after each broken
      case and each hundredth, not answered; a trap in the log."""
import argparse
import collections
import pathlib
import random
import re
import subprocess
import sys
import time
import urllib.parse

import edge_cases
import edge_http

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCALARS = 2**252 + 27742317777372353535851937790883648493  # the order of edwards25519: what `random` gives is below it
LINES = {404: b"there is nothing but /\n", 405: b"the method must be GET or POST\n"}
HASHES, COUNTS = ("x-mewe-trace", "x-mewe-body-trace"), ("x-mewe-trace-length", "x-mewe-choices", "x-mewe-dispatchers")
TRAPS = re.compile(rb"WebAssembly (trapped|exited with)[^\n]*")


class Failure(Exception):
    pass


class Contract:
    """What is due for a body."""
    def __init__(self, service):
        self.service, self.known = service, {}
        folder = ROOT / "services/vectors" / service
        self.vectors = {}
        for p in folder.glob("*.in"):
            out, err = p.with_suffix(".out"), p.with_suffix(".err")
            if out.exists():
                self.vectors[p.read_bytes()] = 200, out.read_bytes()
            elif err.exists():
                status, line = err.read_text().strip().split(" ", 1)
                self.vectors[p.read_bytes()] = int(status), line.encode() + b"\n"
            else:
                self.vectors[p.read_bytes()] = 200, bytes(32 * int(p.with_suffix(".count").read_text()))
        self.paper = self.vectors[(folder / "paper.in").read_bytes()]

    def answer(self, request):
        if request is None:
            return self.paper
        if request in self.vectors and request:
            return self.vectors[request]
        if request not in self.known:
            if len(self.known) > 5000:
                self.known.clear()
            self.known[request] = self.native(request)
        return self.known[request]

    def native(self, request):
        p = subprocess.run([ROOT / "build/services/native" / self.service], input=request, capture_output=True)
        if p.returncode == 0:
            return 200, p.stdout
        name, status, line = p.stderr.split(b" ", 2)
        return int(status), line

    def same(self, got, want):
        if self.service != "random":
            return got == want
        scalars = [int.from_bytes(got[i:i + 32], "little") for i in range(0, len(got), 32)]
        return len(got) == len(want) and all(0 < x < SCALARS for x in scalars)


class Run:
    def __init__(self, args):
        url = urllib.parse.urlsplit(args.url)
        self.address, self.args = (url.hostname, url.port or 80), args
        self.contract = Contract(args.service)
        self.vectors = edge_cases.Vectors(ROOT / "services/vectors" / args.service, url.netloc)
        self.table = collections.defaultdict(collections.Counter)
        self.kept, self.traced, self.failures, self.statuses = None, None, 0, collections.Counter()

    # ---- one answer ---------------------------------------------------------------------------------------------------

    def headers(self, r):
        """Of the program's answers: all that the contract names, and all of a traced build's or none."""
        h = r.headers
        if r.status == 200:
            if not h.get("x-mewe-time-ns", "").isdigit():
                raise Failure("no x-mewe-time-ns")
            there = [name for name in (*HASHES, *COUNTS) if name in h]
            if there and (len(there) < 5 or any(not re.fullmatch("[0-9a-f]{16}", h[name]) for name in HASHES)
                          or any(not h[name].isdigit() for name in COUNTS)):
                raise Failure(f"the trace's headers: {[h.get(n) for n in (*HASHES, *COUNTS)]}")
            if self.traced not in (None, bool(there)):
                raise Failure("traced and untraced answers by one server")
            self.traced = bool(there)
        if r.status == 405 and h.get("allow") != "GET, POST":
            raise Failure(f"allow is {h.get('allow')}")

    def answer(self, r, due):
        """True: as due. False: the server's own answer."""
        self.statuses[r.status] += 1
        if r.headers.get("cache-control") != "no-store":
            return False
        status, body = self.contract.answer(due.request)
        if due.status != 200:
            status, body = due.status, LINES[due.status]
        if r.status != status:
            raise Failure(f"status {r.status}, not {status}")
        self.headers(r)
        if due.method == "HEAD":
            body = b""
        if not (self.contract.same(r.body, body) if status == 200 else r.body == body):
            raise Failure(f"the body is {r.body[:60]!r}, not {body[:60]!r}")
        return True

    # ---- one case -----------------------------------------------------------------------------------------------------

    def steps(self, c, case):
        for step in case.steps:
            if step == edge_cases.PAUSE:
                time.sleep(0.002)
            elif step == edge_cases.HALF:
                c.half()
            elif step == edge_cases.ENDLESS:
                for _ in range(4096):
                    if c.has_answer() or not c.send(b"4000\r\n" + bytes(16384) + b"\r\n"):
                        break
            elif step != edge_cases.RESET:
                c.send(step)

    def valid(self, c, case):
        own = 0
        for due in case.due:
            own += not self.answer(c.response(due.method), due)
        if own and case.form == "plain":
            raise Failure("the server refused it")
        return "server" if own else "due"

    def broken(self, c, case):
        if case.steps[-1] == edge_cases.RESET:
            return "closed"
        for due in case.due:
            if not self.answer(c.response(due.method), due):
                raise Failure("the server refused it")
        outcome = "due" if case.due else "closed"
        while True:
            try:
                r = c.response("GET")
            except edge_http.Closed:
                return outcome
            except edge_http.Malformed:
                return "server"
            self.statuses[r.status] += 1
            outcome = outcome if case.due else "answered" if r.headers.get("cache-control") == "no-store" else "server"
            if r.status >= 500 and not (outcome == "server" and r.status in (501, 505)):
                raise Failure(f"status {r.status}")
            if r.status == 200 and not case.whole:
                raise Failure("200 for a body that was not whole")

    def send(self, case):
        alone = case.alone or not self.kept
        c = edge_http.Connection(self.address) if alone else self.kept
        self.kept = None if not case.alone else self.kept
        try:
            self.steps(c, case)
            outcome = (self.broken if case.form == "broken" else self.valid)(c, case)
            read = all(d.method in ("GET", "HEAD", "POST") and len(d.request or b"") <= edge_cases.MOST for d in case.due)
            if not case.alone and read:
                self.kept = c
            return outcome
        finally:
            if self.kept is not c:
                c.close()

    def one(self, i):
        case = edge_cases.case(random.Random(f"{self.args.seed}/{i}"), self.vectors)
        row = self.table[case.form, case.kind]
        row["cases"] += 1
        try:
            row[self.send(case)] += 1
            if case.form == "broken" or i % 100 == 99:
                self.send(edge_cases.Case("good", "plain", [edge_cases.head(self.vectors, "GET")], [edge_cases.Due("GET")], alone=True))
        except (Failure, edge_http.Closed, edge_http.Malformed, OSError) as e:
            row["failed"] += 1
            self.failures += 1
            if self.failures <= 20:
                why = str(e) if isinstance(e, Failure) else f"{type(e).__name__} {e}"
                print(f"failed: case {i}, {case.kind}: {why} (again: --seed {self.args.seed} --only {i})", flush=True)

    def all(self):
        last = time.monotonic()
        for i in [self.args.only] if self.args.only is not None else range(self.args.count):
            self.one(i)
            if time.monotonic() - last > (1 if sys.stderr.isatty() else 30):
                last = time.monotonic()
                print(f"{self.args.service}: {i + 1} of {self.args.count}, {self.failures} failed", file=sys.stderr, flush=True)


def report(run, seconds):
    columns = "cases", "due", "answered", "server", "closed", "failed"
    print(f"{'form':8}{'kind':18}" + "".join(f"{c:>10}" for c in columns))
    total = collections.Counter()
    for (form, kind), row in sorted(run.table.items(), key=lambda kv: (("plain", "odd", "broken").index(kv[0][0]), kv[0][1])):
        print(f"{form:8}{kind:18}" + "".join(f"{row[c]:10}" for c in columns))
        total.update(row)
    print(f"{'':8}{'all':18}" + "".join(f"{total[c]:10}" for c in columns))
    print("statuses: " + ", ".join(f"{s} {n}" for s, n in sorted(run.statuses.items())) + f"; {seconds:.0f} s")


def main():
    p = argparse.ArgumentParser(description="Send malformed and odd HTTP requests to a service at the edge.")
    p.add_argument("--service", required=True)
    p.add_argument("--url", required=True)
    p.add_argument("--count", type=int, default=300)
    p.add_argument("--seed", default="1")
    p.add_argument("--only", type=int)
    p.add_argument("--log", type=pathlib.Path)
    args = p.parse_args()
    for path in (ROOT / "services/vectors" / args.service, ROOT / "build/services/native" / args.service):
        if not path.exists():
            p.error(f"{path} is not there: name one of the services, and run `make services-native`")
    run, start = Run(args), time.monotonic()
    run.all()
    report(run, time.monotonic() - start)
    traps = list(TRAPS.finditer(args.log.read_bytes())) if args.log else []
    for trap in traps[:5]:
        print(f"failed: in the log: {trap[0].decode(errors='replace')[:200]}")
    print(f"{args.service}: {run.failures} failed" + (f", {len(traps)} traps in the log" if args.log else ""))
    return 1 if run.failures or traps else 0


if __name__ == "__main__":
    sys.exit(main())
