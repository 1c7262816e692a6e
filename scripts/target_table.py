#!/usr/bin/env python3
"""Write a platform's imports as the rows of a C table, from the interface types that it publishes.

Usage: target_table.py VICEROY WASI >mewe/target_fastly.h
In:  VICEROY, the source of the crate viceroy-lib (its .witx files, and the older names in src/linking.rs); WASI, that of the crate
     wasmtime-wasi (its preview1 .witx).
Out: one row for each function: module, name, type; in a type i and I are i32 and i64, and what follows > is the result.
Must hold: types are lowered as scripts/witx.py does, which refuses what it does not understand."""
import pathlib
import re
import sys

import witx


def functions(folder):
    """(module, name, type) of each function that the folder's files declare."""
    return [(module, name, ">".join(types)) for (module, name), types in witx.functions(folder).items()]


def aliases(rust, known):
    """The same for the older names that stand for some of the functions."""
    variables = dict(re.findall(r'let (\w+) = "(\w+)";', rust))
    for module, name, new_module, new_name in re.findall(r'linker\.alias\(\s*("?\w+"?),\s*"(\w+)",\s*"(\w+)",\s*"(\w+)",?\s*\)', rust):
        module = variables.get(module, module.strip('"'))
        yield new_module, new_name, known[module, name]


def main():
    viceroy, wasi = map(pathlib.Path, sys.argv[1:])
    rows = [*functions(viceroy / "wasm_abi/compute-at-edge-abi"), *functions(wasi / "witx/p1")]
    rows += aliases((viceroy / "src/linking.rs").read_text(), {r[:2]: r[2] for r in rows})
    print("/* target_fastly.h - what Fastly Compute offers a module, as rows of module, name and type: written by scripts/target_table.py\n"
          " * from the interface types of Viceroy (the ABI, its older names) and of WASI preview 1. In a type i and I are i32 and i64. */")
    for module, name, kind in sorted(rows):
        print(f'{{"{module}", "{name}", "{kind}"}},')


main()
