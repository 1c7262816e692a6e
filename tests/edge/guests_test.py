#!/usr/bin/env python3
"""Fastly projects of other languages, whose post_build line makes them multivariant: they answer as before, and run otherwise.
In: services/guests/; build/guests/NAME where `make guests` has built them, Viceroy, Node. Prints `ok NAME` or `not ok NAME: why`.

The guests take minutes and two toolchains to build, so `make check` does not; what can be seen without them is looked at always.
GUEST_REQUESTS (100) says how many requests are compared; `make guests` asks for 1,000 of each guest."""
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEWE = os.environ.get("MEWE", str(ROOT / "build/mewe"))
HOME = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
CACHE = pathlib.Path(os.environ.get("EDGE_CACHE") or HOME / "mewe/edge")
VICEROY = CACHE / "bin/viceroy"
GUESTS = ["go", "js"]
COUNT = int(os.environ.get("GUEST_REQUESTS", "100"))
failed = 0


def report(name, why=""):
    global failed
    failed += bool(why)
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


# ---- what can be seen without building them ------------------------------------------------------------------------------

def scripts(guest):
    return tomllib.loads((ROOT / "services/guests" / guest / "fastly.toml").read_text())["scripts"]


def check_recipes():
    """Each recipe is five lines at most, and its mewe line works in place: on a small module, with the very words."""
    wat = """(module (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32))) (memory (export "memory") 1)
      (func $f (param i32 i32) (result i32) (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.xor (local.get 0) (i32.const 77))))
      (func (export "_start") (i32.store (i32.const 8) (call $f (i32.load (i32.const 0)) (i32.load (i32.const 4))))))"""
    for guest in GUESTS:
        lines = (ROOT / "services/guests" / guest / "fastly.toml").read_text().split("[scripts]")[1].strip().splitlines()
        report(f"the recipe of {guest} is {len(lines)} lines", "" if len(lines) <= 5 else "more than five")
        with tempfile.TemporaryDirectory() as tmp:
            wasm = pathlib.Path(tmp) / "bin/main.wasm"
            wasm.parent.mkdir()
            wasm.write_text(wat) # text goes in as well
            words = shlex.split(scripts(guest)["post_build"])
            r = subprocess.run([MEWE, *words[1:]], cwd=tmp, capture_output=True, text=True)
            why = r.stderr if r.returncode else "" if wasm.read_bytes()[:4] == b"\0asm" else "the file is not replaced"
            rest = [p.name for p in wasm.parent.iterdir() if p != wasm]
            why = why or (f"it leaves {rest}" if rest else "")
            report(f"the post_build line of {guest} replaces the module by a multivariant one", why)
            listed = json.loads(subprocess.run([MEWE, "inspect", "--json", wasm], capture_output=True, text=True).stdout or "{}")
            report(f"which has dispatchers ({guest})", "" if listed.get("dispatchers") else str(listed)[:200])
            broken = wasm.read_bytes()[:-9]
            wasm.write_bytes(broken)
            r = subprocess.run([MEWE, *words[1:]], cwd=tmp, capture_output=True, text=True)
            report(f"a broken module is refused and stays as it was ({guest})",
                   f"exit code {r.returncode}" if r.returncode != 2 else "" if wasm.read_bytes() == broken else "it was changed")


def check_locks():
    lock = json.loads((ROOT / "services/guests/js/package-lock.json").read_text())
    bare = [n for n, p in lock["packages"].items() if n and not p.get("link") and not p.get("integrity")]
    report(f"all {len(lock['packages']) - 1} npm packages are pinned by digest", f"not {bare[:3]}" if bare else "")
    report("no package names a host", "there is a `resolved`" if '"resolved"' in json.dumps(lock) else "")
    sums = (ROOT / "services/guests/go/go.sum").read_text()
    wanted = re.findall(r"^(?:require )?\t?(github\.com\S+ v\S+)", (ROOT / "services/guests/go/go.mod").read_text(), re.M)
    report("all Go modules are pinned by digest", "" if wanted and all(f"{w} h1:" in sums for w in wanted) else f"{wanted}")


# ---- served ------------------------------------------------------------------------------------------------------------------

