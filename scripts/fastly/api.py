"""The platform's API: one call at a time, with its errors, its limits, and what may be tried again.

In:  method, path, form or file; the token, for the header Fastly-Key alone. Out: the answer's JSON.
Holds: the token is sent to the API's host only (redirections are not followed; without TLS only to this machine). What may have been
       done twice by trying again is not tried again: a POST whose answer is lost is Uncertain, and the caller looks for its effect.
"""
import email.utils
import http.client
import json
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request

from common import BAD, FAILED, KitError, read_json, TOKEN, write_file

TRIES = 6  # of a call that is answered by nothing, by 5xx or by no JSON
WAITS = 12  # of a call that is refused for the limit
TIMEOUT = 120
AGENT = "mewe-edge-kit"


class ApiError(KitError):
    """Refused by the API, for what was asked: 4xx."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Uncertain(KitError):
    """No answer to a POST: it may have been done."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *a, **k):
        return None


def checked_token(environment):
    token = environment.get(TOKEN, "").strip()
    if not token:
        raise KitError(f"no token: set {TOKEN} to an API token of your account with the scope 'global' (or use --dry-run)", BAD)
    if not re.fullmatch(r"[!-~]+", token):
        raise KitError(f"the token in {TOKEN} has characters that no token has: set it anew", BAD)
    return token


def checked_base(base):
    u = urllib.parse.urlsplit(base)
    if u.scheme not in ("http", "https") or not u.hostname:
        raise KitError(f"--api {base}: not of the form https://HOST", BAD)
    if u.scheme == "http" and u.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise KitError(f"--api {base}: the token would be sent in clear: use https", BAD)
    return base.rstrip("/")


def backoff(k):
    return min(60, 2 ** k)


def wait_of(headers, now, k):
    """Seconds that an answer 429 asks to wait: Retry-After, or the end of the limit's window; otherwise longer each time."""
    after, reset = headers.get("Retry-After"), headers.get("Fastly-RateLimit-Reset")
    if after and after.isdigit():
        return int(after)
    if after:
        try:
            return max(1, email.utils.parsedate_to_datetime(after).timestamp() - now)
        except ValueError:
            pass
    if reset and reset.isdigit():
        return max(1, int(reset) - now)
    return min(3600, 60 * 2 ** k)


def message_of(data):
    """What an error says: {"msg", "detail"}, as the API documents it, or how it begins."""
    text = data.decode(errors="replace")
    try:
        j = json.loads(text)
        return ": ".join(str(j[k]) for k in ("msg", "title", "detail") if j.get(k)) or text[:80]
    except (ValueError, AttributeError):
        return re.sub(r"<[^>]*>", " ", text)[:80].strip() or "nothing said"


def multipart(field, name, data):
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: application/gzip\r\n\r\n'
    return head.encode() + data + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


