#!/usr/bin/env python3
"""The services on a real server, sent malformed and odd HTTP: by scripts/edge_malformed.py, on Viceroy, if that is installed.

In:  build/edge/NAME.{original,call,request}.wasm, build/edge/bin2base64.call.full.wasm, build/services/native/NAME.
Environment: EDGE_CACHE (~/.cache/mewe/edge), where bin/viceroy is; COUNT (300), requests for each service, shared by its builds;
     SEED (1).
Prints `ok WHAT` or `not ok WHAT: why` for each build, and first for servers that are wrong, each of which must be caught; where
there is no Viceroy it says so, and these are all."""
import collections
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import edge_http  # noqa: E402

SERVICES = "encrypt decrypt random invert bin2base64 qr_str qr_image".split()
CONFIGS = "original", "call", "request"
CACHE = os.environ.get("EDGE_CACHE") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "mewe/edge"
VICEROY = pathlib.Path(CACHE) / "bin/viceroy"
COUNT, SEED = int(os.environ.get("COUNT", "300")), os.environ.get("SEED", "1")
failed = 0


def check(name, why=""):
    global failed
    failed += bool(why)
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


def tool(*args):
    return subprocess.run([sys.executable, ROOT / "scripts/edge_malformed.py", *map(str, args)], stdout=subprocess.PIPE, text=True)


# ---- servers that are wrong -------------------------------------------------------------------------------------------

def answer(status, body=b"", headers=b"x-mewe-time-ns: 1\r\n"):
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\ncache-control: no-store\r\n%sconnection: close\r\n\r\n" % (status, len(body), headers) + body


PAPER = (ROOT / "services/vectors/bin2base64/paper.out").read_bytes()
WRONG = {
    "500 to all": (answer(500, b"out of memory\n"), "status 500, not"),
    "200 to all": (answer(200, PAPER), "status 200, not"),
    "another body": (answer(200, b"another"), "the body is b'another'"),
    "no time": (answer(200, PAPER, b""), "no x-mewe-time-ns"),
    "half a trace": (answer(200, PAPER, b"x-mewe-time-ns: 1\r\nx-mewe-trace: 0123456789abcdef\r\n"), "the trace's headers"),
    "no allow": (answer(405, b"the method must be GET or POST\n"), "allow is None"),
    "no answer": (b"", "Closed without an answer"),
    "half an answer": (answer(200, PAPER)[:-1], "Closed after"),
    "no HTTP": (b"hello\r\n\r\n", "Malformed the status line"),
    "the server's own 502": (b"HTTP/1.1 502 X\r\ncontent-length: 0\r\n\r\n", "the server refused it"),
}


def wrong_server(text):
    """Reads what comes, and says this to each connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            with s:
                s.settimeout(0.01)
                try:
                    while s.recv(65536):
                        pass
                except OSError:
                    pass
                try:
                    s.sendall(text)
                except OSError:
                    pass
    threading.Thread(target=serve, daemon=True).start()
    return listener


def controls():
    for name, (text, words) in WRONG.items():
        listener = wrong_server(text)
        r = tool("--service", "bin2base64", "--url", f"http://127.0.0.1:{listener.getsockname()[1]}", "--count", 20)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        check(f"a server that gives {name} is caught",
              "" if r.returncode == 1 and words in r.stdout else f"exit code {r.returncode}: {r.stdout[:200]}")
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        log.write(b"ERROR request{id=3}: WebAssembly trapped: unreachable\n")
        log.flush()
        r = tool("--service", "bin2base64", "--url", "http://127.0.0.1:1", "--count", 0, "--log", log.name)
        check("a trap in the log is caught", "" if r.returncode == 1 and "WebAssembly trapped: unreachable" in r.stdout else r.stdout[:200])


# ---- Viceroy ----------------------------------------------------------------------------------------------------------

class Viceroy:
    """Serves a module at a port that was free; another one when somebody else was faster to take it."""
    def __init__(self, module, log):
        self.module, self.log = module, log

    def start(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.address = s.getsockname()
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([VICEROY, "serve", "-v", "--addr", "%s:%d" % self.address, self.module],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        end = time.monotonic() + 300
        while self.process.poll() is None and time.monotonic() < end:
            if b"Listening on " in self.log.read_bytes():
                return True
            time.sleep(0.05)
        return False

    def __enter__(self):
        for _ in range(3):
            if self.start():
                return self
            self.__exit__()
        raise RuntimeError(f"viceroy does not serve {self.module}: {self.log.read_text()[-300:]}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def build(service, config, folder):
    log, count = folder / f"{service}.{config}.log", COUNT // len(CONFIGS)
    with Viceroy(ROOT / f"build/edge/{service}.{config}.wasm", log) as v:
        r = tool("--service", service, "--url", "http://%s:%d" % v.address, "--count", count, "--seed", f"{SEED}.{config}", "--log", log)
    print(r.stdout, end="")
    reached, said = log.read_bytes().count(b"request completed in"), r.stdout.splitlines()
    why = "; ".join(line for line in said if line.startswith("failed"))[:600]
    check(f"{service}.{config}: {count} requests, {reached} reached the program",
          (why or f"exit code {r.returncode}: {said[-1:]}") if r.returncode else "" if reached else "none reached the program")


def mix(trace, x):
    """As docs/manual.md says that a trace is hashed: splitmix64's output function."""
    x = (trace + 0x9e3779b97f4a7c15 + x) % 2**64
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 % 2**64
    x = (x ^ x >> 27) * 0x94d049bb133111eb % 2**64
    return x ^ x >> 31


def event(line):
    word, function, *body = line.split()
    return int(function) << 12 | (int(body[0]) + 1 if word == "choose" else 0)


def full_trace(folder):
    with Viceroy(ROOT / "build/edge/bin2base64.call.full.wasm", folder / "full.log") as v:
        seen = collections.Counter()
        for i in range(20):
            c = edge_http.Connection(v.address)
            c.send(b"GET /?a&trace=full HTTP/1.1\r\nHost: a\r\n\r\n")
            r = c.response("GET")
            c.close()
            lines = r.body.decode().splitlines()
            seen[r.body] += 1
            trace = 0
            for line in lines:
                trace = mix(trace, event(line))
            if f"{trace:016x}" != r.headers.get("x-mewe-trace") or str(len(lines)) != r.headers.get("x-mewe-trace-length"):
                return check("the trace as text", f"its hash is {trace:016x}, the header's {r.headers.get('x-mewe-trace')}; {len(lines)} lines")
            if not all(re.fullmatch(r"enter \d+|choose \d+ \d+", line) for line in lines):
                return check("the trace as text", f"a line is {lines[:3]}")
    check(f"the trace as text: {len(seen)} of 20 differ, each has its header's hash and length", "" if len(seen) > 1 else "all are the same")


def main():
    controls()
    if not VICEROY.exists():
        print(f"skipped: {VICEROY} is not installed (make edge-deps), so no service was sent anything")
        return failed > 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        full_trace(folder)
        for service in SERVICES:
            for config in CONFIGS:
                build(service, config, folder)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
