"""Packages for the platform, made offline by the Fastly CLI and checked here.

In:  build/edge/[paper/]NAME.wasm; npm, once, for the CLI (package-lock.json beside this file has its version and digest).
Out: for each deployment a folder with fastly.toml, bin/main.wasm and pkg/NAME.tar.gz; packages.json, what is in each.
Holds: the CLI is given no token and, where the system allows it, no network. Its `validate` looks at no module, so imports and exports
       are checked here; its files_hash is compared with ours, and what is in the archive with what went in.
"""
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from common import BAD, KitError, read_json, shown, UNSUPPORTED, write_file

HERE = Path(__file__).resolve().parent
CLI = "node_modules/@fastly/cli-linux-x64/fastly"
LIMIT = 100_000_000  # bytes of a package
HOSTS = ("wasi_snapshot_preview1", "fastly_")  # what a module may import from


# ---- the module ------------------------------------------------------------------------------------------------------

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def number(self):
        """LEB128, unsigned."""
        value = shift = 0
        while True:
            b = self.byte()
            value |= (b & 127) << shift
            if b < 128:
                return value
            shift += 7

    def bytes(self):
        n = self.number()
        if self.at + n > len(self.data):
            raise IndexError
        self.at += n
        return self.data[self.at - n:self.at]

    def limits(self):
        if self.number() & 1:
            self.number()
        self.number()

    def import_type(self):
        kind = self.byte()
        if kind == 0:
            self.number()
        elif kind == 1:
            self.byte()
            self.limits()
        elif kind == 2:
            self.limits()
        elif kind == 3:
            self.at += 2
        else:
            raise ValueError(f"an import of unknown kind {kind}")


def imports_and_exports(wasm):
    """([module], [name]) that a module imports from and exports."""
    if wasm[:8] != b"\0asm\1\0\0\0":
        raise ValueError("not a WebAssembly module of version 1")
    r, modules, names = Reader(wasm), [], []
    r.at = 8
    while r.at < len(wasm):
        section, body = r.byte(), Reader(r.bytes())
        if section == 2:
            for _ in range(body.number()):
                modules.append(body.bytes().decode())
                body.bytes()
                body.import_type()
        elif section == 7:
            for _ in range(body.number()):
                names.append(body.bytes().decode())
                body.byte()
                body.number()
    return modules, names


def check_module(path, wasm):
    try:
        modules, names = imports_and_exports(wasm)
    except (ValueError, IndexError) as e:
        raise KitError(f"{shown(path)}: {str(e) or 'cut short'}: build it again with `make edge-modules[-paper]`", BAD) from e
    foreign = sorted({m for m in modules if not m.startswith(HOSTS)})
    if foreign:
        raise KitError(f"{shown(path)}: imports from {', '.join(foreign)}, which the platform has not: build it with --target fastly",
                       UNSUPPORTED)
    missing = [n for n in ("_start", "memory") if n not in names]
    if missing:
        raise KitError(f"{shown(path)}: exports no {', '.join(missing)}: a service is a command module", UNSUPPORTED)


# ---- the CLI ---------------------------------------------------------------------------------------------------------

def offline():
    """What stands before a command that needs no network; nothing where the system does not allow it."""
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True).returncode == 0:
            return words
    return []


def install(folder, out):
    """The CLI's path; fetched by npm if it is not there."""
    cli = Path(folder) / CLI
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = Path(folder) / "installed"
    if cli.exists() and stamp.exists() and stamp.read_bytes() == lock:
        return cli
    if not shutil.which("npm"):
        raise KitError("npm is not there, which fetches the Fastly CLI: install it (Debian: apt-get install npm)", BAD)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for f in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / f, Path(folder) / f)
    out.note("package: fetching the Fastly CLI with npm ci")
    r = subprocess.run(["npm", "ci", "--prefix", str(folder), "--no-audit", "--no-fund"], capture_output=True, text=True)
    if r.returncode != 0 or not cli.exists():
        lines = [x for x in r.stderr.splitlines() if x.strip() and "complete log" not in x] or ["nothing said"]
        raise KitError(f"npm ci could not fetch the Fastly CLI: {lines[0]}: give npm a network or a registry, or put the CLI at {cli}")
    write_file(stamp, lock)
    return cli


