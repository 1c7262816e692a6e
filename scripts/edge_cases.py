"""edge_cases.py - malformed and odd HTTP requests to a service, each with what may come back.

    case(RANDOM, Vectors) -> Case: what to send, in steps, and the answers that are due

A case is one of three classes. `plain`: HTTP that every server takes. `odd`: HTTP that is valid, but that a server in front of
the program may refuse. `broken`: not HTTP, or a body that ends too early; nothing is due but that nobody fails.
Holds: the same random state and vectors make the same case."""
import pathlib
import struct
from dataclasses import dataclass, field

MOST = 16384
TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
PATH = TOKEN.replace("#", "").replace("^", "").replace("`", "").replace("|", "") + "()/:;=@,"
STATUS_OF_PATH = 404
HALF, RESET, PAUSE, ENDLESS = "half", "reset", "pause", "endless"


@dataclass
class Due:
    """One answer: for this method; `request` is the body it answers, None for the paper's input."""
    method: str = "POST"
    status: int = 200
    request: bytes = None


@dataclass
class Case:
    kind: str
    form: str                # plain, odd, or broken
    steps: list              # bytes, or one of the words above
    due: list = field(default_factory=list)
    whole: bool = True       # False: a body that was not whole must not be answered with 200
    alone: bool = False      # on a connection of its own


class Vectors:
    def __init__(self, folder, host):
        self.host = host.encode()
        self.inputs = {p.stem: p.read_bytes() for p in sorted(pathlib.Path(folder).glob("*.in"))}
        self.names = sorted(self.inputs)


def head(v, method="POST", target="/", headers=(), version="1.1", host=True):
    lines = [f"{method} {target} HTTP/{version}".encode("latin-1")]
    if host:
        lines.append(b"Host: " + v.host)
    return b"\r\n".join(lines + [h if isinstance(h, bytes) else h.encode("latin-1") for h in headers]) + b"\r\n\r\n"


def letters(r, alphabet, least, most):
    table = bytes(ord(alphabet[i % len(alphabet)]) for i in range(256))
    return r.randbytes(r.randint(least, most)).translate(table).decode()


def character(x):
    """A 32-bit number as a character of UTF-8, of one to four bytes."""
    return chr((x % 128, 128 + x % 1920, 2048 + x % 53248, 0x10000 + x % 0x100000)[x >> 30])


def size(r, most):
    """Mostly small, at times up to most."""
    return min(most, int(10 ** r.uniform(0, 5)))


def chunked(r, body, trailers=True):
    out, at = b"", 0
    while at < len(body):
        n = r.choice((1, 7, 100, 4096, 16384)) if len(body) < 2000 or r.random() < 0.1 else r.randint(1000, 20000)
        piece = body[at:at + n]
        extension = b";x=" + letters(r, "ab1", 0, 9).encode() if r.random() < 0.2 else b""
        out += (b"%x" if r.random() < 0.5 else b"%05X") % len(piece) + extension + b"\r\n" + piece + b"\r\n"
        at += n
    return out + b"0\r\n" + (b"X-Trailer: 1\r\n" if trailers and r.random() < 0.2 else b"") + b"\r\n"


def message(r, v, body, method="POST", target="/", headers=()):
    if r.random() < 0.4:
        return head(v, method, target, [*headers, "Transfer-Encoding: chunked"]) + chunked(r, body)
    return head(v, method, target, [*headers, f"Content-Length: {len(body)}"]) + body


def pieces(r, data):
    """The same in pieces, with pauses between them."""
    cuts = sorted(r.randint(0, len(data)) for _ in range(r.randint(1, 4)))
    out = []
    for a, b in zip([0, *cuts], [*cuts, len(data)]):
        out += [data[a:b], PAUSE]
    return out[:-1]


def post(kind, r, v, body, form="plain"):
    data = message(r, v, body)
    return Case(kind, form, pieces(r, data) if r.random() < 0.1 else [data], [Due(request=body)])


# ---- plain ------------------------------------------------------------------------------------------------------------

def vector(r, v):
    return post("vector", r, v, v.inputs[r.choice(v.names)])


def changed(r, v):
    """A vector with bytes changed, cut, put in, or at its end."""
    b = bytearray(v.inputs[r.choice(v.names)])
    for _ in range(r.randint(1, 3)):
        at, what = r.randint(0, len(b)), r.randint(0, 3)
        if what == 0 and b:
            b[at % len(b)] ^= 1 << r.randint(0, 7)
        elif what == 1:
            del b[at:]
        elif what == 2:
            b[at:at] = r.randbytes(r.randint(1, 20))
        else:
            b += r.randbytes(size(r, 40))
    return post("changed vector", r, v, bytes(b))


def noise(r, v):
    return post("random body", r, v, r.randbytes(size(r, 20000)))


