"""witx.py - the core WebAssembly types of host functions, read from their description in witx.

    witx.functions(FOLDER) -> {(module, name): (parameters, results)}, of all *.witx there
    witx.imports(BYTES)    -> the same of the functions that a wasm module imports

Types are letters: i and I for i32 and i64, f and F for f32 and f64; (("iIi"), "i").
Lowering, as witx has it: numbers of up to 32 bits, handles, enums, and pointers are an i32 each, of 64 bits an i64; flags as
their representation; a record is passed by its address; strings and lists are an address and a length. Of (expected T (error E))
the error is the result, an i32, and each part of T is written through an address at the end of the parameters.
Holds: what is not understood raises ValueError and is never passed over; bytes that are no module raise it, too."""
import pathlib
import re

NUMBERS = {"u8": "i", "u16": "i", "u32": "i", "s8": "i", "s16": "i", "s32": "i", "u64": "I", "s64": "I", "f32": "f", "f64": "F",
           "string": "ii"}
TOKEN = re.compile(r';[^\n]*|"(?:[^"\\]|\\.)*"|[()]|[^\s()";]+')


def parse(text):
    """All s-expressions of the text: lists of lists and words, a string with its quotes."""
    stack = [[]]
    for word in (t for t in TOKEN.findall(text) if not t.startswith(";")):
        if word == "(":
            stack.append([])
        elif word == ")":
            if len(stack) == 1:
                raise ValueError("a parenthesis is closed that was not opened")
            stack[-2].append(stack.pop())
        else:
            stack[-1].append(word)
    if len(stack) != 1:
        raise ValueError("a parenthesis is not closed")
    return stack[0]


class Description:
    def __init__(self, texts):
        self.types, self.functions = {}, {}
        forms = [form for text in texts for form in parse(text)]
        for form in forms:
            if form[0] == "typename":
                self.types[form[1]] = form[2]
        for form in forms:
            if form[0] == "module":
                self.module(form[1].removeprefix("$"), form[2:])
            elif form[0] not in ("typename", "use"):
                raise ValueError(f"not understood: {form[0]}")

    def module(self, module, items):
        for item in items:
            if item == ["import", '"memory"', ["memory"]]:  # which all of its functions use
                continue
            if item[:2] != ["@interface", "func"]:
                raise ValueError(f"not understood in {module}: {item[:2]}")
            self.functions[module, item[2][1].strip('"')] = self.function(item[3:])

    def function(self, items):
        params, trailing, results = "", "", ""
        for item in items:
            if item[0] == "param":
                params += self.lower(item[2])
            elif item[0] == "result" and self.resolve(item[2])[0] == "expected":
                *value, error = self.resolve(item[2])[1:]
                if error[0] != "error":
                    raise ValueError(f"no error in {item}")
                results += self.lower(error[1])
                for v in value:
                    trailing += "i" * (len(v) - 1 if v[0] == "tuple" else 1)
            elif item[0] == "result":
                results += self.lower(item[2])
            elif item != ["@witx", "noreturn"]:
                raise ValueError(f"not understood in a function: {item}")
        return params + trailing, results

    def resolve(self, t):
        while isinstance(t, str) and t in self.types:
            t = self.types[t]
        return t

    def lower(self, t):
        t = self.resolve(t)
        if isinstance(t, str):
            if t in NUMBERS:
                return NUMBERS[t]
        elif t[0] in ("handle", "enum", "record"):
            return "i"
        elif t[0] == "list":
            return "ii"
        elif t[0] == "flags":
            return self.lower(t[1][2])
        elif t[0] == "@witx" and t[1] in ("usize", "char8", "pointer", "const_pointer"):
            return "i"
        raise ValueError(f"not understood as a type: {t}")


def functions(folder):
    files = sorted(pathlib.Path(folder).glob("*.witx"))
    if not files:
        raise ValueError(f"{folder} has no *.witx")
    return Description([f.read_text() for f in files]).functions


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError("the module ends too early")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self):
        x = shift = 0
        while True:
            byte = self.take(1)[0]
            x |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return x

    def vector(self):
        return self.take(self.number())


VALUES = {0x7f: "i", 0x7e: "I", 0x7d: "f", 0x7c: "F"}


def signature(r):
    if r.take(1) != b"\x60":
        raise ValueError("a type that is no function's")
    return tuple("".join(VALUES.get(b, "?") for b in r.vector()) for _ in "pr")


def skip_limits(r):
    for _ in range(1 + (r.take(1)[0] & 1)):
        r.number()


def imports(wasm):
    r = Reader(wasm)
    if r.take(8) != b"\0asm\1\0\0\0":
        raise ValueError("not a WebAssembly module")
    types, found = [], {}
    while r.at < len(wasm):
        kind, s = r.take(1)[0], Reader(r.vector())
        if kind == 1:
            types = [signature(s) for _ in range(s.number())]
        elif kind == 2:
            for _ in range(s.number()):
                key, what = (s.vector().decode(), s.vector().decode()), s.take(1)[0]
                if what == 0:
                    found[key] = types[s.number()]
                elif what == 3:
                    s.take(2)
                else:
                    s.take(what == 1)
                    skip_limits(s)
    return found
