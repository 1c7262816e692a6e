#!/usr/bin/env python3
"""mewe diversify: the folder comes whole or not at all, its manifest tells the truth, each module does what the original does.
Prints `ok NAME` or `not ok NAME: why`."""
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEWE = os.environ.get("MEWE", str(ROOT / "build/mewe"))
RAW = ROOT / "build/services/raw/release/bin2base64.wasm"
ORIGINAL = ROOT / "build/services/bin2base64.wasm"
VECTORS = ROOT / "services/vectors/bin2base64"
failed = 0


def report(name, why):
    global failed
    failed += bool(why)
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


def mewe(*args, **kw):
    return subprocess.run([MEWE, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, timeout=600, **kw)


def content(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()} if folder.is_dir() else None


def check_modules(tmp):
    n, out = 12, tmp / "out"
    r = mewe("diversify", RAW, "-n", n, "-o", out, "-v")
    report(f"{n} variants of bin2base64", r.stderr.decode() if r.returncode else "")
    manifest = json.loads((out / "manifest.json").read_text())
    names = [f"bin2base64.{i:04}.wasm" for i in range(1, n + 1)]
    report("the folder holds them and the manifest", str(sorted(content(out))) if sorted(content(out)) != sorted([*names, "manifest.json"]) else "")
    digests = [hashlib.sha256((out / m["file"]).read_bytes()).hexdigest() == m["sha256"] for m in manifest["modules"]]
    good = digests == [True] * n and manifest["input"]["sha256"] == hashlib.sha256(RAW.read_bytes()).hexdigest()
    report("the manifest's digests are those of the files", "" if good else str(digests))
    verdicts = {b.get("verdict", b["strategy"]) for f in manifest["functions"] for b in f["bodies"]}
    report("every body is proved or the original's", "" if verdicts == {"proved", "original"} else str(verdicts))
    hands = [m["bodies"] for m in manifest["modules"]]
    differ = [sum(x != y for x, y in zip(a, b)) for i, a in enumerate(hands) for b in hands[:i]]
    far = manifest["distance"]
    good = min(differ) == far["least"] > 0 and abs(sum(differ) / len(differ) - far["mean"]) < 0.001
    report("the manifest's distances are those of its modules", "" if good else f"{far}, {min(differ)}, {sum(differ) / len(differ)}")
    often = max(max(map(c.count, c)) for c in zip(*hands) if len(set(c)) == n)
    report("no body comes twice before all of its function's have come", "" if often == 1 else f"{often} times")
    unproved = [m for m in names if mewe("verify", ORIGINAL, out / m).returncode]
    report("verify proves each from the binaries alone", str(unproved) if unproved else "")
    unproved = mewe("verify", RAW, out / names[0]).returncode
    report("also against the module as it was handed in", f"exit code {unproved}" if unproved else "")
    check_outputs(out, names)
    return out


def check_outputs(out, names):
    bad, seen = [], 0
    for vector in sorted(VECTORS.glob("*.in")):
        run = lambda m: subprocess.run([MEWE, "run", str(m)], stdin=vector.open("rb"), capture_output=True, timeout=60)
        want = run(ORIGINAL)
        seen += len(want.stdout) > 0
        for m in names:
            got = run(out / m)
            if (got.returncode, got.stdout) != (want.returncode, want.stdout):
                bad.append((vector.name, m))
    report("all give the original's output for all vectors", str(bad[:3]) if bad else "" if seen > 5 else "no outputs")


def check_same(tmp, out):
    other = tmp / "elsewhere"
    other.mkdir()
    shutil.copy(RAW, other / "bin2base64.wasm")
    want = content(out)
    mewe("diversify", "bin2base64.wasm", "-n", 12, "-o", "again/", "-j1", cwd=other)
    report("the same bytes for --jobs 1, in another folder", "" if content(other / "again") == want else "they differ")
    mewe("diversify", RAW, "-n", 12, "-o", other / "seeded", "--seed", 1)
    got = content(other / "seeded")
    same = sorted(set(got.values()) & set(want.values())) if got else "nothing"
    report("control: another seed gives other modules", f"{len(same)} are the same" if same else "")


SMALL = """(module (func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 77)))
 (func (export "g") (param i32) (result i32) (i32.add (local.get 0) (i32.const 3))))"""


def trouble(r, code, folder=None):
    """Why the run is not a clean refusal with this code, or an empty string."""
    lines = r.stderr.decode(errors="replace").strip().splitlines()
    if r.returncode != code:
        return f"exit code {r.returncode}, not {code}: {lines[:2]}"
    if len(lines) != 1 and not (len(lines) == 2 and "--help" in lines[1]):
        return f"{len(lines)} lines on standard error: {lines[:3]}"
    left = [p.name for p in folder.parent.iterdir() if p.name.startswith(folder.name)] if folder else []
    return f"left behind: {left}" if left else ""


def check_limits(tmp):
    small = tmp / "small.wat"
    small.write_text(SMALL)
    out = tmp / "few"
    r = mewe("diversify", small, "-n", 9000, "-o", out, "--variants", 3)
    n = len(list(out.glob("small.*.wasm")))
    why = trouble(r, 4) or ("" if 1 < n < 9 and f"only {n} " in r.stderr.decode() else f"{n} modules: {r.stderr.decode()}")
    report("fewer than asked for: exit 4, how many, and all are there", why)
    out = tmp / "none"
    report("nothing to diversify: exit 3", trouble(mewe("diversify", small, "-n", 2, "-o", out, "--strategy", "none"), 3, out))
    report("copies are not different", trouble(mewe("diversify", small, "-n", 2, "-o", out, "--strategy", "copy"), 3, out))


def check_refusals(tmp):
    small, full, out = tmp / "small.wat", tmp / "full", tmp / "refused"
    small.write_text(SMALL)
    full.mkdir()
    (full / "thing").write_text("mine")
    report("a folder that holds something", trouble(mewe("diversify", small, "-n", 2, "-o", full), 2)
           or ("" if list(content(full)) == ["thing"] else "it was changed"))
    for name, args in [
        ("a file in the folder's place", ["-n", 2, "-o", small]),
        ("a folder in a folder that is not there", ["-n", 2, "-o", tmp / "no" / "where"]),
        ("no number", ["-o", out]),
        ("none asked for", ["-n", 0, "-o", out]),
        ("a number that is none", ["-n", "many", "-o", out]),
        ("no folder", ["-n", 2]),
        ("an unknown strategy", ["-n", 2, "-o", out, "--strategy", "magic"]),
        ("a ledger that can't be written", ["-n", 2, "-o", out, "--ledger", "/dev/full"]),
    ]:
        report(f"refused: {name}", trouble(mewe("diversify", small, *args), 2, out))
    empty = tmp / "empty"
    empty.mkdir()
    report("refused: the folder one stands in", trouble(mewe("diversify", small, "-n", 2, "-o", ".", cwd=empty), 2))
    r = mewe("diversify", small, "-n", 2, "-o", empty)
    report("control: an empty folder is taken", r.stderr.decode() if r.returncode else "" if len(content(empty)) == 3 else str(content(empty)))
    limit = lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512)))
    report("a disk that fills up", trouble(mewe("diversify", small, "-n", 3, "-o", out, preexec_fn=limit), 2, out))
    report("the input is no module", trouble(mewe("diversify", full / "thing", "-n", 3, "-o", out), 2, out))


