"""Verifies our tokens with PyJWT, or issues tokens with it for us: `check.py accept|issue ALG`."""

import json
import os
import sys
import time

import jwt

ISSUER = "https://auth.shop.example"
SECRET = os.environ["JWT_SECRET"].encode()


def accept(alg):
    token = sys.stdin.read().strip()
    claims = jwt.decode(
        token, SECRET, algorithms=[alg], audience="cart", issuer=ISSUER, leeway=0,
        options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
    )
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    for name in ("iat", "exp"):
        assert isinstance(claims[name], int), claims
    forged = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    try:
        jwt.decode(forged, SECRET, algorithms=[alg], audience="cart")
    except jwt.InvalidSignatureError:
        return json.dumps(claims)
    raise SystemExit("a forged token was accepted")


def issue(alg):
    now = int(time.time())
    claims = {
        "iss": ISSUER, "sub": "zoë", "aud": ["cart", "mail"], "iat": now, "exp": now + 60,
        "scope": "cart:read", "nested": {"a": [1, 2.5, None]},
    }
    return jwt.encode(claims, SECRET, algorithm=alg)


print({"accept": accept, "issue": issue}[sys.argv[1]](sys.argv[2]))
