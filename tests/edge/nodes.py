"""What the tests of the edge share: local nodes behind the drivers of bench/edge/, and one HTTP client.

A node runs from when Node is made until it is closed; whatever ends this test ends its nodes, too. Its port is one that was free
when it was asked for, so a node that does not come up is tried on another one."""
import atexit
import contextlib
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from report import BUILD, MEWE, ROOT, check, ended  # noqa: E402, F401: for the tests here

SERVICES = ("encrypt", "decrypt", "random", "invert", "bin2base64", "qr_str", "qr_image")
PATIENCE = 60  # seconds for a node to come up, and for an answer: on a machine that is busy
running = []


def driver(name, *words):
    return [str(ROOT / "bench/edge" / name), *map(str, words)]


def missing(name):
    """Why this platform can't be used here, or nothing."""
    if not (ROOT / "bench/edge" / name).exists():
        return f"there is no bench/edge/{name}"
    r = subprocess.run(driver(name, "version"), capture_output=True, text=True, check=False)
    return "" if r.returncode == 0 else (r.stdout + r.stderr).strip() or f"exit code {r.returncode}"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Node:
    """A process that serves the module, with the client's connection to it, which stays open."""

    def __init__(self, platform, module, pop="AAA"):
        self.what = f"{platform} with {module}"
        self.log = tempfile.TemporaryFile()
        for _ in range(3):
            self.port = free_port()
            # Ends with this process, even if that is killed; and with its group, which it leads.
            command = ["setpriv", "--pdeathsig", "KILL", *driver(platform, "start", module, self.port)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=ROOT,
                                            env={**os.environ, "FASTLY_POP": pop}, start_new_session=True)
            running.append(self)
            if self.is_up():
                self.client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
                return
            self.close()
        raise RuntimeError(f"{self.what} does not come up: {self.said()}")

    def is_up(self):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
            time.sleep(0.02)
        return False

    def ask(self, method="GET", path="/", body=None):
        """Status, headers (names in small letters), body."""
        self.client.request(method, path, body)
        r = self.client.getresponse()
        return r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace").strip().replace("\n", " | ")[-300:]

    def close(self):
        if self in running:
            running.remove(self)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.close()


@atexit.register
def close_all():
    for node in list(running):
        node.close()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