class Served:
    """A module behind Viceroy."""

    def __init__(self, module):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([VICEROY, "serve", "--addr", f"127.0.0.1:{self.port}", module],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        for _ in range(3000):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method, path, body, headers):
        """Status, headers without the date, body, and the seconds that it took."""
        start = time.perf_counter()
        self.connection.request(method, path, body, headers)
        r = self.connection.getresponse()
        text = r.read()
        took = time.perf_counter() - start
        return (r.status, sorted((k.lower(), v) for k, v in r.getheaders() if k.lower() != "date"), text), took

    def close(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait()
        self.log.close()


def requests(n):
    """Requests of every kind, the same ones each time: the page, hashes of texts and bytes of many lengths, headers, errors."""
    r = random.Random(1)
    for i in range(n):
        kind = r.randrange(8)
        if kind == 0:
            yield "GET", "/", None, {}
        elif kind <= 4:
            size = r.choice([0, 1, 55, 56, 64, r.randrange(200), r.randrange(5000)])
            body = r.randbytes(size) if kind == 1 else "".join(r.choices("ab \tzé\n", k=size)).encode()
            key = "".join(r.choices("key%20+&=", k=r.randrange(9)))
            yield "POST", f"/hash?key={key}", body, {}
        elif kind <= 6:
            yield "GET", f"/headers?{i}", None, {f"x-{r.choice('abcdef')}{k}": f"v{r.randrange(1000)}" for k in range(r.randrange(6))}
        else:
            yield r.choice(["GET", "PUT", "DELETE"]), f"/{r.randrange(1000)}", None, {}


def check_served(guest, folder):
    original, multivariant = Served(folder / "original.wasm"), Served(folder / "bin/main.wasm")
    differ, kinds, slower, wrong = [], {}, [], 0
    try:
        for i, request in enumerate(requests(COUNT)):
            both = [original, multivariant]
            got = {s: s.ask(*request) for s in (both if i % 2 else reversed(both))}
            (a, ta), (b, tb) = got[original], got[multivariant]
            if a != b:
                differ.append(f"{request[0]} {request[1]}: {a[0]} {a[2][:60]!r}, then {b[0]} {b[2][:60]!r}")
            kinds[a[0]] = kinds.get(a[0], 0) + 1
            slower.append((ta, tb))
            wrong += request[0] == "POST" and json.loads(b[2])["sha256"] != hashlib.sha256(request[2]).hexdigest()
        spoilt, _ = multivariant.ask("POST", "/hash", b"other", {})
        same, _ = original.ask("POST", "/hash", b"othes", {})
    finally:
        original.close()
        multivariant.close()
    report(f"{guest}: {COUNT} requests are answered as before ({', '.join(f'{n} with {s}' for s, n in sorted(kinds.items()))})",
           f"{len(differ)} are not; {differ[0]}" if differ else "")
    report(f"{guest}: they are of several kinds, and none fails", "" if set(kinds) >= {200, 404} and max(kinds) < 500 else str(kinds))
    report(f"{guest}: all hashes are right", f"{wrong} are not" if wrong else "")
    report(f"{guest}: an answer that is another is seen to be", "it is not" if spoilt == same else "")
    middle = [sorted(t)[len(t) // 2] for t in zip(*slower)]
    print(f"   {guest}: half of the requests take up to {1e3 * middle[0]:.2f} ms, multivariant {1e3 * middle[1]:.2f} ms "
          f"({middle[1] / middle[0]:.2f}x)", flush=True)


def traces(module, n, method, path, body):
    r = subprocess.run(["node", ROOT / "tests/edge/guest_host.mjs", module, str(n), method, path, body], capture_output=True, text=True)
    return [line.split() for line in r.stdout.splitlines()], r.stderr.strip()


def check_traces(guest, folder):
    """The same request many times, each in an instance of its own: one answer, and never the same way to it."""
    n = 10
    rows, error = traces(folder / "traced.wasm", n, "POST", "/hash", "moving target")
    if len(rows) != n:
        report(f"{guest}: {n} runs of one request are traced", error or "no output")
        return
    one = len({(r[0], r[1]) for r in rows}) == 1 and rows[0][0] == "200"
    report(f"{guest}: {n} runs of one request give one answer", "" if one else str(rows[:2]))
    choices, bodies = len({r[4] for r in rows}), len({r[5] for r in rows})
    report(f"{guest}: each of them chooses otherwise ({rows[0][3]} dispatchers met)", "" if choices == n else str(rows[:2]))
    report(f"{guest}: and runs other machine code", "" if bodies == n else str(rows[:2]))


def main():
    check_recipes()
    check_locks()
    for guest in GUESTS:
        folder = ROOT / "build/guests" / guest
        if not (folder / "traced.wasm").exists():
            print(f"   {guest} is not served: it is not built, which takes minutes and its own toolchain; `make guests` builds it",
                  flush=True)
            continue
        if VICEROY.exists():
            check_served(guest, folder)
        else:
            print(f"   {guest} is not served: there is no {VICEROY}; `make edge-deps` installs it", flush=True)
        if shutil.which("node"):
            check_traces(guest, folder)
        else:
            print(f"   {guest} is not traced: there is no node", flush=True)
    return failed > 0


if __name__ == "__main__":
    raise SystemExit(main())
