import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# The secret from `latchkey webhooks create`.
KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
# A real receiver keeps the ids in its database, in the transaction of what it does.
seen = set()
MAX_BYTES = 100_000


def verify(headers, body):
    """Whether the message is from Latchkey, and not older than five minutes (Standard Webhooks 1.0)."""
    id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > 300:
        return False
    digest = hmac.new(KEY, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    signatures = headers.get("webhook-signature", "").encode().split()
    return any(hmac.compare_digest(expected, signature) for signature in signatures)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            return self.answer(413)
        # The bytes as they came: JSON that was read and written again has another signature.
        body = self.rfile.read(int(length))
        if not verify(self.headers, body):
            return self.answer(401)
        id, message = self.headers["webhook-id"], json.loads(body)
        if id not in seen:
            print(json.dumps({"id": id, "type": message["type"], "user": message["data"]["user_id"]}), flush=True)
            seen.add(id)
        # Only now: from here on Latchkey does not send it again.
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3010"))), Receiver)
print(f"ready at http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
