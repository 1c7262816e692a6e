"""edge_http.py - HTTP/1.1 through bare sockets: whatever bytes are to be sent are sent, and what comes back is read exactly.

    c = Connection((HOST, PORT)); c.send(BYTES); c.half(); r = c.response("GET"); c.close()

Holds: Closed says that the connection ended before a whole response, Malformed that what came is none; a wait ends after TIMEOUT
seconds with TimeoutError. Sending to a server that has already closed is no error: what it said before can still be read."""
import socket
import struct
from dataclasses import dataclass

TIMEOUT = 20


class Closed(Exception):
    pass


class Malformed(Exception):
    pass


@dataclass
class Response:
    status: int
    headers: dict
    body: bytes


class Connection:
    def __init__(self, address):
        self.s = socket.create_connection(address, TIMEOUT)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.ended, self.deaf = b"", False, False

    def send(self, data):
        """False: the server listens no longer."""
        try:
            self.s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.deaf = True
        return not self.deaf

    def half(self):
        """Nothing more will be sent."""
        try:
            self.s.shutdown(socket.SHUT_WR)
        except OSError:
            self.deaf = True

    def has_answer(self):
        """Is there something to read?"""
        self.s.settimeout(0)
        try:
            self.more()
        except BlockingIOError:
            return False
        finally:
            self.s.settimeout(TIMEOUT)
        return True

    def close(self, reset=True):
        """With a reset, which leaves no port waiting."""
        if reset:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.s.close()

    def more(self):
        try:
            data = self.s.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        self.ended = self.ended or not data
        return bool(data)

    def take(self, n):
        while len(self.buffer) < n:
            if not self.more():
                raise Closed(f"after {len(self.buffer)} of {n} bytes of a body")
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                raise Closed(f"inside a head of {len(self.buffer)} bytes" if self.buffer else "without an answer")
        out, self.buffer = self.buffer.split(mark, 1)
        return out

    def rest(self):
        while self.more():
            pass
        out, self.buffer = self.buffer, b""
        return out

    def head(self):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        words = lines[0].split(" ", 2)
        if not words[0].startswith("HTTP/1.") or len(words) < 2 or not (words[1].isdigit() and len(words[1]) == 3):
            raise Malformed(f"the status line {lines[0][:80]!r}")
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip() or name.lower() in headers:
                raise Malformed(f"the header {line[:80]!r}")
            headers[name.lower()] = value.strip()
        return int(words[1]), headers

    def chunks(self):
        out = b""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if not size:
                break
            out += self.take(size)
            if self.take(2) != b"\r\n":
                raise Malformed("a chunk without its end")
        while self.until(b"\r\n"):
            pass
        return out

    def response(self, method):
        """The next final one: those of 1xx are passed over."""
        status, headers = self.head()
        while status < 200:
            status, headers = self.head()
        if method == "HEAD" or status in (204, 304):
            body = b""
        elif "chunked" in headers.get("transfer-encoding", "").lower():
            body = self.chunks()
        elif "content-length" in headers:
            body = self.take(int(headers["content-length"]))
        else:
            body = self.rest()
        return Response(status, headers, body)
