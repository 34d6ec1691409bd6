"""keys.py - RSA by hand: also the keys that no library would make or use."""
import base64
import hashlib
import random

rnd = random.Random(2)
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
SHA1 = bytes.fromhex("3021300906052b0e03021a05000414")


def der(tag, body):
    n = len(body)
    size = bytes([n]) if n < 128 else b"\x81" + bytes([n]) if n < 256 else \
        b"\x82" + n.to_bytes(2, "big")
    return bytes([tag]) + size + body


def number(n):
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def pem(name, body):
    return "-----BEGIN %s-----\n%s-----END %s-----\n" % (
        name, base64.encodebytes(body).decode(), name)


def prime(bits):
    while True:
        n = rnd.getrandbits(bits) | 3 << bits - 2 | 1
        if n % 65537 != 1 and all(pow(a, n - 1, n) == 1 for a in (2, 3, 5, 7)):
            return n


def private(p, q, e=65537, d=None):
    """In PEM."""
    d = d or pow(e, -1, (p - 1) * (q - 1))
    return pem("RSA PRIVATE KEY", der(0x30, b"".join(map(number, (
        0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))))))


def public(n, e=65537):
    """As the p= of a record."""
    key = der(0x30, number(n) + number(e))
    name = der(0x30, bytes.fromhex("06092a864886f70d010101") + b"\x05\x00")
    return base64.b64encode(der(0x30, name + der(3, b"\0" + key))).decode()


def sign(data, n, d, sha1=False):
    """RSASSA-PKCS1-v1_5 (RFC 8017, 8.2)."""
    digest = SHA1 + hashlib.sha1(data).digest() if sha1 else \
        SHA256 + hashlib.sha256(data).digest()
    size = (n.bit_length() + 7) // 8
    em = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
    return pow(int.from_bytes(em, "big"), d, n).to_bytes(size, "big")
