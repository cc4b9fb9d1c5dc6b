"""A receiver as SelfMX's page on webhooks and AISend's article tell people to write it.

The signature is checked over the bytes as they came, in constant time; the requests have no time
to check. WEBHOOK_SECRET is the secret, PROVIDER one of `selfmx` and `aisend`. The first line of
stdout is {"port":N}; the process ends when stdin closes, so a killed test leaves no orphan.
"""

import hashlib
import hmac
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["WEBHOOK_SECRET"]
PREFIX = {"selfmx": "sha256=", "aisend": ""}[os.environ["PROVIDER"]]


def is_genuine(body, signature):
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    # Bytes, because compare_digest refuses a text that is not ASCII.
    return hmac.compare_digest((PREFIX + digest).encode(), signature.encode())


def answer(headers, body):
    if not is_genuine(body, headers.get("x-webhook-signature", "")):
        return 401, {"error": "Invalid signature"}
    return 200, {"received": True}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Buffered, so that head and body leave in one segment and no delayed ACK holds up the answer.
    wbufsize = -1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status, value = answer(self.headers, body)
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Keeps stderr for what goes wrong."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"port": server.server_port}), flush=True)
sys.stdin.buffer.read()
