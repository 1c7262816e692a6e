#!/usr/bin/env python3
"""build/bench/classes reads an engine's code off its dump and gives a traced module the classes that bodies have there. Here the engine
is Wasmtime in this process: with the settings that mewe audits for, where nothing may fold, and with interruption by epochs, where some
does; and as controls another module's dump, half a dump, a build without a trace, and copies, which are all one class."""
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from report import BUILD, ROOT, ended, equal as check  # noqa: E402

MEWE, CLASSES = BUILD / "mewe", BUILD / "bench/classes"
RAW = ROOT / "build/services/raw/release"
FEATURES = ("sse3", "ssse3", "sse41", "sse42", "popcnt")  # those of mewe/engine.c
JITDUMP = 1
temp = tempfile.TemporaryDirectory()
folder = Path(temp.name)


def library():
    """libwasmtime, wherever scripts/deps.sh found it."""
    with open(ROOT / "build/deps/config.mk", encoding="utf-8") as f:
        where = next(x.split("-L")[1].split()[0] for x in f if x.startswith("WT_LIBS"))
    return str((ROOT / where / "libwasmtime.so").resolve())


COMPILE = """
import ctypes, sys
lib, path, epochs, *flags = sys.argv[1:]
w = ctypes.CDLL(lib)
for f in ("wasm_config_new", "wasm_engine_new_with_config", "wasmtime_config_target_set", "wasmtime_module_new"):
    getattr(w, f).restype = ctypes.c_void_p
p = ctypes.c_void_p
c = p(w.wasm_config_new())
assert not w.wasmtime_config_target_set(c, b"x86_64-unknown-linux-gnu")
for f in flags:
    w.wasmtime_config_cranelift_flag_enable(c, b"has_" + f.encode())
w.wasmtime_config_epoch_interruption_set(c, ctypes.c_bool(epochs == "epochs"))
w.wasmtime_config_profiler_set(c, ctypes.c_uint8(%d))
e, m = p(w.wasm_engine_new_with_config(c)), p()
data = open(path, "rb").read()
assert not w.wasmtime_module_new(e, data, ctypes.c_size_t(len(data)), ctypes.byref(m))
""" % JITDUMP


def dump(module, settings):
    """The dump of what this Wasmtime makes of it, in a process of its own."""
    where = folder / f"{module.stem}.{settings}"
    where.mkdir()
    subprocess.run([sys.executable, "-c", COMPILE, library(), str(module), settings, *FEATURES], cwd=where, check=True)
    return next(where.glob("jit-*.dump"))


def built(name, service, *flags):
    """(untraced, traced)"""
    out = []
    for more in ([], ["--trace", "hash"]):
        out.append(folder / f"{name}{'.traced' * bool(more)}.wasm")
        subprocess.run([str(MEWE), "build", str(RAW / f"{service}.wasm"), "-o", str(out[-1]), "-q", "--variants", "8", *flags, *more],
                       check=True)
    return out


def classes(module, code, traced):
    """(exit code, numbers or the error, bytes of the result that are not the traced module's)"""
    out = folder / "out.wasm"
    out.unlink(missing_ok=True)
    r = subprocess.run([str(CLASSES), str(module), str(code), str(traced), str(out)], capture_output=True, text=True)
    if r.returncode:
        return r.returncode, r.stderr.strip(), None if not out.exists() else "a file"
    have, was = out.read_bytes(), Path(traced).read_bytes()
    return 0, [int(x) for x in r.stdout.split()], sum(a != b for a, b in zip(have, was)) + abs(len(have) - len(was))


def load(address, size):
    """A dump's record of a function that is there and so long."""
    rest = b"f\0" + bytes(size)
    return struct.pack("<IIQIIQQQQ", 0, 56 + len(rest), 0, 1, 1, address, address, size, 0) + rest


def main():
    for dispatch in ("call", "request"):
        plain, traced = built(dispatch, "encrypt", "--dispatch", dispatch)
        code, n, changed = classes(plain, dump(plain, "plain"), traced)
        check(f"{dispatch}: as mewe audits, all bodies are distinct, and nothing of the traced build changes",
              (code, n[1] > 2 * n[0] > 0, n[2] == n[1], changed), (0, True, True, 0))
        epochs = dump(plain, "epochs")
        code, m, changed = classes(plain, epochs, traced)
        check(f"{dispatch}: with epochs some are not", (code, m[:2] == n[:2], 0 < m[1] - m[2] <= changed), (0, True, True))
        r = subprocess.run([str(MEWE), "run", str(folder / "out.wasm"), "--trace"], stdin=subprocess.DEVNULL, capture_output=True)
        check(f"{dispatch}: what comes of it runs and answers", (r.returncode, r.stdout), (0, (
            ROOT / "services/vectors/encrypt/default.out").read_bytes()))
    copies, copies_traced = built("copies", "encrypt", "--strategy", "copy")
    code, n, _ = classes(copies, dump(copies, "plain"), copies_traced)
    check("copies are all one class", (code, n[1] == 8 * n[0], n[2] == n[0]), (0, True, True))
    other = built("other", "bin2base64", "--strategy", "copy")[1]
    for name, args, want in [
        ("another module's dump", (copies, epochs, copies_traced), "another module's"),
        ("a traced build that has no trace", (plain, epochs, plain), "has no trace"),
        ("another module's traced build", (plain, epochs, other), "is not the dispatcher"),
        ("no dump at all", (plain, plain, traced), "no dump of the known form"),
    ]:
        code, text, left = classes(*args)
        check(f"refused: {name}", (code, want in text, left), (2, True, None))
    inside = folder / "inside.dump"
    inside.write_bytes(struct.pack("<10I", 0x4a695444, 1, 40, *[0] * 7) + load(0x1000, 1 << 20) + load(0x1001, 1))
    code, text, left = classes(plain, inside, traced)
    check("refused: a function inside a longer one", (code, "another module's" in text, left), (2, True, None))
    half = folder / "half.dump"
    half.write_bytes(epochs.read_bytes()[:epochs.stat().st_size // 3])
    code, text, left = classes(plain, half, traced)
    check("refused: a third of a dump", (code, len(text.splitlines()), left), (2, 1, None))


main()
temp.cleanup()
ended()
