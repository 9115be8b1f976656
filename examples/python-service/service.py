"""A service with a route, `/me`, whose users sign in at Latchkey. `/ready` is for probes.

    LATCHKEY_CLIENT_ID=… LATCHKEY_CLIENT_SECRET=… /usr/bin/python3 service.py
"""
import json
import os
import re
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from latchkey import Refused, Verifier

BEARER = re.compile(r"Bearer ([\w.~+/-]+=*)", re.ASCII | re.IGNORECASE)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/ready":
            return self.answer(200 if verifier.is_fresh() else 503, {"revocations": len(verifier.entries)})
        try:
            bearer = BEARER.fullmatch(self.headers.get("Authorization", ""))
            if not bearer:
                raise Refused(401, "authentication_required")
            claims = verifier.verify(bearer[1])
            self.answer(200, {"user": claims["sub"], "session": claims["sid"], "roles": claims["roles"]})
        except Refused as refused:
            status, code = refused.args
            error = "" if code == "authentication_required" else ' error="invalid_token"'
            header = {401: ("WWW-Authenticate", "Bearer" + error), 503: ("Retry-After", "5")}[status]
            self.answer(status, {"code": code}, header)

    def answer(self, status, body, *headers):
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (*headers, ("Content-Type", "application/json"), ("Content-Length", len(content))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def stop(*_):
    verifier.report(closing=True)
    sys.exit()


env = os.environ
verifier = Verifier(
    env.get("LATCHKEY_ISSUER", "http://localhost:3000"),
    env["LATCHKEY_CLIENT_ID"],
    env["LATCHKEY_CLIENT_SECRET"],
    name=env.get("SERVICE_NAME", "python-service"),
    url=env.get("LATCHKEY_URL"),
    audience=env.get("LATCHKEY_AUDIENCE"),
    max_staleness=int(env.get("MAX_STALENESS", "60")),
)
signal.signal(signal.SIGTERM, stop)
server = ThreadingHTTPServer(("127.0.0.1", int(env.get("PORT", "3004"))), Handler)
print(f"ready at http://localhost:{server.server_port}", flush=True)
server.serve_forever()
