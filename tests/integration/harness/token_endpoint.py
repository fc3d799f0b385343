"""An OAuth 2.0 token endpoint that does as the test says."""

import base64
import http.server
import json
import threading
import urllib.parse


class TokenEndpoint:
    """Gives out tokens for client credentials and for exchanges. `mode` is "good", or how it fails: "refuse" (as a
    provider that repeats in its error all it was told), "nonsense" or "huge"."""

    def __init__(self, client_id, client_secret, token):
        """`token` makes a token of the grant type and of the form's fields."""
        self.client_id, self.client_secret = client_id, client_secret
        self.mode = "good"
        self.forms = []
        self._token = token
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, answer = endpoint.answer(body, self.headers.get("Authorization", ""))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                try:
                    self.wfile.write(answer)
                except ConnectionError:
                    self.close_connection = True  # it was more than the other side wanted to read

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, body, authorization):
        form = dict(urllib.parse.parse_qsl(body))
        self.forms.append(form)
        expected = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if authorization != f"Basic {expected}":
            return 401, b'{"error":"invalid_client"}'
        if self.mode == "refuse":
            repeated = f"{self.client_secret} {body} {authorization}"
            return 400, json.dumps({"error": repeated, "error_description": repeated}).encode()
        if self.mode == "nonsense":
            return 200, f'{{"access_token": "{self.client_secret}\\r\\nx-admin: 1", "token_type": "Bearer"}}'.encode()
        if self.mode == "huge":
            return 200, self.client_secret.encode() * 1_000_000
        token = self._token(form["grant_type"], form)
        return 200, json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600}).encode()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
