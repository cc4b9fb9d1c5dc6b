"""A receiver as the guides tell people to write it: the published library over the raw body.

WEBHOOK_SECRET is the secret, WEBHOOK_FORMAT=raw takes it as the key itself. The first line of
stdout is {"port":N}; the process ends when stdin closes, so a killed test leaves no orphan.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

SECRET = os.environ["WEBHOOK_SECRET"]
WEBHOOK = Webhook(SECRET.encode() if os.environ.get("WEBHOOK_FORMAT") == "raw" else SECRET)


def answer(headers, body):
    try:
        # A good signature over a body that is not JSON is still a good signature.
        WEBHOOK.verify(body, headers, json_parse=False)
    except UnicodeDecodeError:
        # The library decodes the body before it checks anything.
        return 422, b"not UTF-8"
    except (WebhookVerificationError, ValueError):
        # It raises a bare ValueError for a signature list that it cannot split or decode.
        return 400, b"Invalid signature"
    return 200, b"OK"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Buffered, so that head and body leave in one segment and no delayed ACK holds up the answer.
    wbufsize = -1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status, text = answer(dict(self.headers), body)
        self.send_response(status)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Keeps stderr for what goes wrong."""


class Server(ThreadingHTTPServer):
    # The default of 5 drops connections when a test sends concurrently.
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"port": server.server_port}), flush=True)
sys.stdin.buffer.read()
