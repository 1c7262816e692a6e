"""Simulated edge nodes: one server process each, on its own port of this machine.

In:  a driver (bench/edge/NAME): `start MODULE PORT` becomes the server, `version` says what it is. Out: answers, and a tally of each
     node: what it was asked, what went wrong, how often it was started anew.
Holds: a node that died or hangs is started anew and that is counted; no process is left behind, also when this one is interrupted
     or killed. THE RULE: a node is unstable, and dropped, when more than 1% of its requests are errors (no answer, another status
     than 200, or another body), when it was started anew more than once, or when it can't be started. The paper, too, kept the
     nodes that were stable: 64 of 72.
"""
import ctypes
import dataclasses
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time

ERRORS_ALLOWED = 0.01     # of the requests that a node is to be asked
RESTARTS_ALLOWED = 1
RETRIES = 2               # of a request that got no answer
STARTS = 3                # attempts to start a node, each on another port
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class NoAnswer(Exception):
    """There was none: why."""

    def __init__(self, why, closed=False):
        super().__init__(why)
        self.closed = closed  # before anything was said


class CantStart(Exception):
    """The server does not answer: why."""


@dataclasses.dataclass
class Tally:
    requests: int = 0
    errors: int = 0       # no answer, after which it is tried again, or another status than 200
    wrong_bodies: int = 0
    retries: int = 0
    restarts: int = 0
    dropped: int = 0


def unstable(t, wanted):
    """Why the rule drops this node, or nothing."""
    bad = t.errors + t.wrong_bodies
    if t.restarts > RESTARTS_ALLOWED:
        return f"was started anew {t.restarts} times"
    if bad > ERRORS_ALLOWED * wanted:
        return f"{t.errors} errors and {t.wrong_bodies} wrong bodies, over {ERRORS_ALLOWED:.0%} of {wanted} requests"
    return ""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def name_of(index):
    return f"node-{index:02}"


class Node:
    def __init__(self, driver, module, index, timeout=10.0, start_timeout=120.0):
        self.driver, self.module, self.index = str(driver), str(module), index
        self.timeout, self.start_timeout = timeout, start_timeout
        self.tally, self.why = Tally(), ""
        self.process = self.connection = self.log = None
        self.port = 0

    # ---- the process ----

    def spawn(self):
        """Begin to start it, without waiting."""
        self.port = free_port()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([self.driver, "start", self.module, str(self.port)], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=die_with_parent,
                                        env={**os.environ, "FASTLY_POP": name_of(self.index)})
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)

    def last_words(self):
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "it said nothing"

    def wait(self):
        """Until it answers anything; another port where that fails."""
        for attempt in range(STARTS):
            if attempt:
                self.stop()
                self.spawn()
            until = time.monotonic() + self.start_timeout
            while time.monotonic() < until and self.process.poll() is None:
                try:
                    self.exchange()
                    return
                except NoAnswer:
                    time.sleep(0.005)
            why = "does not answer" if self.process.poll() is None else f"ended with {self.process.returncode}: {self.last_words()}"
        self.stop()
        raise CantStart(f"{name_of(self.index)} {why}")

    def stop(self):
        if self.connection:
            self.connection.close()
        if self.process:
            for how in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(self.process.pid, how)
                except ProcessLookupError:
                    pass
                try:
                    self.process.wait(timeout=3)
                    if how == signal.SIGKILL:
                        break
                except subprocess.TimeoutExpired:
                    pass
        if self.log:
            self.log.close()
        self.process = self.connection = self.log = None

    def restart(self):
        self.tally.restarts += 1
        self.stop()
        self.spawn()
        self.wait()

    def ended(self):
        """Is the process gone? Its connections are closed a moment before, which is longer on a machine that is busy."""
        try:
            self.process.wait(timeout=1)
            return True
        except subprocess.TimeoutExpired:
            return False

    # ---- requests ----

    def exchange(self):
        r = None
        try:
            self.connection.request("GET", "/")
            r = self.connection.getresponse()
            return r.status, r.headers, r.read()
        except (OSError, http.client.HTTPException) as e:
            self.connection.close()
            why = "time ran out" if isinstance(e, TimeoutError) else str(e) or type(e).__name__
            raise NoAnswer(why, r is None and isinstance(e, (ConnectionResetError, BrokenPipeError))) from e

    def ask(self):
        """(status, headers, body). What fails is tried again, at a node started anew if it died or hangs."""
        self.tally.requests += 1
        for attempt in range(1 + RETRIES):
            kept = self.connection.sock is not None
            try:
                status, headers, body = self.exchange()
                self.tally.errors += status != 200
                return status, headers, body
            except NoAnswer as e:
                why, closed = str(e), e.closed
            ended = self.ended()
            self.tally.retries += attempt < RETRIES
            if kept and closed and not ended:
                continue  # a server may close a connection that it kept: the next attempt has a new one
            self.tally.errors += 1
            if ended or why == "time ran out":
                self.why = f"ended with {self.process.returncode}: {self.last_words()}" if ended else "hung"
                self.restart()
        raise NoAnswer(why)


class Nodes:
    """A group of nodes, all running inside the `with`. Those that can't be started are dropped."""

    def __init__(self, driver, module, indices, **more):
        self.all = [Node(driver, module, i, **more) for i in indices]

    def __enter__(self):
        try:
            for n in self.all:
                n.spawn()
            for n in self.all:
                try:
                    n.wait()
                except CantStart as e:
                    self.drop(n, str(e))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for n in self.all:
            if n.process and n.process.poll() is None:
                try:
                    os.killpg(n.process.pid, signal.SIGTERM)  # all at once, so that they end together
                except ProcessLookupError:
                    pass
        for n in self.all:
            n.stop()

    def drop(self, node, why):
        node.tally.dropped, node.why = 1, why
        node.stop()

    def kept(self):
        return [n for n in self.all if not n.tally.dropped]


def ask_all(nodes, rounds, judge, take):
    """Ask every node once, then again: round robin. judge(body) says why a body is wrong, or nothing; take(node, round, headers) gets
    what is right. A node is dropped as soon as the rule says so."""
    for k in range(rounds):
        for n in nodes.kept():
            try:
                status, headers, body = n.ask()
                if status == 200:
                    if judge(body):
                        n.tally.wrong_bodies += 1
                    else:
                        take(n, k, headers)
            except NoAnswer:
                pass
            except CantStart as e:
                nodes.drop(n, str(e))
                continue
            if why := unstable(n.tally, rounds):
                nodes.drop(n, why)


def at_once(nodes, cores, available_mib):
    """How many nodes fit the machine: idle ones wake 20,000 times a second for their epochs, and take about 50 MiB each."""
    return max(1, min(nodes, 8 * cores, int(available_mib // 128)))


def available_mib():
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("MemAvailable")) / 1024
