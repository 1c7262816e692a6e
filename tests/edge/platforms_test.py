#!/usr/bin/env python3
"""The seven services on every edge platform that is here: the same answers as their vectors, HTTP as it is documented, and traces
that differ from one request to the next where, and only where, there are choices.

Usage: platforms_test.py
In:    build/edge/NAME.CONFIG[.traced].wasm, build/services/NAME[.multivariant].wasm, services/vectors, the drivers of bench/edge/.
Prints `ok NAME` or `not ok NAME: why` for each case, and a line for each platform that is left out.
Controls: a module with another answer, one whose choices do not differ, and choices in what should be an original must each be
noticed by the same checks."""
import functools
import pathlib
import re
import socket
import subprocess
import tempfile

from nodes import BUILD, MEWE, ROOT, SERVICES, Node, check, ended, missing

CONFIGS = ("original", "call", "request")
STILL = ("--trace", "hash", "--discriminator", "fixed:1")
NPM = "scripts/deps.sh edge-npm"
REQUESTS = 100
L = (1 << 252) + 27742317777372353535851937790883648493  # the order of edwards25519's base point
POP = {"viceroy": "XXX"}  # it gives all of its nodes this name; the others are told one
TRACE = ("x-mewe-trace", "x-mewe-body-trace", "x-mewe-choices", "x-mewe-trace-length", "x-mewe-dispatchers")


# ---- what an answer must be: why it is wrong, or nothing ---------------------------------------------------------------------

@functools.cache
def vectors(service):
    """A list of (name, request, ending, the file's bytes), ending out, count or err."""
    found = []
    for request in sorted((ROOT / "services/vectors" / service).glob("*.in")):
        for ending in ("out", "count", "err"):
            want = request.with_suffix("." + ending)
            if want.exists():
                found.append((request.stem, request.read_bytes(), ending, want.read_bytes()))
    return found


def wrong_answer(got, ending, want):
    status, headers, body = got
    if ending == "err":
        number, line = want.decode().split(" ", 1)
        if status != int(number):
            return f"status {status} instead of {number}"
        return "" if body.count(b"\n") == 1 and body.endswith(line.encode()) else f"its line is {body[:200]}"
    if status != 200:
        return f"status {status}: {body[:200]}"
    if headers.get("content-length", str(len(body))) != str(len(body)):
        return f"{len(body)} bytes, and said to be {headers['content-length']}"
    if ending == "count":
        scalars = [int.from_bytes(body[i:i + 32], "little") for i in range(0, len(body), 32)]
        good = len(body) == 32 * int(want) and all(0 < s < L for s in scalars)
        return "" if good else f"no {int(want)} scalars in {len(body)} bytes"
    return "" if body == want else f"another answer: {body[:60]}"


def wrong_vectors(node, service):
    for name, request, ending, want in vectors(service):
        why = wrong_answer(node.ask("POST", "/", request), ending, want)
        if not why and name == "paper":
            why = wrong_answer(node.ask(), ending, want)
            name = "GET /"
        if why:
            return f"{name}: {why}"
    return ""


def wrong_http(node, pop):
    for method, path, want in (("GET", "/nothing", 404), ("POST", "/nothing", 404), ("GET", "/?a=b", 200), ("HEAD", "/", 405),
                               ("PUT", "/", 405), ("DELETE", "/", 405)):
        status, headers, body = node.ask(method, path, b"x" if method in ("POST", "PUT") else None)
        if status != want:
            return f"{method} {path}: status {status} instead of {want}"
        if method == "HEAD" and body:
            return "HEAD / is answered with a body"
        if want == 405 and not {"GET", "POST"} <= set(re.split(r",\s*", headers.get("allow", ""))):
            return f"{method} {path}: Allow: {headers.get('allow')}"
        if want in (404, 405) and method != "HEAD" and body.count(b"\n") != 1:
            return f"{method} {path}: not a line: {body[:200]}"
        if want == 200 and (not headers.get("x-mewe-time-ns", "").isdigit() or headers.get("x-mewe-pop") != pop):
            return f"{method} {path}: time {headers.get('x-mewe-time-ns')}, pop {headers.get('x-mewe-pop')}"
    return ""


def wrong_connection(node):
    """All of these requests by one connection: the client would have opened another one without a word."""
    node.ask()
    before = node.client.sock
    for method, body in (("GET", None), ("POST", b"x"), ("HEAD", None), ("PUT", b"x"), ("GET", None)):
        node.ask(method, "/", body)
        if node.client.sock is not before or before is None:
            return f"{method} ended the connection"
    return ""


def traces(node):
    """The trace headers of so many requests, all alike; or None where there are none."""
    got = [node.ask()[1] for _ in range(REQUESTS)]
    return [tuple(h.get(name) for name in TRACE) for h in got] if any(name in h for h in got for name in TRACE) else None


def wrong_traces(node, service, config):
    got = traces(node)
    if got is None or any(None in t for t in got):
        return f"no trace in the headers, or no whole one: {got and got[0]}"
    if not all(re.fullmatch("[0-9a-f]{16}", x) for t in got for x in t[:2]) or not all(x.isdigit() for t in got for x in t[2:]):
        return f"not as it is documented: {got[0]}"
    if config == "original":
        if any(t[2] != "0" or t[4] != "0" for t in got):
            return f"choices without a dispatcher: {got[0]}"
        # `random` draws numbers of its own until one fits, so its trace differs without any choice of ours.
        return "" if service == "random" or len(set(got)) == 1 else f"{len(set(got))} different traces of a module without choices"
    if any(t[2] == "0" or t[4] == "0" for t in got):
        return "requests without a choice"
    different = len({t[0] for t in got})
    return "" if different > REQUESTS // 2 else f"{different} different traces in {REQUESTS} requests"


