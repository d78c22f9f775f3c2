"""Verifies our tokens with PyJWT, or issues tokens with it for us.

    check.py algorithms ALG...    prints those that PyJWT has
    check.py keys ALG             writes `private.pem` and `public.pem` into the folder KEYS
    check.py accept|issue ALG     with the keys in the folder KEYS, or with JWT_SECRET
"""

import json
import os
import sys
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUER = "https://auth.shop.example"
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
KEYS = os.environ.get("KEYS")


def key(half):
    if not KEYS:
        return os.environ["JWT_SECRET"].encode()
    pem = Path(KEYS, f"{half}.pem")
    if pem.exists():
        return pem.read_bytes()
    return jwt.PyJWKSet.from_json(Path(KEYS, f"{half}.json").read_text()).keys[0]


def algorithms(*names):
    known = jwt.algorithms.get_default_algorithms()
    print(*(name for name in names if name in known), sep="\n")


def write_keys(alg):
    if alg in CURVES:
        private = ec.generate_private_key(CURVES[alg])
    elif alg in ("EdDSA", "Ed25519"):
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = rsa.generate_private_key(65537, 2048)
    pem = serialization.Encoding.PEM
    pkcs8 = serialization.PrivateFormat.PKCS8
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    secret = private.private_bytes(pem, pkcs8, serialization.NoEncryption())
    Path(KEYS, "private.pem").write_bytes(secret)
    Path(KEYS, "public.pem").write_bytes(private.public_key().public_bytes(pem, spki))


def accept(alg):
    token = sys.stdin.read().strip()
    claims = jwt.decode(
        token, key("public"), algorithms=[alg], audience="cart", issuer=ISSUER, leeway=0,
        options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
    )
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    for name in ("iat", "exp"):
        assert isinstance(claims[name], int), claims
    signed, signature = token.rsplit(".", 1)
    forged = f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    try:
        jwt.decode(forged, key("public"), algorithms=[alg], audience="cart")
    except jwt.InvalidSignatureError:
        print(json.dumps(claims))
        return
    raise SystemExit("a forged token was accepted")


def issue(alg):
    now = int(time.time())
    claims = {
        "iss": ISSUER, "sub": "zoë", "aud": ["cart", "mail"], "iat": now, "exp": now + 60,
        "scope": "cart:read", "nested": {"a": [1, 2.5, None]},
    }
    print(jwt.encode(claims, key("private"), algorithm=alg, headers={"typ": "at+jwt"}))


commands = {"algorithms": algorithms, "keys": write_keys, "accept": accept, "issue": issue}
commands[sys.argv[1]](*sys.argv[2:])