def check_interrupts(tmp):
    """At many moments: the whole folder or none of it, and nothing beside it."""
    bad, whole, stopped, writing = [], 0, 0, 0
    start = time.monotonic()
    mewe("diversify", RAW, "-n", 40, "-o", tmp / "undisturbed", "--functions", "s*")
    duration = time.monotonic() - start
    want = content(tmp / "undisturbed")
    report("control: undisturbed, all are there", "" if want and len(want) == 41 else str(want and len(want)))
    for i in range(24):
        out = tmp / f"int{i}"
        beside = lambda: [x.name for x in tmp.iterdir() if x.name.startswith(out.name + ".")]
        p = subprocess.Popen([MEWE, "diversify", RAW, "-n", "40", "-o", out, "--functions", "s*"], stderr=subprocess.DEVNULL)
        if i % 2:
            time.sleep(duration * i / 20)
        else: # while the files are written
            while p.poll() is None and not beside():
                time.sleep(0.001)
            time.sleep(0.004 * i)
        writing += len(beside()) > 0
        p.send_signal([signal.SIGINT, signal.SIGTERM][i // 2 % 2])
        p.wait(timeout=120)
        got = content(out)
        bad += [(i, p.returncode)] if p.returncode not in (0, -signal.SIGINT, -signal.SIGTERM) else []
        whole += got is not None
        stopped += got is None
        if beside() or (got is not None and got != want):
            bad.append((i, beside()))
    what = f"interrupted at 24 moments: {stopped} times nothing ({writing} times amid the files), {whole} times all"
    report(what, str(bad) if bad or stopped < 5 or not writing else "")


def main():
    with tempfile.TemporaryDirectory() as d:
        tmp = pathlib.Path(d)
        out = check_modules(tmp)
        check_same(tmp, out)
        check_limits(tmp)
        check_refusals(tmp)
        check_interrupts(tmp)
    sys.exit(failed > 0)


main()
