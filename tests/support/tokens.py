"""Keys and tokens for tests in Python, with no more than the standard library and
openssl: HS256 by hmac, and what ./dev token makes."""
import base64
import hashlib
import hmac
import json
import os
import subprocess
import time

from stack import ROOT

ISSUER, AUDIENCE = "tests", "waybill"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A secret (HS256) under a kid."""

    def __init__(self, kid):
        self.kid, self.secret = kid, os.urandom(32)

    def jwk(self):
        return {"kty": "oct", "alg": "HS256", "use": "sig", "kid": self.kid, "k": base64url(self.secret)}

    def token(self, roles, subject="tests", header=None, **claims):
        """claims and header: on top of what a good token has; None takes a claim away."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": now + 600, "roles": roles, **claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "HS256", "typ": "JWT", "kid": self.kid, **(header or {})}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        return text + "." + base64url(hmac.new(self.secret, text.encode(), hashlib.sha256).digest())


def write_keys(path, *jwks):
    """As one should: written beside it, then renamed into its place."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"keys": list(jwks)}))
    new.replace(path)


def dev_token(run, *arguments):
    """What ./dev token prints for the stack in the directory run."""
    return subprocess.run([ROOT / "dev", "token", *arguments], env={**os.environ, "WB_STACK": run.name},
                          check=True, capture_output=True, text=True).stdout.strip()