class Api:
    """dry is for what depends on it: here every call is made."""
    dry = False

    def __init__(self, base, token, clock, out):
        self.base, self.token, self.clock, self.out = checked_base(base), token, clock, out
        self.opener = urllib.request.build_opener(NoRedirect)
        self.retries = 0
        self.write_after = 0

    def send(self, method, path, data, content_type):
        """(status, headers, body) of one call; OSError or HTTPException where there is none."""
        headers = {"Fastly-Key": self.token, "Accept": "application/json", "User-Agent": AGENT}
        if content_type:
            headers["Content-Type"] = content_type
        r = urllib.request.Request(self.base + path, data=data, headers=headers, method=method)
        try:
            with self.opener.open(r, timeout=TIMEOUT) as a:
                return a.status, a.headers, a.read()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.headers, e.read()

    def limits(self, method, headers):
        """Of writes, 1,000 an hour: when none is left, the next one waits for the window's end."""
        left, reset = headers.get("Fastly-RateLimit-Remaining"), headers.get("Fastly-RateLimit-Reset")
        if method != "GET" and left == "0" and reset and reset.isdigit():
            self.write_after = int(reset)

    def pause(self, what, seconds):
        self.retries += 1
        self.out.note(f"{what}: again in {seconds:.0f} s")
        self.clock.sleep(seconds)

    def call(self, method, path, form=None, upload=None, before=None):
        """upload: (file's name, its bytes); before: called before each try. Gives the answer's JSON; 404 and other refusals of what was
        asked are raised as ApiError."""
        what, data, content_type = f"{method} {path.split('?')[0]}", None, None
        if form is not None:
            data, content_type = urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif upload:
            data, content_type = multipart("package", *upload)
        elif method in ("PUT", "POST"):
            data = b""
        if method != "GET" and self.write_after > self.clock.time():
            self.pause(f"{what}: the hour's limit of writes is reached", self.write_after - self.clock.time())
        tries = waits = 0
        while True:
            if before:
                before()
            try:
                status, headers, body = self.send(method, path, data, content_type)
            except (OSError, http.client.HTTPException) as e:
                why = f"{what}: no answer ({str(e) or type(e).__name__})"
            else:
                self.limits(method, headers)
                if status == 429:
                    if waits == WAITS:
                        raise KitError(f"{what}: still refused for the limit (429) after {waits} waits: run this again later")
                    self.pause(f"{what}: the limit is reached (429)", wait_of(headers, self.clock.time(), waits))
                    waits += 1
                    continue
                if status < 400:
                    try:
                        if status < 300:
                            return json.loads(body) if body else {}
                        why = f"{what}: redirected ({status})"
                    except ValueError:
                        why = f"{what}: the answer is no JSON, or not all of it ({len(body)} bytes)"
                elif status < 500:
                    self.refuse(what, status, message_of(body))
                else:
                    why = f"{what}: {status}: {message_of(body)}"
            if method == "POST":
                raise Uncertain(why)
            tries += 1
            if tries == TRIES:
                raise KitError(f"{why}: given up after {TRIES} tries: run this again later")
            self.pause(why, backoff(tries))

    def refuse(self, what, status, message):
        if status == 401:
            raise KitError(f"the token in {TOKEN} is refused by the API (401): {message}: make another, with the scope 'global'", BAD)
        if status == 403:
            raise KitError(f"{what} is forbidden to the token in {TOKEN} (403): {message}: it needs the scope 'global', and its user "
                           "the right to make services", BAD)
        raise ApiError(status, f"{what}: {status}: {message}")

    def find(self, path):
        """As GET, but None where nothing is there."""
        try:
            return self.call("GET", path)
        except ApiError as e:
            if e.status == 404:
                return None
            raise

    def make(self, path, form, found):
        """POST that leaves one thing, however often it takes: after no answer, or where it is there already, look for it."""
        for k in range(1, TRIES + 1):
            try:
                return self.call("POST", path, form=form)
            except Uncertain as e:
                self.pause(str(e), backoff(k))
                last = e
            except ApiError as e:
                if e.status not in (400, 409, 422):
                    raise
                last = e
            there = found()
            if there is not None:
                return there
            if isinstance(last, ApiError):
                raise last
        raise KitError(f"{last}: given up after {TRIES} tries: run this again later", FAILED)


class DryApi:
    """Says each call, and answers as the API would; there is no connection in it."""
    dry = True
    retries = 0

    def __init__(self, base, out):
        self.base, self.out = base, out

    def call(self, method, path, form=None, upload=None, before=None):
        extra = f"  {urllib.parse.urlencode(form)}" if form else f"  package={upload[0]}" if upload else ""
        self.out.say(f"  {method} {path}{extra}")
        if path == "/service":
            return {"id": f"(id of {form['name']})", "versions": [{"number": 1}]}
        return [] if path == "/datacenters" else {}

    def find(self, path):
        self.call("GET", path)

    def make(self, path, form, found):
        return self.call("POST", path, form=form)


class Window:
    """At most so many calls in any hour, also over several runs: the times of the last ones are in a file."""

    def __init__(self, path, limit, clock, out, seconds=3600):
        self.path, self.limit, self.clock, self.out, self.seconds = path, limit, clock, out, seconds

    def recent(self):
        now = self.clock.time()
        return [t for t in read_json(self.path, []) if now - self.seconds < t <= now]

    def take(self):
        """Wait until one more is allowed, and write it down before it is made."""
        times = self.recent()
        if len(times) >= self.limit:
            until = sorted(times)[-self.limit] + self.seconds
            self.out.note(f"{self.limit} calls in the last hour: the next one in {until - self.clock.time():.0f} s")
            while until > self.clock.time():
                self.clock.sleep(until - self.clock.time() + 0.01)
            times = self.recent()
        write_file(self.path, json.dumps([*times, self.clock.time()]))