def text(r, v):
    """Digits, or UTF-8, at times with a byte that makes it none."""
    what = r.randint(0, 2)
    if what == 0:
        return post("text", r, v, letters(r, "0123456789", 0, r.choice((2, 3, 5700))).encode())
    n = size(r, 1500)
    b = bytearray("".join(map(character, struct.unpack(f"<{n}I", r.randbytes(4 * n)))).encode())
    if what == 1:
        b[r.randrange(len(b))] = r.choice((0, 0x80, 0xc0, 0xe0, 0xf5, 0xff))
    return post("text", r, v, bytes(b))


def limit(r, v):
    return post("about the limit", r, v, r.randbytes(MOST + r.randint(-2, 3)))


def get(r, v):
    query = letters(r, PATH + "?", 0, size(r, 500)) if r.random() < 0.7 else "trace=full&x"
    return Case("GET", "plain", [head(v, "GET", "/" + ("?" + query if r.random() < 0.8 else ""))], [Due("GET")])


def path(r, v):
    target = r.choice(("//", "/.", "/..", "/%2f", "/%2F", "/%00", "/;", "/index.html", "/favicon.ico", "/%ff%fe", "/../", "/%3f",
                       "/" + letters(r, PATH, 1, size(r, 2000)), "/" + letters(r, PATH, 1, 9) + "?" + letters(r, PATH, 0, 50)))
    method = r.choice(("GET", "POST", "HEAD", "PUT", "DELETE"))
    headers = ["Content-Length: 0"] if method in ("POST", "PUT") else []
    return Case("other path", "plain", [head(v, method, target, headers)], [Due(method, STATUS_OF_PATH)])


def method(r, v):
    m = r.choice(("HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"))
    body = r.randbytes(r.choice((0, 5, 3000))) if m in ("PUT", "PATCH") else b""
    return Case("other method", "plain", [message(r, v, body, m) if body else head(v, m, "/", ["Content-Length: 0"])], [Due(m, 405)])


def headers(r, v):
    h = [f"X-{letters(r, TOKEN, 1, 30)}: {letters(r, TOKEN + '  :,()/', 0, size(r, 100))}" for _ in range(r.randint(1, 40))]
    return Case("many headers", "plain", [head(v, "GET", "/", h)], [Due("GET")])


def pipelined(r, v):
    steps, due = b"", []
    for _ in range(r.randint(2, 6)):
        one = r.choice((vector, changed, get, path))(r, v)
        if len(one.due[0].request or b"") > MOST:
            continue  # a server may close after a body that it has not read
        steps += b"".join(s for s in one.steps if isinstance(s, bytes))
        due += one.due
    return Case("pipelined", "plain", [steps], due, alone=True) if due else get(r, v)


# ---- odd --------------------------------------------------------------------------------------------------------------

def odd_method(r, v):
    m = r.choice(("get", "Post", "POSTS", "GE", "TRACE", "PROPFIND", letters(r, TOKEN, 1, 20), letters(r, TOKEN, 100, 3000)))
    if m in ("GET", "POST", "CONNECT", "PRI", "HEAD"):
        m += "X"
    return Case("odd method", "odd", [head(v, m, "/", ["Content-Length: 0"])], [Due(m, 405)], alone=True)


def long_target(r, v):
    n = r.choice((9000, 30000, 60000, 65000))
    if r.random() < 0.5:
        return Case("long query", "odd", [head(v, "GET", "/?" + letters(r, PATH, n, n))], [Due("GET")], alone=True)
    return Case("long path", "odd", [head(v, "GET", "/" + letters(r, PATH, n, n))], [Due("GET", STATUS_OF_PATH)], alone=True)


def odd_headers(r, v):
    what = r.randint(0, 5)
    h = [[b"X-Bytes: " + bytes(r.choices(range(128, 256), k=r.randint(1, 200)))], [b"X-Tab:\t a\tb \t"], [b"X-Empty:"] * 30,
         ["Cookie: " + letters(r, TOKEN, n := r.choice((8000, 30000, 60000)), n)], [f"X-{i}: {i}" for i in range(90)],
         ["X-" + letters(r, TOKEN, 1000, 5000) + ": 1"]][what]
    return Case("odd headers", "odd", [head(v, "GET", "/", h)], [Due("GET")], alone=True)


def old(r, v):
    return Case("HTTP/1.0", "odd", [head(v, "GET", "/", version="1.0")], [Due("GET")], alone=True)


def expect(r, v):
    body = v.inputs["valid"]
    return Case("Expect", "odd", [head(v, "POST", "/", ["Expect: 100-continue", f"Content-Length: {len(body)}"]), PAUSE, body],
                [Due(request=body)], alone=True)


def absolute(r, v):
    return Case("absolute target", "odd", [head(v, "GET", f"http://{v.host.decode()}" + r.choice(("", "/", "?a", "/?a")))], [Due("GET")],
                alone=True)


