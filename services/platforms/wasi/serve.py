"""A service as a plain WASI command behind HTTP: Wasmtime compiles it once and runs it in an instance of its own for each request.

Usage: serve.py version
       serve.py MODULE PORT           until it is killed
       serve.py dump MODULE FOLDER    the machine code that is made of it, as FOLDER/dump, in the form of Linux's perf
In:    MODULE, build/services/NAME.wasm or another build of it, called NAME.and-so-on.wasm, for the paper's input is looked up by
       it. A POST's body is the command's standard input; a GET stands for services/vectors/NAME/paper.in.
Out:   standard output is the answer; the line on standard error that goes with exit code 2 has the status. What is no request
       for a service (404, 405) is answered here.
Headers: x-mewe-time-ns is the host's time for the whole of `_start`, what it reads and writes included, for a command can't tell;
       the others are read from a traced module's exported globals. x-mewe-pop is FASTLY_POP of the environment.
Must hold: no request is answered by an instance that has answered another one."""
import http.server
import importlib.metadata
import os
import pathlib
import re
import sys
import time

import wasmtime

ROOT = pathlib.Path(__file__).resolve().parents[3]
GLOBALS = {"x-mewe-choices": ("mewe.choices", "{}"), "x-mewe-trace": ("mewe.entry", "{:016x}"),
           "x-mewe-body-trace": ("mewe.body", "{:016x}"),
           "x-mewe-trace-length": ("mewe.length", "{}"), "x-mewe-dispatchers": ("mewe.executed", "{}")}
LARGEST = 1 << 20  # so much is handed over; the command takes less


class Command:
    """A module, compiled."""

    def __init__(self, path):
        self.engine = wasmtime.Engine()
        self.module = wasmtime.Module.from_file(self.engine, str(path))
        self.linker = wasmtime.Linker(self.engine)
        self.linker.define_wasi()
        self.pre = self.linker.instantiate_pre(self.module)

    def run(self, request):
        """Exit code (None: it trapped), standard output, standard error, headers."""
        out, err = bytearray(), bytearray()
        store, wasi = wasmtime.Store(self.engine), wasmtime.WasiConfig()
        stdin = os.memfd_create("request")
        try:
            os.write(stdin, request)
            wasi.stdin_file = f"/proc/self/fd/{stdin}"
            wasi.stdout_custom = out.extend
            wasi.stderr_custom = err.extend
            store.set_wasi(wasi)
        finally:
            os.close(stdin)
        exports = self.pre.instantiate(store).exports(store)
        begin = time.perf_counter_ns()
        try:
            exports["_start"](store)
            code = 0
        except wasmtime.ExitTrap as e:
            code = e.code
        except wasmtime.Trap as e:
            return None, b"", e.message.encode(), {}
        headers = {"x-mewe-time-ns": str(time.perf_counter_ns() - begin)}
        for header, (name, form) in GLOBALS.items():
            if name in exports:
                headers[header] = form.format(exports[name].value(store) & (1 << 64) - 1)
        return code, bytes(out), bytes(err), headers


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one segment

    def do_POST(self):
        length = self.headers.get("Content-Length", "0")
        if not re.fullmatch("[0-9]{1,18}", length):
            self.close_connection = True
            self.answer(400, b"Content-Length is no number\n")
            return
        size = int(length)
        if "Transfer-Encoding" in self.headers or size > LARGEST:
            self.close_connection = True
            self.answer(413, b"the request is longer than this server takes\n")
            return
        body = self.rfile.read(size)
        if self.path.partition("?")[0] != "/":
            self.answer(404, b"there is nothing but /\n")
        elif self.command not in ("GET", "POST"):
            self.answer(405, b"the method must be GET or POST\n", {"allow": "GET, POST"})
        else:
            self.serve(body if self.command == "POST" else self.server.paper)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_POST

    def serve(self, request):
        code, out, err, headers = self.server.module.run(request)
        said = re.fullmatch(rb"\w+: (\d{3}) (.*\n)", err)
        if code == 0:
            self.answer(200, out, headers)
        elif code == 2 and said:
            self.answer(int(said[1]), said[2], headers)
        else:
            how = "trapped" if code is None else f"ended with {code}"
            print(f"serve: the module {how}: {err.decode(errors='replace')}", file=sys.stderr)
            self.answer(500, b"")

    def answer(self, status, body, headers=None):
        self.send_response(status)
        more = {"x-mewe-pop": os.environ.get("FASTLY_POP", "XXX"), "content-length": len(body)}
        for name, value in {**(headers or {}), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def dump(module, folder):
    module = pathlib.Path(module).resolve()
    os.chdir(folder)  # where the engine puts it, under a name of its own
    config = wasmtime.Config()
    config.profiler = "jitdump"
    wasmtime.Module.from_file(wasmtime.Engine(config), str(module))
    next(pathlib.Path().glob("jit-*.dump")).rename("dump")


def main():
    if sys.argv[1:] == ["version"]:
        print(importlib.metadata.version("wasmtime"))
        return
    if sys.argv[1:2] == ["dump"] and len(sys.argv) == 4:
        dump(*sys.argv[2:])
        return
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit("usage: serve.py version | serve.py MODULE PORT | serve.py dump MODULE FOLDER")
    path = pathlib.Path(sys.argv[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler, bind_and_activate=False)
    server.paper = (ROOT / "services/vectors" / path.name.partition(".")[0] / "paper.in").read_bytes()
    server.module = Command(path)
    server.request_queue_size = 128
    server.server_bind()
    server.server_activate()
    server.serve_forever()


main()
