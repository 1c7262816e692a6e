#!/usr/bin/env python3
"""A driver of bench/edge whose server misbehaves as its module says: JSON of {at: number of the request, from 1, in the life of the
process}: die, hang, fail (500), wrong (body), close (the connection, unannounced), cut (the answer); `once`: a file, after which it
does so no more."""
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

if sys.argv[1] == "version":
    print("1.0")
    sys.exit()
if sys.argv[1] == "dump":
    print("it compiles nothing")
    sys.exit(3)
with open(sys.argv[2], encoding="utf-8") as f:
    plan = json.load(f)
if plan.get("refuse"):
    sys.exit("refused: the module is not to its taste")
count = 0


def now(what):
    """Is it to do this at this request?"""
    if what not in plan or count % plan[what]:
        return False
    once = plan.get("once")
    if once and os.path.exists(once):
        return False
    if once:
        with open(once, "w", encoding="utf-8"):
            pass
    return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        global count
        count += 1
        if now("die"):
            os._exit(7)
        if now("hang"):
            time.sleep(60)
        body = b"wrong" if now("wrong") else b"right"
        head = {"Content-Length": len(body), "x-mewe-trace": f"{os.getpid():08x}{count:08x}", "x-mewe-body-trace": f"{count:016x}",
                "x-mewe-choices": 2, "x-mewe-trace-length": 9, "x-mewe-dispatchers": 1, "x-mewe-time-ns": 1000 + count}
        lines = [f"HTTP/1.1 {'500 Internal' if now('fail') else '200 OK'}", *(f"{k}: {v}" for k, v in head.items()), "", ""]
        if now("close"):
            self.close_connection = True
            return
        if now("cut"):
            self.close_connection, body = True, body[:2]
        self.wfile.write("\r\n".join(lines).encode() + body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[3])), Handler).serve_forever()
