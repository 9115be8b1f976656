"""A service whose users sign in at Latchkey. It refuses a revoked token within a second.

    LATCHKEY_CLIENT_ID=… LATCHKEY_CLIENT_SECRET=… /usr/bin/python3 service.py
"""
import json
import os
import re
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from latchkey import Refused, Verifier

BEARER = re.compile(r"Bearer ([\w.~+/-]+=*)", re.ASCII | re.IGNORECASE)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        # For a load balancer: whether this service can verify tokens now.
        if self.path == "/ready":
            state = "fresh" if verifier.is_fresh() else "stale" if verifier.last_event_id else "starting"
            self.answer(200 if state == "fresh" else 503, {"mode": "following", "state": state})
        # For signed-in users. The id of the user is what your tables refer to.
        elif self.path == "/me":
            if claims := self.authenticate():
                self.answer(200, {"user": claims["sub"], "session": claims["sid"], "roles": claims["roles"]})
        # For users with the role.
        elif self.path == "/reports":
            if claims := self.authenticate():
                if "accountant" not in claims["roles"]:
                    return self.answer(403, {"code": "insufficient_role"})
                self.answer(200, {"reports": []})
        else:
            self.answer(404, {"code": "not_found"})

    def do_POST(self):
        # For users who signed in within the last five minutes. Others must sign in again (RFC 9470).
        if self.path != "/payments":
            return self.answer(404, {"code": "not_found"})
        if claims := self.authenticate():
            # By Latchkey's clock: that of this machine may be wrong.
            if claims["auth_time"] + 300 < time.monotonic() + verifier.clock_offset:
                code = "insufficient_user_authentication"
                return self.answer(401, {"code": code}, challenge(code, ', max_age="300"'))
            self.answer(201, {"payer": claims["sub"]})

    def authenticate(self):
        """Returns the claims of the token, or None if the request is refused, which is answered then."""
        try:
            bearer = BEARER.fullmatch(self.headers.get("Authorization", ""))
            if not bearer:
                raise Refused(401, "authentication_required")
            return verifier.verify(bearer[1])
        except Refused as refused:
            status, code = refused.args
            error = None if code == "authentication_required" else "invalid_token"
            self.answer(status, {"code": code}, challenge(error) if status == 401 else ("Retry-After", "5"))

    def answer(self, status, body, *headers):
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (*headers, ("Content-Type", "application/json"), ("Content-Length", len(content))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def challenge(error, more=""):
    return ("WWW-Authenticate", f'Bearer error="{error}"{more}' if error else "Bearer")


def stop(*_):
    verifier.report(closing=True)
    sys.exit()


env = os.environ
if not (env.get("LATCHKEY_CLIENT_ID") and env.get("LATCHKEY_CLIENT_SECRET")):
    sys.exit("Set LATCHKEY_CLIENT_ID and LATCHKEY_CLIENT_SECRET: a client with the scope revocations.")
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
