"""A server that speaks what the platform documents: its API, and its edge nodes by their Host. For tests; it measures nothing.

In:  a clock, by which its limits go; faults that are to happen. Out: what there is in the account, and a list of all that was asked.
Holds: a service is activated only with a host name, a backend and a package, and deleted only while it is not active; names are
       unique; a call without the token is refused.
"""
import email.parser
import email.policy
import hashlib
import http.server
import io
import json
import re
import tarfile
import threading
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "SeCrEt-0123456789-token"
POPS = ["AMS", "BOM", "LHR", "NRT"]
SERVICES = ["encrypt", "decrypt", "random", "invert", "bin2base64", "qr_str", "qr_image"]


class Refused(Exception):
    def __init__(self, status, msg, detail=""):
        super().__init__(msg)
        self.status, self.body = status, {"msg": msg, **({"detail": detail} if detail else {})}


class Fastly:
    """faults: [method, pattern of the path, kind, how often]; kinds: a status, drop (before it is done), lost (after it), html, cut."""

    def __init__(self, clock=None, edge_checks_an_hour=200):
        self.clock, self.limit = clock, edge_checks_an_hour
        self.services, self.asked, self.faults, self.edge_calls, self.keys, self.times = {}, [], [], [], set(), {}
        self.edge_checks = self.refused = 0
        self.connections, self.count, self.writes_left, self.reset_after = 0, 0, 1000, 3600
        self.lock, self.on_call, self.server_names, self.edge_shape = threading.RLock(), None, True, "good"
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def now(self):
        return self.clock.time() if self.clock else 0

    def fault(self, method, path):
        for f in self.faults:
            if f[3] and f[0] == method and re.search(f[1], path):
                f[3] -= 1
                return f[2]
        return None

    def handler(fake):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                with fake.lock:
                    fake.connections += 1

            def log_message(self, *_):
                pass

            def answer(self, status, body, headers=(), cut=False):
                self.send_response(status)
                for k, v in headers:
                    self.send_header(k, v)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:len(body) // 2] if cut else body)
                if cut:
                    self.drop()

            def drop(self):
                self.close_connection = True
                self.connection.close()

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with fake.lock:
                    try:
                        fake.serve(self, body)
                    except (OSError, ValueError):
                        self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = do
        return Handler

    def serve(self, h, body):
        host, path = h.headers["Host"], h.path
        self.asked.append((h.command, path, host))
        if self.on_call:
            self.on_call(len(self.asked), "before")
        kind = self.fault(h.command, path)
        if kind == "drop":
            return h.drop()
        if isinstance(kind, tuple):  # status, headers
            return h.answer(kind[0], json.dumps({"msg": f"Fault {kind[0]}", "detail": f"of {TOKEN}"}).encode(), kind[1])
        if kind == "html":
            return h.answer(200, b"<html><body>Varnish cache server</body></html>", [("Content-Type", "text/html")])
        if host.endswith(".edgecompute.app"):
            status, headers, data = self.edge(host, POPS[0])
            if self.on_call:
                self.on_call(len(self.asked), "after")
            return h.answer(status, data, headers, kind == "cut")
        try:
            result, status = self.api(h, path, body), 200
        except Refused as e:
            result, status = e.body, e.status
        if self.on_call:
            self.on_call(len(self.asked), "after")
        if kind == "lost":
            return h.drop()
        headers = [("Content-Type", "application/json")]
        if h.command != "GET":
            self.writes_left -= 1
            headers += [("Fastly-RateLimit-Remaining", str(max(0, self.writes_left))),
                        ("Fastly-RateLimit-Reset", str(int(self.now() + self.reset_after)))]
        if status == 429:
            headers.append(("Fastly-RateLimit-Reset", str(int(min(self.edge_calls) + 3600) + 1)))
        h.answer(status, json.dumps(result).encode(), headers, kind == "cut")

    # ---- the API ------------------------------------------------------------------------------------------------------

    def api(self, h, path, body):
        key = h.headers.get("Fastly-Key", "")
        self.keys.add(key)
        if key != TOKEN:
            raise Refused(401, "Provided credentials are missing or invalid")
        u = urllib.parse.urlsplit(path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(u.query).items()}
        if (h.command, u.path) == ("GET", "/tokens/self"):
            return {"id": "t", "name": "kit", "scope": "global", "scopes": ["global"]}
        if (h.command, u.path) == ("GET", "/datacenters"):
            return [{"code": p, "name": f"{p} city", "group": "Europe", "coordinates": {}, "shield": f"x-{p}"} for p in POPS]
        if (h.command, u.path) == ("GET", "/content/edge_check"):
            return self.edge_check(query["url"])
        if (h.command, u.path) == ("GET", "/service/search"):
            for s in self.services.values():
                if s["name"] == query["name"]:
                    return {k: s[k] for k in ("id", "name", "versions")}
            raise Refused(404, "Record not found", "Cannot find service")
        if (h.command, u.path) == ("POST", "/service"):
            return self.create(self.form(body))
        m = re.fullmatch(r"/service/(\w+)(?:/version/(\d+)(?:/(\w+)(?:/(.+))?)?)?", u.path)
        if not m or m[1] not in self.services:
            raise Refused(404, "Record not found", "Cannot load service")
        return self.service(h, self.services[m[1]], m[2], m[3], m[4], body)

    @staticmethod
    def form(body):
        return {k: v[0] for k, v in urllib.parse.parse_qs(body.decode()).items()}

    def create(self, form):
        if any(s["name"] == form["name"] for s in self.services.values()):
            raise Refused(409, "Bad request", "Name has already been taken")
        self.count += 1
        i = f"id{self.count}"
        assert form["type"] == "wasm"
        self.services[i] = {"id": i, "name": form["name"], "versions": [{"number": 1}], "active": None, "domain": {}, "backend": {},
                            "package": {}}
        return {k: self.services[i][k] for k in ("id", "name", "versions")}

    def service(self, h, s, version, what, name, body):
        if version is None:
            if h.command == "DELETE":
                if s["active"]:
                    raise Refused(422, "Bad request", "Cannot delete an active service")
                del self.services[s["id"]]
                return {"status": "ok"}
            raise Refused(404, "Not found")
        n = int(version)
        if what is None:
            return {"number": n, "active": s["active"] == n}
        if what in ("domain", "backend"):
            if h.command == "GET":
                if name not in s[what]:
                    raise Refused(404, "Record not found")
                return s[what][name]
            form = self.form(body)
            if form["name"] in s[what] or (what == "domain" and any(form["name"] in x["domain"] for x in self.services.values())):
                raise Refused(409, "Conflict", f"{what} '{form['name']}' is already taken")
            s[what][form["name"]] = form
            return form
        if what == "package":
            return self.package(h, s, n, body)
        if what == "activate":
            if s["active"] == n:
                raise Refused(400, "Bad request", "Version is already active")
            if not (s["domain"] and s["backend"] and n in s["package"]):
                raise Refused(422, "Bad request", "Version has no associated domains, backends or package")
            s["active"] = n
        elif what == "deactivate":
            if s["active"] != n:
                raise Refused(400, "Bad request", "Version is not active")
            s["active"] = None
        elif what == "clone":
            s["versions"].append({"number": len(s["versions"]) + 1})
            return {"number": len(s["versions"])}
        return {"number": n, "active": s["active"] == n}

    def package(self, h, s, n, body):
        if s["active"] == n:
            raise Refused(422, "Bad request", "Version is locked")
        text = b"Content-Type: " + h.headers["Content-Type"].encode() + b"\r\n\r\n" + body
        m = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(text)
        [file] = [p.get_payload(decode=True) for p in m.iter_parts() if p.get_param("name", header="content-disposition") == "package"]
        with tarfile.open(fileobj=io.BytesIO(file)) as t:
            inside = {x.name.split("/", 1)[1]: t.extractfile(x).read() for x in t.getmembers() if x.isfile()}
        digest = hashlib.sha512(inside["bin/main.wasm"] + inside["fastly.toml"]).hexdigest()
        s["package"][n] = digest
        return {"id": "p", "service_id": s["id"], "version": n, "metadata": {"files_hash": digest, "size": len(file)}}

    # ---- edge nodes ---------------------------------------------------------------------------------------------------

    def edge(self, host, pop):
        """(status, headers, body) of a service's answer at a POP."""
        m = re.match(r"mewe-(.+?)-(call|request|original)(-traced)?-[0-9a-f]{8}\.", host)
        if not any(s["active"] and host in s["domain"] for s in self.services.values()) or not m:
            return 500, [("X-Served-By", "cache-x-AMS")], b"Domain not known"
        service, config, traced = m[1].replace("-", "_"), m[2], m[3]
        self.times[host] = n = self.times.get(host, 0) + 1
        headers = [("X-Served-By", f"cache-shield1-FRA, cache-{pop.lower()}{1000 + n % 2}-{pop}"),
                   ("x-mewe-time-ns", str({"original": 1000, "request": 1100, "call": 3000}[config] + n % 7))]
        if self.server_names:
            headers.append(("x-mewe-pop", pop))
        if traced:
            seed = n if config != "original" else 0
            headers += [("x-mewe-choices", "5"), ("x-mewe-trace", f"{hash((host, seed)) & (1 << 64) - 1:016x}"),
                        ("x-mewe-body-trace", f"{hash((host, seed, 1)) & (1 << 64) - 1:016x}"), ("x-mewe-trace-length", "816"),
                        ("x-mewe-dispatchers", "5")]
        vector = ROOT / f"services/vectors/{service}/paper.out"
        return 200, headers, vector.read_bytes() if vector.exists() else b"random"

    def edge_check(self, url):
        now = self.now()
        self.edge_calls = [t for t in self.edge_calls if t > now - 3600]
        if len(self.edge_calls) >= self.limit:
            self.refused += 1
            raise Refused(429, "Too many requests")
        self.edge_calls.append(now)
        self.edge_checks += 1
        u, out = urllib.parse.urlsplit(url), []
        for k, pop in enumerate(POPS):
            status, headers, body = self.edge(u.hostname, pop)
            headers = {a: [b] if k % 2 else b for a, b in headers}  # clients of the API take both forms
            if self.edge_shape == "foreign":
                headers = {"X-Served-By": headers["X-Served-By"]}
            out.append({"pop": pop, "server": f"cache-{pop.lower()}1-{pop}", "response_time": 0.01, "hash": hashlib.md5(body).hexdigest(),
                        "request": {"method": "GET", "url": url, "headers": {}}, "response": {"status": status, "headers": headers}})
        if self.edge_shape == "mixed":
            out[0].update(hash="error-timeout-AMS", response={})
            out[1]["hash"] = "0" * 32
            out[2]["response"]["headers"].pop("x-mewe-trace")
            out.append(dict(out[3]))
        return out
