#!/usr/bin/python3
"""Makes tokens.txt: tokens signed by openssl's command line with the keys here, one of each method,
for "alice" at revision 7 until the year 2100. The tests verify them; they are never made again."""

import base64
import hashlib
import hmac
import json
import subprocess


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, data):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def raw(der, half):
    """The two numbers of a DER signature after each other."""
    at, out = 2 if der[1] < 0x80 else 3, b""
    for _ in range(2):
        size = der[at + 1]
        out += int.from_bytes(der[at + 2:at + 2 + size], "big").to_bytes(half, "big")
        at += 2 + size
    return out


def sign(method, text):
    kind, bits = method[:2], method[2:]
    if kind == "HS":
        return hmac.new(open("hmac.key", "rb").read(), text, getattr(hashlib, f"sha{bits}")).digest()
    if kind == "RS":
        return openssl("dgst", f"-sha{bits}", "-sign", "rsa.pem", data=text)
    if kind == "PS":
        return openssl("dgst", f"-sha{bits}", "-sign", "rsa.pem", "-sigopt",
                       "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1", data=text)
    if kind == "ES":
        der = openssl("dgst", f"-sha{bits}", "-sign", f"ec{bits}.pem", data=text)
        return raw(der, {"256": 32, "384": 48, "512": 66}[bits])
    with open("/tmp/text", "wb") as out:
        out.write(text)
    return openssl("pkeyutl", "-sign", "-inkey", "ed.pem", "-rawin", "-in", "/tmp/text", data=b"")


with open("tokens.txt", "w", encoding="ascii") as out:
    for method in [f"{kind}{bits}" for kind in ("HS", "RS", "PS", "ES") for bits in (256, 384, 512)] + ["EdDSA"]:
        head = b64(json.dumps({"typ": "JWT", "alg": method}).encode())
        body = b64(json.dumps({"username": "alice", "revision": 7, "exp": 4102444800}).encode())
        text = f"{head}.{body}"
        print(method, f"{text}.{b64(sign(method, text.encode()))}", file=out)
