"""Handlers in the technique that the providers' guides show.

Settings and the ready line are those of handler.py; in place of FLAW there is
  GUIDE  flask (SelfMX: compare_digest with a header that may be absent),
         library (AhaSend: the library `standardwebhooks`, of which only its own error is caught)
Neither looks for duplicates, because the guides do not. Flask is not needed: its part is played by http.server.
"""

import hashlib
import hmac
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SETTINGS = {**os.environ, **dict(argument.split("=", 1) for argument in sys.argv[1:])}
GUIDE = SETTINGS.get("GUIDE")
SECRET = SETTINGS["WHK_SECRET"]
EFFECTS_FILE = SETTINGS.get("EFFECTS_FILE")

if (GUIDE, SETTINGS.get("PROVIDER")) not in [("flask", "selfmx"), ("library", "ahasend")]:
    print(f"error: no guide of {SETTINGS.get('PROVIDER')} is named {GUIDE}", file=sys.stderr)
    sys.exit(2)
if GUIDE == "library":
    from standardwebhooks import Webhook, WebhookVerificationError

    WEBHOOK = Webhook(SECRET.encode())

LOCK = threading.Lock()
EFFECTS = {"count": int(Path(EFFECTS_FILE).read_text("ascii")) if EFFECTS_FILE and Path(EFFECTS_FILE).exists() else 0}


def take_effect(by):
    with LOCK:
        EFFECTS["count"] += by
        if EFFECTS_FILE:
            Path(f"{EFFECTS_FILE}.new").write_text(f"{EFFECTS['count']}\n", "ascii")
            os.replace(f"{EFFECTS_FILE}.new", EFFECTS_FILE)


take_effect(0)


def flask(headers, body):
    payload = body.decode("utf-8", "replace")
    expected = "sha256=" + hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    signatures = headers.get_all("x-webhook-signature")
    signature = signatures and ",".join(value.strip() for value in signatures)
    # TypeError, and so 500, for a header that is absent or not ASCII.
    if not hmac.compare_digest(expected, signature):
        return 401
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        return 415
    try:
        event = json.loads(body)
    except ValueError:
        return 400
    str(event["type"])
    take_effect(1)
    return 200


def library(headers, body):
    try:
        WEBHOOK.verify(body, {name: value.strip() for name, value in headers.items()})
    except WebhookVerificationError:
        return 400
    take_effect(1)
    return 200


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Buffered, so that head and body leave in one segment and no delayed ACK delays the response.
    wbufsize = -1
    timeout = 30

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.handle_method
        raise AttributeError(name)

    def handle_expect_100(self):
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def handle_method(self):
        body = self.read_body()
        if body is None:
            self.close_connection = True
            return
        if self.command != "POST":
            return self.respond(405)
        try:
            self.respond((flask if GUIDE == "flask" else library)(self.headers, body))
        except Exception:
            self.respond(500)

    def read_body(self):
        """Returns the body, or None if the sender stopped in the middle."""
        if self.headers.get("transfer-encoding", "").strip().lower() == "chunked":
            chunks = []
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(chunks)
        length = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def respond(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Keeps stderr for what goes wrong."""


class Server(ThreadingHTTPServer):
    # The default of 5 drops connections when a test sends concurrently.
    request_queue_size = 511

    def handle_error(self, request, client_address):
        """Keeps quiet: a sender that goes away is no error of the handler."""


SERVER = Server(("127.0.0.1", int(SETTINGS.get("PORT", "0"))), Handler)
if SETTINGS.get("STOP_WITH_STDIN"):
    threading.Thread(target=SERVER.serve_forever, daemon=True).start()
    print(f"listening on {SERVER.server_port}", flush=True)
    sys.stdin.buffer.read()
else:
    print(f"listening on {SERVER.server_port}", flush=True)
    SERVER.serve_forever()
