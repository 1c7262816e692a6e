#!/usr/bin/env python3
"""Same input, options and seed: the same bytes, whatever --jobs, the folder, or the features that the CPU reports.
Prints `ok NAME` or `not ok NAME: why`."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEWE = os.environ.get("MEWE", str(ROOT / "build/mewe"))
INPUT = ROOT / "build/services/raw/release/bin2base64.wasm"
failed = 0


def report(name, good, why):
    global failed
    failed += not good
    print(f"ok {name}" if good else f"not ok {name}: {why}", flush=True)


def build(folder, *args, env=None):
    src, out, ledger = (folder / n for n in ("in.wasm", "out.wasm", "out.csv"))
    shutil.copy(INPUT, src)
    r = subprocess.run([MEWE, "build", src.name, "-o", out.name, "--ledger", ledger.name, *args], cwd=folder,
                       capture_output=True, text=True, env={**os.environ, **(env or {})})
    if r.returncode:
        return f"exit code {r.returncode}: {r.stderr}"
    return hashlib.sha256(out.read_bytes() + ledger.read_bytes()).hexdigest()


def main():
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
        a, b = pathlib.Path(a), pathlib.Path(b)
        for flags in ([], ["--dispatch", "request", "--trace", "full", "--discriminator", "fixed:3"]):
            what = " ".join(flags) or "defaults"
            one = build(a, "-j1", *flags)
            report(f"the same bytes for --jobs 1 and 2 ({what})", len(one) == 64 and one == build(a, "-j2", *flags), one)
            report(f"the same bytes in another folder ({what})", one == build(b, "-j2", *flags), "they differ")
            # an x86-64 that has less: what the compiler would see on an older machine
            poor = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-BMI2,-LZCNT", "RUST_MIN_STACK": "8388608"}
            report(f"the same bytes in another environment ({what})", one == build(b, "-j2", *flags, env=poor), "they differ")
        report("control: another seed gives other bytes", build(a, "-j2") != build(a, "-j2", "--seed", "1"), "they are the same")
    sys.exit(failed > 0)


main()
