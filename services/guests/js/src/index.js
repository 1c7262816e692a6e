/// <reference types="@fastly/js-compute" />
// A small program for Fastly's edge, of no use but to be made multivariant: a page, hashes of what is posted, and the request's
// headers. The hashes are computed in JavaScript, so that the engine has something to run.

const BODY_MAX = 1 << 16;

// SHA-256's constants: the first 32 bits of the fractions of the cube roots, and of the square roots, of the first primes.
const primes = [];
for (let n = 2; primes.length < 64; n++)
  if (primes.every((p) => n % p !== 0)) primes.push(n);
const fraction = (x) => Math.floor((x % 1) * 2 ** 32);
const K = primes.map((p) => fraction(Math.cbrt(p)));
const START = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));

const rotr = (x, n) => (x >>> n) | (x << (32 - n));

function block(state, view, at) {
  const w = new Uint32Array(64);
  for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + 4 * i);
  for (let i = 16; i < 64; i++) {
    const s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ (w[i - 15] >>> 3);
    const s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ (w[i - 2] >>> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((x, i) => (state[i] += x));
}

function sha256(bytes) {
  const padded = new Uint8Array(((bytes.length + 72) >> 6) << 6);
  const view = new DataView(padded.buffer);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, bytes.length << 3);
  const state = new Uint32Array(START);
  for (let at = 0; at < padded.length; at += 64) block(state, view, at);
  const out = new DataView(new ArrayBuffer(32));
  state.forEach((x, i) => out.setUint32(4 * i, x));
  return new Uint8Array(out.buffer);
}

function join(a, b) {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

function hmac(key, bytes) {
  const k = new Uint8Array(64);
  k.set(key.length > 64 ? sha256(key) : key);
  return sha256(join(k.map((x) => x ^ 0x5c), sha256(join(k.map((x) => x ^ 0x36), bytes))));
}

const hex = (bytes) => Array.from(bytes, (x) => x.toString(16).padStart(2, "0")).join("");

const answer = (status, value, headers = {}) =>
  new Response(JSON.stringify(value) + "\n", { status, headers: { "content-type": "application/json", ...headers } });

const page = () =>
  new Response("<!doctype html><title>guest</title><p>POST /hash hashes its body, with ?key= also keyed; GET /headers shows yours.\n", {
    headers: { "content-type": "text/html; charset=utf-8" },
  });

async function hash(request, url) {
  const body = new Uint8Array(await request.arrayBuffer());
  if (body.length > BODY_MAX) return answer(413, { error: "at most 65536 bytes" });
  const key = new TextEncoder().encode(url.searchParams.get("key") ?? "");
  const words = new TextDecoder().decode(body).split(/\s+/).filter((word) => word !== "");
  return answer(200, { length: body.length, sha256: hex(sha256(body)), hmac: hex(hmac(key, body)), words: words.length });
}

function headers(request) {
  const lines = [...request.headers].filter(([name]) => name.startsWith("x-")).map(([name, value]) => `${name}: ${value}`).sort();
  return answer(200, lines, { "x-seen": lines.map((line, i) => `${i}-${line.length}`).join(", ") });
}

async function serve({ request }) {
  const url = new URL(request.url);
  switch (`${request.method} ${url.pathname}`) {
    case "GET /":
      return page();
    case "POST /hash":
      return hash(request, url);
    case "GET /headers":
      return headers(request);
    default:
      return answer(404, { error: `nothing is at ${request.method} ${url.pathname}` });
  }
}

addEventListener("fetch", (event) => event.respondWith(serve(event)));