class Cli:
    def __init__(self, path, home):
        self.words, self.home = [*offline(), str(path)], Path(home).resolve()
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("FASTLY_")}
        self.environment.update(HOME=str(self.home), XDG_CONFIG_HOME=str(self.home / ".config"))
        self.home.mkdir(parents=True, exist_ok=True)

    def run(self, folder, *words):
        try:
            r = subprocess.run([*self.words, *words], cwd=folder, env=self.environment, capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired as e:
            raise KitError(f"fastly {' '.join(words)}: no end after 300 s: run this again") from e
        if r.returncode != 0:
            said = [x.strip() for x in (r.stderr + r.stdout).splitlines() if x.strip()]
            raise KitError(f"fastly {' '.join(words)}: exit code {r.returncode}: {' '.join(said[-3:])[:300]}")
        return r.stdout


# ---- packages --------------------------------------------------------------------------------------------------------

def manifest(name):
    return (f'manifest_version = 3\nname = "{name}"\ndescription = "mewe: multi-variant execution, a measured service"\n'
            'authors = ["mewe"]\nlanguage = "other"\n')


def commands(name):
    archive = f"pkg/{name}.tar.gz"
    return [["compute", "pack", "--wasm-binary", "bin/main.wasm", "-i"], ["compute", "validate", "-p", archive, "-i"],
            ["compute", "hash-files", "-p", archive, "-q", "-i"]]


def check_archive(path, want):
    """Exactly these files, whole; the CLI leaves a stray package.tar.gz beside, which is none."""
    have = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as t:
            for m in t.getmembers():
                if m.isfile():
                    have[m.name] = t.extractfile(m).read()
    except (OSError, tarfile.TarError, EOFError) as e:
        raise KitError(f"{path}: no archive ({e}): the CLI made it wrongly") from e
    if have != want:
        raise KitError(f"{path}: holds {', '.join(sorted(have)) or 'nothing'}, or other bytes than went in: the CLI made it wrongly")


def pack(cli, d, wasm, folder):
    """One package, from nothing; its record."""
    name = f"mewe-{d.host_name}"
    toml = manifest(name).encode()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/main.wasm").write_bytes(wasm)
    (folder / "fastly.toml").write_bytes(toml)
    said = [cli.run(folder, *c) for c in commands(name)][-1].split()
    archive = folder / f"pkg/{name}.tar.gz"
    if not archive.exists():
        raise KitError(f"{archive}: the CLI did not make it")
    check_archive(archive, {f"{name}/bin/main.wasm": wasm, f"{name}/fastly.toml": toml})
    ours = hashlib.sha512(wasm + toml).hexdigest()
    if said[-1:] != [ours]:
        raise KitError(f"{archive}: the CLI's hash of its files is {' '.join(said)[:40] or 'missing'}, ours {ours[:16]}...")
    if archive.stat().st_size > LIMIT:
        raise KitError(f"{archive}: larger than the platform takes ({LIMIT} bytes)", UNSUPPORTED)
    return {"archive": str(archive), "archive_sha256": hashlib.sha256(archive.read_bytes()).hexdigest(), "files_hash": ours,
            "module": hashlib.sha256(wasm).hexdigest()[:16], "size_bytes": archive.stat().st_size}


def whole(record):
    """Is the archive there as it was made?"""
    try:
        return hashlib.sha256(Path(record["archive"]).read_bytes()).hexdigest() == record["archive_sha256"]
    except (OSError, KeyError):
        return False


def packages(work):
    """What was packaged: {deployment's name: record}."""
    return read_json(Path(work) / "packages.json", {})


def package_of(work, d):
    record = packages(work).get(d.name)
    if not record or not whole(record):
        raise KitError(f"{d.name} is not packaged: run `kit.py package` first", BAD)
    return record


def run(a, plan, out):
    if a.dry_run:
        cli = Path(a.npm) / CLI
        out.say(f"  npm ci --prefix {shown(a.npm)}" + (" (is there: left out)" if cli.exists() else ""))
        for d in plan:
            out.say(f"  {shown(d.module(a.modules))} -> {shown(Path(a.work) / d.name)}/bin/main.wasm, fastly.toml" + (
                "" if d.module(a.modules).exists() else " (the module is not built yet)"))
            for c in commands(f"mewe-{d.host_name}"):
                out.say(f"    fastly {' '.join(c)}")
        return
    missing = [str(d.module(a.modules)) for d in plan if not d.module(a.modules).exists()]
    if missing:
        raise KitError(f"{shown(missing[0])} is not there, nor {len(missing) - 1} others: build them with `make edge-modules[-paper]`", BAD)
    cli = Cli(install(a.npm, out), Path(a.npm) / "home")
    records, made = packages(a.work), 0
    for k, d in enumerate(plan):
        wasm = d.module(a.modules).read_bytes()
        ours = hashlib.sha512(wasm + manifest(f"mewe-{d.host_name}").encode()).hexdigest()
        out.progress(f"package {k + 1}/{len(plan)} {d.name}")
        if records.get(d.name, {}).get("files_hash") == ours and whole(records[d.name]):
            continue
        check_module(d.module(a.modules), wasm)
        records[d.name] = pack(cli, d, wasm, (Path(a.work) / d.name).resolve())
        made += 1
        write_file(Path(a.work) / "packages.json", json.dumps(records, indent=1, sort_keys=True) + "\n")
    out.progress_end()
    network = "without a network" if len(cli.words) > 1 else "with the system's network, which could not be taken from it"
    out.say(f"package: {len(plan)} packages, {made} of them new, {sum(records[d.name]['size_bytes'] for d in plan)} bytes; hashes agree; "
            f"the CLI ran {network}")

