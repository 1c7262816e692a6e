#!/usr/bin/env python3
"""Make the services' vectors with implementations that share no code with libsodium and libqrencode.

usage: services/vectors/generate.py [DIR]       (pip install cryptography qrcodegen)

DIR/SERVICE/CASE.in is a request. Beside it stands what must come back: CASE.out the answer, CASE.err the status and the line
of an error, or CASE.count (service `random`) how many scalars. Deterministic: the same files each time.
Encryption is OpenSSL's by way of `cryptography`, inverses are Python's integers, Base64 is Python's, QR codes are qrcodegen's.
"""
import base64
import pathlib
import sys

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from qrcodegen import QrCode, QrSegment

L = 2**252 + 27742317777372353535851937790883648493
MOST = 16384
TOO_LONG = (413, "the request is longer than 16384 bytes")


def noise(n, seed=1):
    """n bytes that look random, the same on every machine."""
    out = bytearray()
    while len(out) < n:
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(seed >> 56)
    return bytes(out)


# ---- authenticated encryption -------------------------------------------------------------------------------------

RFC_KEY = bytes(range(0x80, 0xA0))
RFC_NONCE = bytes.fromhex("070000004041424344454647")
RFC_AD = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
RFC_TEXT = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
            b"sunscreen would be it.")
RFC_MAC = bytes.fromhex("1ae10b594f09e26a7e902ecbd0600691")
SHORT_HEAD = (400, "the request is shorter than its head of 45 bytes: key 32, nonce 12, length of the ad 1")
SHORT_AD = (400, "the request ends inside its additional data")
SHORT_MAC = (400, "the request has no room for the mac of 16 bytes at its end")


def request(key, nonce, ad, rest):
    return key + nonce + bytes([len(ad)]) + ad + rest


def aead_cases():
    """(name, key, nonce, ad, message)"""
    yield "valid", RFC_KEY, RFC_NONCE, RFC_AD, RFC_TEXT
    yield "paper", RFC_KEY, RFC_AD, RFC_NONCE, b"Diversification is cool!"
    yield "empty", noise(32, 2), noise(12, 3), b"", b""
    yield "ad-only", noise(32, 4), noise(12, 5), noise(255, 6), b""
    for n in (1, 15, 16, 17, 63, 64, 65):
        yield f"message-{n}", noise(32, n), noise(12, n + 1), noise(n, n + 2), noise(n, n + 3)
    yield "largest", noise(32, 7), noise(12, 8), noise(16, 9), noise(MOST - 45 - 16, 10)


def encrypt():
    for name, key, nonce, ad, message in aead_cases():
        yield name, request(key, nonce, ad, message), ChaCha20Poly1305(key).encrypt(nonce, message, ad)
    yield "short", bytes(44), SHORT_HEAD
    yield "one-byte", b"x", SHORT_HEAD
    yield "short-ad", request(bytes(32), bytes(12), bytes(9), b"")[:-1], SHORT_AD
    yield "too-long", bytes(MOST + 1), TOO_LONG


def decrypt():
    for name, key, nonce, ad, message in aead_cases():
        if name in ("paper", "largest"):
            continue
        yield name, request(key, nonce, ad, ChaCha20Poly1305(key).encrypt(nonce, message, ad)), b"ok\n" + message
    text = noise(MOST - 45 - 16, 11)
    yield "largest", request(RFC_KEY, RFC_NONCE, b"", ChaCha20Poly1305(RFC_KEY).encrypt(RFC_NONCE, text, b"")), b"ok\n" + text

    # What the authors pass is hexadecimal digits, taken for bytes.
    yield "paper", request(b"46f0254965f769d52bdb4a70b443199f", b"ab0dca716ee0", b"91ca6c59", b"c4" + b"168310ca45b1f7c6"), \
        b"forged\n"
    whole = ChaCha20Poly1305(RFC_KEY).encrypt(RFC_NONCE, RFC_TEXT, RFC_AD)
    for name, i in ("forged-text", 0), ("forged-mac", len(whole) - 1):
        bad = bytearray(whole)
        bad[i] ^= 1
        yield name, request(RFC_KEY, RFC_NONCE, RFC_AD, bytes(bad)), b"forged\n"
    yield "forged-ad", request(RFC_KEY, RFC_NONCE, RFC_NONCE, whole), b"forged\n"
    yield "forged-nonce", request(RFC_KEY, RFC_AD, RFC_AD, whole), b"forged\n"
    yield "short", bytes(44), SHORT_HEAD
    yield "short-ad", request(bytes(32), bytes(12), bytes(9), b"")[:-1], SHORT_AD
    yield "short-mac", request(bytes(32), bytes(12), bytes(9), bytes(15)), SHORT_MAC
    yield "too-long", bytes(MOST + 1), TOO_LONG


# ---- scalars, Base64 ----------------------------------------------------------------------------------------------

def scalar(n):
    return n.to_bytes(32, "little")


def invert():
    values = {
        "valid": int.from_bytes(bytes(range(1, 32)) + b"\0", "little"), "paper": 0, "one": 1, "two": 2,
        "minus-one": L - 1, "order": L, "order-plus-one": L + 1, "largest": 2**256 - 1,
        "noise": int.from_bytes(noise(32, 12), "little"),
    }
    for name, n in values.items():
        yield name, scalar(n), scalar(pow(n, -1, L) if n % L else 0)
    wrong = (400, "the request must be a scalar: exactly 32 bytes, little-endian")
    yield "short", bytes(31), wrong
    yield "long", bytes(33), wrong
    yield "too-long", bytes(MOST + 1), TOO_LONG


