"""What an edge node answers: asked from here, or through edge_check; and what must be in it.

In:  a host name, or in its place an address (--edge) that is sent its name; an answer's status, headers and body or MD5.
Out: node's name and measured values. Holds: an answer that is not the service's own, or another than the vectors say, is never a value.
"""
import hashlib
import http.client
import re
import urllib.parse
from pathlib import Path

from common import ROOT

TIMEOUT = 60
# Response header -> metric of the row schema (results/README.md).
TRACED = {"x-mewe-trace": "entry_trace", "x-mewe-body-trace": "body_trace", "x-mewe-choices": "choices",
          "x-mewe-trace-length": "trace_length", "x-mewe-dispatchers": "dispatchers_executed"}
TIMED = {"x-mewe-time-ns": "time_guest_ns"}


class Bad(Exception):
    """Not an answer of the service: why."""


class Wrong(Bad):
    """An answer of the service, with another body than the vectors have."""


class Answer:
    def __init__(self, status, headers, digest):
        self.status, self.digest, self.headers = status, digest, {}
        for k, v in dict(headers or {}).items():
            self.headers[k.lower()] = str(v[-1] if isinstance(v, list) and v else v).strip()


class Node:
    """A connection to an edge node, kept open."""

    def __init__(self, edge, domain):
        u = urllib.parse.urlsplit(edge or f"https://{domain}")
        kind = http.client.HTTPSConnection if u.scheme == "https" else http.client.HTTPConnection
        self.connection, self.domain = kind(u.hostname, u.port, timeout=TIMEOUT), domain

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def get(self, path):
        try:
            self.connection.request("GET", path, headers={"Host": self.domain, "User-Agent": "mewe-edge-kit"})
            r = self.connection.getresponse()
            body = r.read()
        except (OSError, http.client.HTTPException) as e:
            self.connection.close()
            raise Bad(f"no answer ({str(e) or type(e).__name__})") from e
        return Answer(r.status, {k: v for k, v in r.getheaders()}, hashlib.md5(body).hexdigest())


def expected(service):
    """MD5 of the answer to the paper's input; None where it is random."""
    try:
        return hashlib.md5((Path(ROOT) / f"services/vectors/{service}/paper.out").read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def number(headers, name):
    text = headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise Bad(f"header {name} is {'missing' if not text else 'no number'}")
    return text


def node_name(a, server=""):
    """POP/server, of the service's own header and the platform's: the last name in X-Served-By is the node nearest to the client."""
    served = server or a.headers.get("x-served-by", "").split(",")[-1].strip()
    pop = a.headers.get("x-mewe-pop") or (served.rsplit("-", 1)[-1] if "-" in served else "")
    if not pop:
        raise Bad("neither x-mewe-pop nor X-Served-By names the node")
    return re.sub(r"[^A-Za-z0-9_./-]", "_", f"{pop}/{served}" if served else pop)


def checked(d, a, server=""):
    """(node, {metric: value}) of a good answer."""
    if a.status != 200:
        raise Bad(f"status {a.status}")
    if "x-mewe-time-ns" not in a.headers:
        raise Bad("no header x-mewe-time-ns: not the service's own answer")
    values = {}
    for header, metric in (TRACED if d.traced else TIMED).items():
        if metric.endswith("_trace"):
            text = a.headers.get(header, "").lower()
            if not re.fullmatch(r"[0-9a-f]{16}", text):
                raise Bad(f"header {header} is {'missing' if not text else 'no hash'}")
            values[metric] = text
        else:
            values[metric] = number(a.headers, header)
    want = expected(d.service)
    if want and re.fullmatch(r"[0-9a-fA-F]{32}", a.digest or "") and a.digest.lower() != want:
        raise Wrong(f"the answer's MD5 is {a.digest}, not {want}")
    return node_name(a, server), values
