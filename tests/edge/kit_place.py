"""What the tests of the production kit share: a folder with modules, a server (fake_fastly.py), the kit as a user runs it, a clock."""
import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT / "scripts/fastly/kit.py"
sys.path[:0] = [str(ROOT / "scripts/fastly"), str(ROOT / "tests/edge")]
import common  # noqa: E402
import kit  # noqa: E402
from fake_fastly import Fastly, TOKEN  # noqa: E402

NPM = ROOT / "build/edge/npm"
failed = False
printed = []  # all that the kit said


class FakeClock:
    """Starts where the server's numbers look like times."""

    def __init__(self):
        self.now, self.slept = 1_800_000_000.0, []

    def time(self):
        return self.now

    def sleep(self, seconds):
        assert seconds >= 0
        self.slept.append(seconds)
        self.now += seconds


def check(name, have, want=True):
    global failed
    failed |= bool(have != want)
    print(f"ok {name}" if have == want else f"not ok {name}: {have!r}, not {want!r}", flush=True)


def last(text):
    return (text.strip().splitlines() or [""])[-1]


class Place:
    """A folder with modules of all names, a server, and the kit with its options."""

    def __init__(self, clock=None, **server):
        self.clock = clock or FakeClock()
        self.fake = Fastly(self.clock, **server)
        self.dir = Path(tempfile.mkdtemp(prefix="mewe-kit-"))
        self.out, self.modules, self.work = (self.dir / x for x in ("out", "modules", "work"))
        self.modules.mkdir()
        for d in common.deployments():
            shutil.copyfile(MODULES[0] / f"{d.name}.wasm", self.modules / f"{d.name}.wasm")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.fake.close()
        shutil.rmtree(self.dir)

    def words(self, command, *more):
        return [command, "--api", self.fake.url, "--edge", self.fake.url, "--modules", str(self.modules), "--work", str(self.work),
                "--npm", str(NPM), "--out", str(self.out), *more]

    def run(self, command, *more, token=TOKEN):
        """(exit code, standard output, standard error); the token is where a user puts it."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = kit.main(self.words(command, *more), self.clock, {common.TOKEN: token} if token else {})
            except SystemExit as e:
                code = e.code
        printed.append(out.getvalue() + err.getvalue())
        return code, out.getvalue(), err.getvalue()

    def process(self, command, *more):
        """Where this test runs in a shell's background, it ignores SIGINT; what it starts must not."""
        return subprocess.Popen([sys.executable, KIT, *self.words(command, *more)], env={**os.environ, common.TOKEN: TOKEN},
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def rows(self, name):
        with open(self.out / f"fastly-{name}.csv", newline="") as f:
            return list(csv.DictReader(f))

    def state(self):
        return json.loads((self.out / "fastly/state.json").read_text())

    def calls(self, method, pattern):
        return [x for x in self.fake.asked if x[0] == method and re.search(pattern, x[1])]


def module(imports, exports=("_start", "memory"), data=b""):
    """A small module with such imports, functions all, and exports; nothing in the kit runs it."""
    text = lambda s: bytes([len(s)]) + s.encode()  # noqa: E731
    section = lambda n, *items: bytes([n]) + (lambda b: bytes([len(b)]) + b)(bytes([len(items)]) + b"".join(items))  # noqa: E731
    kind = {"memory": b"\2\0"}
    return b"\0asm\1\0\0\0" + section(1, b"\x60\0\0") + section(2, *(text(m) + text(n) + b"\0\0" for m, n in imports)) + section(
        3, b"\0") + section(5, b"\0\1") + section(7, *(text(e) + kind.get(e, bytes([0, len(imports)])) for e in exports)) + section(
        10, b"\2\0\x0b") + section(11, b"\0\x41\0\x0b" + bytes([len(data)]) + data)


PLATFORM = [("wasi_snapshot_preview1", "clock_time_get"), ("fastly_http_resp", "send_downstream")]


def make_modules(folder):
    """Each different; the built services, where they are."""
    built = 0
    for d in common.deployments():
        have = ROOT / f"build/edge/{d.name}.wasm"
        if have.exists():
            shutil.copyfile(have, folder / f"{d.name}.wasm")
            built += 1
            continue
        (folder / f"{d.name}.wasm").write_bytes(module(PLATFORM, data=d.name.encode()))
    print(f"# {built} modules are the built services; {len(common.deployments()) - built} stand for those that are not built here")


ALL = ["--traces", "20", "--control-traces", "2", "--times", "60", "--batch", "20"]
SMALL = ["--services", "encrypt", "--deployments", "call.traced,call", "--traces", "3", "--times", "20", "--batch", "10",
         "--body-traces"]


MODULES = []


def run(*parts):
    """All parts, as far as the first one that says that the others make no sense; then whether the token got out. Exit code."""
    with tempfile.TemporaryDirectory(prefix="mewe-modules-") as folder:
        MODULES.append(Path(folder))
        make_modules(MODULES[0])
        for part in parts:
            if part() is False:
                break
    check(f"the token is in none of {len(printed)} outputs", (sum(TOKEN in x for x in printed), len(printed) > 20), (0, True))
    return int(failed)