def get_body(r, v):
    return Case("GET with a body", "odd", [message(r, v, r.randbytes(r.choice((1, 100, 20000))), "GET")], [Due("GET")], alone=True)


def large(r, v):
    """The answer comes while the body is still being sent."""
    body = bytes(r.choice((40000, 200000, 1000000)))
    return Case("large body", "odd", [message(r, v, body)], [Due(request=body)], alone=True)


def endless(r, v):
    return Case("endless body", "odd", [head(v, "POST", "/", ["Transfer-Encoding: chunked"]), ENDLESS], [Due(request=bytes(MOST + 1))],
                alone=True)


# ---- broken -----------------------------------------------------------------------------------------------------------

def broken_head(r, v):
    good = head(v, "GET")
    data = r.choice((
        b"", b"\r\n" * r.randint(1, 50), b"GET\r\n\r\n", b"GET /\r\n\r\n", b"GET  / HTTP/1.1\r\n\r\n", b"G\0T / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\nHost: a\n\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + r.randbytes(80),
        r.randbytes(r.randint(1, 3000)), good[:r.randint(0, len(good) - 1)], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        head(v, "GET", "/", ["X: \0"]), head(v, "GET", "/", ["no colon"]), head(v, "GET", "/", ["X : 1"]), head(v, "GET", "/", [" fold"]),
        head(v, "GET", "/", host=False), head(v, "GET", "/", ["Host: b"]), head(v, "GET", "/", ["Host: a b/\xff"], host=False),
        head(v, "GET", "/\xff\xfe\xc0"), head(v, "GET", "/ /"), head(v, "GET", "x"), head(v, "CONNECT", "a:443"), head(v, "OPTIONS", "*"),
        head(v, "GET", "/" + "a" * 70000), head(v, "GET", "/", ["X: " + "a" * 900000]), head(v, "GET", "/", [f"X{i}: 1" for i in range(300)]),
        head(v, "G" * 70000)))
    return Case("broken head", "broken", [data, HALF], alone=True)


def broken_length(r, v):
    body = r.choice((v.inputs["valid"], r.randbytes(100)))
    n = r.choice(("-1", "+5", "1e3", "0x10", "", "99999999999999999999999", "5, 6", "5\r\nContent-Length: 6", "\xb2"))
    return Case("broken length", "broken", [head(v, "POST", "/", [f"Content-Length: {n}"]) + body, HALF], alone=True)


def broken_chunks(r, v):
    body = chunked(r, r.randbytes(r.randint(20, 3000)), trailers=False)
    at = body.index(b"\r\n")
    bad = r.choice((b"g" + body, b"-" + body, b"\r\n" + body, b"fffffffffffffffff\r\n" + body, body[:-5 - r.randint(0, 15)], body[:at],
                    body[:at + 2] + b"x" + body[at + 2:], body.replace(b"\r\n", b"\n\r", 1), b"1\r\nabc\r\n0\r\n\r\n"))
    whole = bad.startswith(b"\r\n")  # hyper takes a size that is missing for 0, so that the body has ended
    return Case("broken chunks", "broken", [head(v, "POST", "/", ["Transfer-Encoding: chunked"]) + bad, HALF], whole=whole, alone=True)


def both(r, v):
    return Case("two lengths", "broken", [head(v, "POST", "/", ["Content-Length: 3", "Transfer-Encoding: chunked"]) + b"3\r\nabc\r\n0\r\n\r\n",
                                          HALF], alone=True)


def early(r, v):
    body = r.randbytes(r.choice((10, 5000, 20000)))
    cut = r.randint(0, len(body) - 1)
    start = head(v, "POST", "/", [f"Content-Length: {len(body)}"]) + body[:cut]
    return Case("early close", "broken", [start, *([PAUSE] if r.random() < 0.2 else []), r.choice((HALF, RESET))], whole=False, alone=True)


def longer(r, v):
    """More than was said: what follows is another request, and none."""
    body = v.inputs["valid"]
    return Case("longer than said", "broken", [head(v, "POST", "/", [f"Content-Length: {len(body)}"]) + body + b"\0more\r\n\r\n", HALF],
                [Due(request=body)], alone=True)


CASES = ((vector, 14), (changed, 18), (noise, 8), (text, 12), (limit, 2), (get, 5), (path, 6), (method, 4), (headers, 3), (pipelined, 3),
         (odd_method, 3), (long_target, 1), (odd_headers, 3), (old, 1), (expect, 1), (absolute, 1), (get_body, 1), (large, 0.5), (endless, 0.2),
         (broken_head, 5), (broken_length, 2), (broken_chunks, 3), (both, 0.5), (early, 2), (longer, 1))


def case(r, v):
    return r.choices([c for c, _ in CASES], [w for _, w in CASES])[0](r, v)
