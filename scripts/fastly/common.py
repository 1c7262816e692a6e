"""What all parts of the kit share: which deployments there are, where files are, errors, output, and the state of what was made.

In:  nothing but the state file, which `deploy` begins and `clean` empties. Out: the same file, renamed into place at every change.
Holds: the token is in no file and in no line of output; a change on the platform is written down before it is begun, so that an
       interrupted run finds it again.
"""
import json
import os
import secrets
import sys
import time
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))  # behind the kit's own folder: for rows.py
SERVICES = ["encrypt", "decrypt", "random", "invert", "bin2base64", "qr_str", "qr_image"]
TOKEN = "FASTLY_API_TOKEN"
API = "https://api.fastly.com"
BAD, FAILED, UNSUPPORTED, INTERRUPTED = 2, 1, 5, 130  # exit codes


class KitError(Exception):
    """One line: what, why, what to do; and the exit code."""

    def __init__(self, message, code=FAILED):
        super().__init__(" ".join(str(message).split()))
        self.code = code


class Clock:
    """The time, and waiting; a test has another."""

    @staticmethod
    def time():
        return time.time()

    @staticmethod
    def sleep(seconds):
        time.sleep(seconds)


class Output:
    """Lines for the user, on standard output, and progress, on standard error; the token is struck out of both."""

    def __init__(self, secret=""):
        self.secret = secret

    def clean(self, text):
        return str(text).replace(self.secret, "(token)") if self.secret else str(text)

    def say(self, text):
        print(self.clean(text), flush=True)

    def note(self, text):
        print(self.clean(text), file=sys.stderr, flush=True)

    def progress(self, text):
        """A line that the next one replaces; nothing where no one looks."""
        if sys.stderr.isatty():
            print(f"\r\033[K{self.clean(text)}", end="", file=sys.stderr, flush=True)

    def progress_end(self):
        self.progress("")


class Deployment(namedtuple("Deployment", "service config traced")):
    """One program on the platform. Traced ones give traces (Table 3), the others times (Table 4)."""

    @property
    def name(self):
        return f"{self.service}.{self.config}" + (".traced" if self.traced else "")

    @property
    def host_name(self):
        """As a part of a host's name, where no underscore and no dot may be."""
        return self.name.replace(".", "-").replace("_", "-")

    def module(self, folder):
        return Path(folder) / f"{self.name}.wasm"


# In this order. The original is traced as the control: all its traces are one.
KINDS = [("call", True), ("request", True), ("original", True), ("original", False), ("request", False), ("call", False)]


def deployments(services=None, kinds=None):
    """All, or those of some services and kinds (`call.traced`, `original`)."""
    for s in services or ():
        if s not in SERVICES:
            raise KitError(f"no service is called '{s}': there are {', '.join(SERVICES)}", BAD)
    known = {c + (".traced" if t else ""): (c, t) for c, t in KINDS}
    for k in kinds or ():
        if k not in known:
            raise KitError(f"no deployment is called '{k}': there are {', '.join(known)}", BAD)
    return [Deployment(s, c, t) for s in services or SERVICES for k, (c, t) in known.items() if not kinds or k in kinds]


def shown(path):
    """A path as short as it may be."""
    path = os.path.abspath(path)
    return os.path.relpath(path) if path.startswith(os.getcwd() + os.sep) else path


def write_file(path, data, sync=False):
    """Whole or not at all; sync: also if the machine stops."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(temporary, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
        f.flush()
        if sync:
            os.fsync(f.fileno())
    os.replace(temporary, path)


def read_json(path, otherwise):
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        return otherwise
    except ValueError as e:
        raise KitError(f"{path}: no JSON ({e}): remove it, or restore it if it is state.json, which names what was made", BAD) from e


class State:
    """What was made on the platform: for each deployment its service's name, id, version and host name, and what is done."""

    def __init__(self, path, dry=False):
        self.path, self.dry = Path(path), dry
        self.data = read_json(path, {"suffix": secrets.token_hex(4), "services": {}, "pops": []})
        if not isinstance(self.data, dict) or not isinstance(self.data.get("services"), dict):
            raise KitError(f"{path}: no state of this kit: name another file with --out", BAD)

    @property
    def services(self):
        return self.data["services"]

    def save(self):
        if not self.dry:
            write_file(self.path, json.dumps(self.data, indent=1, sort_keys=True) + "\n", sync=True)

    def begin(self, d):
        """The record of a deployment; a new one has names that are free, since they end in this run's own suffix."""
        name = f"mewe-{d.host_name}-{self.data['suffix']}"
        if d.name not in self.services:
            self.services[d.name] = {"name": name, "domain": f"{name}.edgecompute.app", "done": []}
            self.save()
            return self.services[d.name], True
        return self.services[d.name], False

    def done(self, record, step):
        record["done"].append(step)
        self.save()

    def deployed(self, plan):
        """Those of the plan that answer, with their records."""
        return [(d, self.services[d.name]) for d in plan if "answers" in self.services.get(d.name, {}).get("done", ())]
