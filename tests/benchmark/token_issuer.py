"""An issuer of JWTs for callers of the benchmark: a key of openssl's, and its public half in a file."""

import base64
import json
import re
import subprocess
import time

ISSUER = "https://issuer.benchmark.example"
AUDIENCE = "sallyport"


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class TokenIssuer:
    def __init__(self, directory, name):
        self.key = directory / f"{name}-issuer.pem"
        self.key_set = directory / f"{name}-issuer-jwks.json"
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key],
                       check=True, capture_output=True)
        text = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True,
                              capture_output=True, text=True).stdout
        modulus = bytes.fromhex(re.fullmatch(r"Modulus=([0-9A-F]+)\s*", text).group(1))
        self.key_set.write_text(json.dumps({"keys": [
            {"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": encode(modulus), "e": "AQAB"}]}))

    def configuration(self):
        """Of the gateway's `identity.oidc`."""
        return {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks_file": str(self.key_set), "groups_claim": "groups"}

    def token(self):
        """As large as those of common providers, and valid for hours."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "load", "iat": now, "nbf": now, "exp": now + 6 * 3600,
                  "jti": "0123456789abcdef", "scope": "openid profile", "groups": [f"team-{i}" for i in range(10)]}
        signed = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "1", "typ": "JWT"}, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(), check=True,
                                   capture_output=True).stdout
        return f"{signed}.{encode(signature)}"
