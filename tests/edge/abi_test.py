#!/usr/bin/env python3
"""What the edge modules import, against the published description of Fastly's host functions, and against our own header.

In:  build/deps/witx (scripts/deps.sh test); services/host/fastly_abi.h; build/edge/raw/PROFILE/NAME.wasm, all of them, and
     those of build/edge/[paper/]NAME.*.wasm that are there.
Prints `ok WHAT` or `not ok WHAT: why` for each module, for the header, and for what must be caught: modules with one import
changed, and a description whose lowering is known."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import witx  # noqa: E402

SERVICES = "encrypt decrypt random invert bin2base64 qr_str qr_image".split()
# What a service here needs of WASI; a build adds random_get where it draws.
WASI = {"environ_get": ("ii", "i"), "environ_sizes_get": ("ii", "i"), "clock_time_get": ("iIi", "i"), "random_get": ("ii", "i")}
# What `mewe build` resolves (docs/manual.md): in raw modules only.
MEWE = {"choices": ("", "I"), "trace_hash": ("i", "I"), "trace_length": ("", "I"), "dispatchers_executed": ("", "I"),
        "trace_read": ("ii", "i")}
failed = 0


def check(name, why):
    global failed
    failed += bool(why)
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


def of(module, table):
    return {(module, name): types for name, types in table.items()}


def wrong(imports, *tables):
    """The first import that none of the tables has, or has with other types."""
    known = {key: types for table in tables for key, types in table.items()}
    for (module, name), types in imports.items():
        want = known.get((module, name))
        if want is None:
            return f"{module}.{name} is not known"
        if types != want:
            return f"{module}.{name} is {types[0]}->{types[1]}, not {want[0]}->{want[1]}"
    return ""


def declared(text):
    """What the header declares, C's types lowered by clang's rules: pointers and size_t are 32 bits."""
    found = {}
    for module, name, params in re.findall(r"^FASTLY\((\w+), (\w+),\s*\((.*?)\)\);", text, re.M):
        words = [p.strip() for p in params.split(",")] if params != "void" else []
        found[module, name] = "".join("I" if "64_t" in w and "*" not in w else "i" for w in words), "i"
    return found


LOWERING = """(typename $n u64) (typename $flag (flags (@witx repr u64) $a)) (typename $e (enum (@witx tag u32) $a)) ;; (comment
(typename $r (record (field $x u64)))
(module $m (@interface func (export "f") (param $a $n) (param $b string) (param $c (list u8)) (param $d (@witx pointer u64))
  (param $e (@witx usize)) (param $f $flag) (param $g $r) (param $h f64) (result $err (expected (tuple $n $e) (error $e))))
 (@interface func (export "g") (result $err (expected $n (error $e))))
 (@interface func (export "h") (param $a u16) (result $err (expected (error $e)))))"""


def controls(published, raw):
    got = witx.Description([LOWERING]).functions
    check("lowering of each kind of type", "" if got == {("m", "f"): ("IiiiiiiIiFii", "i"), ("m", "g"): ("i", "i"), ("m", "h"): ("i", "i")}
          else got)
    for what, text in (("a kind of type that is not known", '(module $m (@interface func (export "f") (param $a (map u8))))'),
                       ("a parenthesis left open", "(module $m"), ("a name without a type", LOWERING.replace("$n u64", "$o u64"))):
        try:
            witx.Description([text])
            check(f"{what} is refused", "it was read")
        except ValueError:
            check(f"{what} is refused", "")
    tables = published, of("wasi_snapshot_preview1", WASI), of("mewe", MEWE)
    for what, old, new, words in (
            ("a name", b"\x07uri_get\0", b"\x07uri_got\0", "fastly_http_req.uri_got is not known"),
            ("a module's name", b"\x0ffastly_http_req", b"\x0ffastly_http_rek", "fastly_http_rek."),
            # The types' indices come after the kind of import, 0: any other one is another type.
            ("a type", b"\x04init\0" + bytes([index_of(raw, b"\x04init\0")]), b"\x04init\0" + bytes([index_of(raw, b"\x04read\0")]),
             "fastly_abi.init is iiii->i, not I->i")):
        why = wrong(witx.imports(raw.replace(old, new)), *tables) if raw.count(old) else "the module has no such bytes"
        check(f"a module with {what} changed is told", "" if words in why else f"said: {why or 'nothing'}")
    check("a raw module is not taken for a built one", "" if "mewe." in wrong(witx.imports(raw), *tables[:2]) else "nothing was said")
    header = declared("FASTLY(fastly_abi, init, (uint32_t version));\n")
    check("a header with a type changed is told", "" if "not I->i" in wrong(header, published) else "nothing was said")


def index_of(raw, name):
    return raw[raw.index(name) + len(name)]


def main():
    published = witx.functions(ROOT / "build/deps/witx")
    check(f"the description is read: {len(published)} functions", "" if len(published) > 200 else "fewer than 200")
    text = (ROOT / "services/host/fastly_abi.h").read_text()
    header = declared(text)
    check(f"the header: {len(header)} functions", wrong(header, published) or
          ("" if len(header) == text.count("\nFASTLY(") else "a declaration was not read"))
    wasi, mewe = of("wasi_snapshot_preview1", WASI), of("mewe", MEWE)
    for profile in ("release", "paper"):
        for name in SERVICES:
            imports = witx.imports((ROOT / f"build/edge/raw/{profile}/{name}.wasm").read_bytes())
            fastly = {key: types for key, types in imports.items() if key[0].startswith("fastly")}
            check(f"raw/{profile}/{name}: {len(imports)} imports",
                  wrong(imports, published, wasi, mewe) or wrong(fastly, header) or ("" if fastly else "nothing of Fastly's"))
    for path in sorted((ROOT / "build/edge").glob("*.wasm")) + sorted((ROOT / "build/edge/paper").glob("*.wasm")):
        imports = witx.imports(path.read_bytes())
        check(f"{path.relative_to(ROOT / 'build/edge')}: {len(imports)} imports", wrong(imports, published, wasi))
    controls(published, (ROOT / "build/edge/raw/release/encrypt.wasm").read_bytes())
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
