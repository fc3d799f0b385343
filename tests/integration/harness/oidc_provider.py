"""A real OpenID provider (npm's oidc-provider) that tests can rotate the keys of, and have misbehave."""

import base64
import json
import pathlib
import urllib.parse
import urllib.request

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "oidc"
CLIENT_ID = "reporter"
CLIENT_SECRET = "reporter-secret"


class OidcProvider:
    """Its packages are installed by tests/install_node_packages.sh; oidc/provider.js says what it understands."""

    def __init__(self, programs):
        self.program = programs.start("OpenID provider", ["node", FOLDER / "provider.js"])
        self.issuer = self.program.wait_for_line(r"^issuer (\S+)$", seconds=60).group(1)
        self._control = self.program.wait_for_line(r"^control (\S+)$").group(1)

    def token(self, algorithm="ES256", audience="sallyport", seconds=600):
        """An access token, by client credentials."""
        form = {"grant_type": "client_credentials", "resource": f"https://{audience}/{algorithm}/{seconds}"}
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        request = urllib.request.Request(
            self.issuer + "/token", urllib.parse.urlencode(form).encode(), {"Authorization": "Basic " + basic})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["access_token"]

    def rotate(self, keep):
        """New keys sign from now on; the old ones stay published if they are kept."""
        self._post("/rotate?keep=" + ("1" if keep else "0"))

    def become(self, mode):
        """"good", "away", "nonsense" or "slow"."""
        self._post("/mode?is=" + mode)

    def wait_until_it_holds(self, path):
        """Until a request for a path waits for a provider that is slow."""
        self.program.wait_for_line(f"^held {path}$")

    def asked(self, path):
        """How often the issuer was asked for a path, such as "/jwks"."""
        with urllib.request.urlopen(self._control + "/requests", timeout=20) as answer:
            return json.load(answer).get(path, 0)

    def _post(self, path):
        urllib.request.urlopen(urllib.request.Request(self._control + path, b""), timeout=20).close()
