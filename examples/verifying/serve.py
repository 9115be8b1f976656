"""A service with one route, which verifies tokens in one of the ways of this folder.

    PORT=3007 /usr/bin/python3 serve.py with_pyjwt
"""
import importlib
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from answers import Refused, bearer_token

verify_access_token = importlib.import_module((sys.argv[1:] or ["with_pyjwt"])[0]).verify_access_token


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            claims = verify_access_token(bearer_token(self.headers["Authorization"]))
            self.answer(200, {"user": claims["sub"], "session": claims["sid"], "roles": claims["roles"]})
        except Refused as refused:
            if refused.reason:
                # For the operator. The client learns only the code.
                print(f"refused: {refused.code}: {refused.reason}", file=sys.stderr)
            self.answer(refused.status, {"code": refused.code}, refused.headers())

    def answer(self, status, body, headers={}):
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(content), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """No line for each request."""


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3007"))), Handler)
print(f"ready at http://localhost:{server.server_port}", flush=True)
server.serve_forever()
