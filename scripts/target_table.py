#!/usr/bin/env python3
"""Write a platform's imports as the rows of a C table, from the interface types that it publishes.

Usage: target_table.py VICEROY WASI >mewe/target_fastly.h
In:  VICEROY, the source of the crate viceroy-lib (its .witx files, and the older names in src/linking.rs); WASI, that of the crate
     wasmtime-wasi (its preview1 .witx).
Out: one row for each function: module, name, type; in a type i and I are i32 and i64, and what follows > is the result.
Must hold: handles, numbers, flags, enumerations and pointers are i32, or I where 64 bits wide; strings and lists are a pointer and a
length; a result is a status, and each value beside it a pointer behind the parameters."""
import pathlib
import re
import sys

TOKEN = re.compile(r'\(|\)|"[^"]*"|[^\s()"]+')


def parse(text):
    """S-expressions as nested lists."""
    stack = [[]]
    for token in TOKEN.findall(re.sub(r";;.*", "", text)):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token.strip('"'))
    return stack[0]


def lowered(t, names):
    """The letters of a parameter of type t."""
    while isinstance(t, str) and t.startswith("$"):
        t = names[t]
    if t == "string" or t[0] == "list":
        return "ii"
    wide = t in ("u64", "s64") or (t[0] == "flags" and t[1][2] == "u64")
    return "I" if wide else "i"


def signature(func, names):
    params, result = "", ""
    for part in func:
        if part[0] == "param":
            params += lowered(part[2], names)
        elif part[0] == "result":
            result = "i"
            value = [v for v in part[2][1:] if v[0] != "error"]
            pointers = value and (len(value[0]) - 1 if isinstance(value[0], list) and value[0][0] == "tuple" else 1)
            params += "i" * (pointers or 0)
    return f"{params}>{result}"


def functions(folder):
    """(module, name, type) of each function that the folder's files declare."""
    forms = [f for p in sorted(folder.glob("*.witx")) for f in parse(p.read_text())]
    names = {f[1]: f[2] for f in forms if f[0] == "typename"}
    for form in forms:
        for func in form[2:] if form[0] == "module" else []:
            if func[:2] == ["@interface", "func"]:
                yield form[1].lstrip("$"), func[2][1], signature(func[3:], names)


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