# ---- platforms -------------------------------------------------------------------------------------------------------------

def untraced(platform, service, config, module):
    label, pop = f"{platform} {service} {config}", POP.get(platform, "CPH")
    try:
        with Node(platform, module, pop) as node:
            why = wrong_vectors(node, service)
            check(f"{label}: answers as its {len(vectors(service))} vectors", not why, why)
            why = wrong_http(node, pop)
            check(f"{label}: paths, methods and headers", not why, why)
            why = wrong_connection(node)
            check(f"{label}: a connection stays open", not why, why)
            check(f"{label}: an untraced module sends no trace", traces(node) is None)
    except (RuntimeError, OSError) as e:
        check(f"{label}: is served", False, f"{e}")


def traced(platform, service, config, module):
    label = f"{platform} {service} {config}, traced"
    try:
        with Node(platform, module) as node:
            why = wrong_traces(node, service, config)
            same = "are the same" if config == "original" else "differ"
            if service == "random" and config == "original":
                same = "are there (they differ, for it draws numbers of its own)"
            check(f"{label}: traces of {REQUESTS} requests {same}", not why, why)
            why = wrong_vectors(node, service)
            check(f"{label}: answers as its vectors", not why, why)
    except (RuntimeError, OSError) as e:
        check(f"{label}: is served", False, f"{e}")


def fastly(platform):
    for service in SERVICES:
        for config in CONFIGS:
            untraced(platform, service, config, BUILD / f"edge/{service}.{config}.wasm")
            traced(platform, service, config, BUILD / f"edge/{service}.{config}.traced.wasm")


def mewe(*args):
    subprocess.run([MEWE, *map(str, args), "-q"], check=True, cwd=ROOT)


def commands(folder):
    """Wasmtime runs the services as plain WASI commands, behind a server of our own."""
    with Node("wasmtime", BUILD / "services/bin2base64.wasm") as node:
        for length in ("-1", "x", "1_0", "9" * 19):
            with socket.create_connection(("127.0.0.1", node.port), timeout=20) as s, s.makefile("rb") as answer:
                s.sendall(f"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n".encode())
                try:
                    first = answer.readline()
                except TimeoutError:
                    first = b"nothing"
                check(f"wasmtime: a length of {length} is refused", first.startswith(b"HTTP/1.1 400 "), f"{first}")
    for service in SERVICES:
        untraced("wasmtime", service, "original", BUILD / f"services/{service}.wasm")
        untraced("wasmtime", service, "call", BUILD / f"services/{service}.multivariant.wasm")
    raw = BUILD / "services/raw/release/bin2base64.wasm"
    for config, flags in (("original", ("--strategy", "none")), ("call", ()), ("request", ("--dispatch", "request"))):
        module = folder / f"bin2base64.{config}.traced.wasm"
        mewe("build", raw, "-o", module, "--trace", "hash", *flags)
        traced("wasmtime", "bin2base64", config, module)


def controls(platform, folder, good, still):
    """good: an untraced bin2base64; still: one whose choices come from a fixed seed."""
    module = folder / "bin2base64.altered.wasm"
    bytes_ = pathlib.Path(good).read_bytes()
    check(f"{platform} control: the default input is in the module", bytes_.count(b"many worlds") == 1)
    module.write_bytes(bytes_.replace(b"many worlds", b"many moulds"))
    with Node(platform, module) as node:
        why = wrong_vectors(node, "bin2base64")
        check(f"{platform} control: another answer is noticed", why.startswith("default: another answer"), why)
        check(f"{platform} control: another node's name is noticed", "pop" in wrong_http(node, "no name"))
    with Node(platform, still) as node:
        why = wrong_traces(node, "bin2base64", "call")
        check(f"{platform} control: choices that do not differ are noticed", why.startswith("1 different traces"), why)
        why = wrong_traces(node, "bin2base64", "original")
        check(f"{platform} control: choices where none should be are noticed", why.startswith("choices without"), why)


def main():
    with tempfile.TemporaryDirectory() as temp:
        folder = pathlib.Path(temp)
        for platform, how in (("workerd", NPM), ("viceroy", "make edge-deps"), ("wasmtime", NPM)):
            why = missing(platform)
            if why and platform != "viceroy":
                check(f"{platform} is here", False, f"{why}: {how}")
            elif why:
                print(f"# {platform} is left out: {why} ({how} installs it)", flush=True)
            elif platform == "wasmtime":
                commands(folder)
                still = folder / "bin2base64.still.wasm"
                mewe("build", BUILD / "services/raw/release/bin2base64.wasm", "-o", still, *STILL)
                controls(platform, folder, BUILD / "services/bin2base64.wasm", still)
            else:
                fastly(platform)
                still = folder / "bin2base64.still.wasm"
                mewe("build", BUILD / "edge/raw/release/bin2base64.wasm", "-o", still, *STILL)
                controls(platform, folder, BUILD / "edge/bin2base64.original.wasm", still)
    ended()


main()