def random():
    wrong = (400, "the request must be a decimal number from 1 to 256: how many scalars")
    for name, text, n in ("valid", "1", 1), ("paper", "1", 1), ("newline", "3\n", 3), ("zeros", "007", 7), ("most", "256", 256):
        yield name, text.encode(), n
    for name, text in (("zero", "0"), ("above", "257"), ("long", "1000"), ("minus", "-1"), ("word", "one"), ("line", "\n"),
                       ("lines", "1\n\n"), ("tail", "1x")):
        yield name, text.encode(), wrong
    yield "too-long", b"1" * (MOST + 1), TOO_LONG


def bin2base64():
    def case(name, data):
        return name, data, base64.urlsafe_b64encode(data).rstrip(b"=")

    yield case("valid", b"Hello, many worlds!!")
    yield case("paper", b"HelloWorld!" + bytes(9))
    for n in 1, 2, 3, 4:
        yield case(f"length-{n}", b"\xff" * n)
    yield case("every-byte", bytes(range(256)))
    yield case("alphabet", base64.urlsafe_b64decode(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
    yield case("largest", noise(MOST, 13))
    yield "too-long", bytes(MOST + 1), TOO_LONG


# ---- QR codes -----------------------------------------------------------------------------------------------------

NOT_UTF8 = (400, "the text is not UTF-8")
NUL = (400, "the text has a NUL byte")
TOO_MUCH = (413, "the text is longer than a QR code of level M holds")


def qr_cases(mark):
    """mark makes the answer out of a qrcodegen code.

    The standard has an encoder take the mask with the lowest penalty, but programs count penalties differently where a run
    meets the border, and any mask is a good code. So a mask is named where the two choose differently; every module is
    compared then all the same."""
    def case(name, text, segment=None, mask=-1):
        segments = [segment or QrSegment.make_bytes(text.encode())]
        return name, text.encode(), mark(QrCode.encode_segments(segments, QrCode.Ecc.MEDIUM, mask=mask, boostecl=False))

    yield case("valid", "Hello world form MEWE !")
    yield case("paper", "Hello world form MEWE !")
    yield case("one-byte", "a", mask=4)
    yield case("utf-8", "Grüße, 世界")
    yield case("edges-of-utf-8", "\x01\x7f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff", mask=3)
    yield case("digits", "12345678901234567890", QrSegment.make_numeric("12345678901234567890"), mask=4)
    yield case("capitals", "HELLO WORLD", QrSegment.make_alphanumeric("HELLO WORLD"))
    yield case("500-bytes", "x" * 500)
    yield case("largest-bytes", "y" * 2331)
    yield case("largest-digits", "3" * 5596, QrSegment.make_numeric("3" * 5596))
    yield "too-many-bytes", b"y" * 2332, TOO_MUCH
    yield "too-many-digits", b"3" * 5597, TOO_MUCH
    yield "too-long", b"y" * (MOST + 1), TOO_LONG
    yield "nul", b"ab\0cd", NUL
    for name, text in (("lone-continuation", b"a\x80"), ("overlong-2", b"\xc1\xbf"), ("overlong-3", b"\xe0\x9f\xbf"),
                       ("overlong-4", b"\xf0\x8f\xbf\xbf"), ("surrogate", b"\xed\xa0\x80"), ("above", b"\xf4\x90\x80\x80"),
                       ("never", b"\xff"), ("cut-2", b"\xc3"), ("cut-3", b"\xe4\xb8"), ("cut-4", b"\xf0\x9f\x98"),
                       ("wrong-third", b"\xe4\xb8a")):
        yield name, text, NOT_UTF8


def rows(code):
    size = code.get_size()
    return [[code.get_module(x, y) for x in range(size)] for y in range(size)]


def qr_str():
    def line(row):
        return "".join("██" if dark else "  " for dark in row) + "\n"

    return qr_cases(lambda code: "".join(map(line, rows(code))).encode())


def qr_image():
    return qr_cases(lambda code: b"".join(bytes(0 if dark else 255 for dark in row) for row in rows(code)))


# ---- files --------------------------------------------------------------------------------------------------------

def write(folder, cases):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    cases = list(cases)
    default = ("default", b"", cases[0][2])  # an empty request is answered as the first case, `valid`, is
    for name, text, answer in [default] + cases:
        assert not (folder / f"{name}.in").exists(), f"{folder.name}: two cases called {name}"
        (folder / f"{name}.in").write_bytes(text)
        if isinstance(answer, tuple):
            (folder / f"{name}.err").write_text("%d %s\n" % answer)
        elif isinstance(answer, int):
            (folder / f"{name}.count").write_text(f"{answer}\n")
        else:
            (folder / f"{name}.out").write_bytes(answer)


def main():
    # The one vector that comes from no program: RFC 8439, 2.8.2.
    assert ChaCha20Poly1305(RFC_KEY).encrypt(RFC_NONCE, RFC_TEXT, RFC_AD)[-16:] == RFC_MAC
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    for service in encrypt, decrypt, random, invert, bin2base64, qr_str, qr_image:
        write(folder / service.__name__, service())


if __name__ == "__main__":
    main()
