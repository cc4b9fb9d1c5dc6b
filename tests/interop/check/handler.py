"""A webhook handler that is correct, or has one flaw, for `whk check` to find out.

Settings come from the environment or, as NAME=VALUE, from the arguments, which win:
  PROVIDER      ahasend, aisend, autosend, selfmx or standard
  FLAW          one name of flaws.json, or `none` (default)
  PORT          on 127.0.0.1; 0 (default) picks one
  WHK_SECRET    the secret, or several separated by spaces
  EFFECTS_FILE  holds the number of events that have taken effect, replaced in one step
  ID_STORE      holds the ids of those events, so that a restart does not forget them
  STOP_WITH_STDIN=1  ends the process when stdin closes, so that a killed test leaves no orphan
The first line of stdout is `listening on PORT`.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import sys
import threading
import time
import traceback
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SETTINGS = {**os.environ, **dict(argument.split("=", 1) for argument in sys.argv[1:])}
PROVIDER = SETTINGS.get("PROVIDER", "ahasend")
FLAW = SETTINGS.get("FLAW", "none")
EFFECTS_FILE = SETTINGS.get("EFFECTS_FILE")
ID_STORE = SETTINGS.get("ID_STORE")


def stop(message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


if FLAW != "none":
    flaws = json.loads(Path(__file__).with_name("flaws.json").read_text("utf-8"))["flaws"]
    known = next((flaw for flaw in flaws if flaw["name"] == FLAW), None)
    if known is None or "python" not in known["languages"]:
        stop(f"no flaw of this handler is named {FLAW}")
    if PROVIDER not in known["providers"]:
        stop(f"{FLAW} is no flaw of a handler for {PROVIDER}")


def has(name):
    return FLAW == name


STANDARD = {
    "id": "webhook-id",
    "timestamp": {"header": "webhook-timestamp", "per_second": 1, "old": 300, "ahead": 300},
    "signature": {"header": "webhook-signature", "prefix": "v1,", "list": True},
    "rejected": 400,
}
OVER_BODY = {
    "signature": {"header": "x-webhook-signature", "prefix": "", "list": False},
    "rejected": 401,
}
SCHEMES = {
    "ahasend": STANDARD,
    "standard": STANDARD,
    "aisend": OVER_BODY,
    # The time and the delivery id are not signed, so an event is known by its body, which a retry does not change.
    "autosend": {
        **OVER_BODY,
        "timestamp": {"header": "x-webhook-timestamp", "per_second": 1000, "old": 300, "ahead": 60},
        "known_by_body": True,
    },
    "selfmx": {**OVER_BODY, "signature": {**OVER_BODY["signature"], "prefix": "sha256="}},
}
if PROVIDER not in SCHEMES:
    stop(f"no handler for {PROVIDER} is written here")
SCHEME = SCHEMES[PROVIDER]
SIGNATURE = SCHEME["signature"]
TIMESTAMP = SCHEME.get("timestamp")


def as_base64(secret):
    return base64.b64decode(secret.removeprefix("whsec_") + "==")


read_key = as_base64 if (PROVIDER == "standard") != has("wrong-secret-reading") else str.encode


def read_keys():
    secrets = SETTINGS.get("WHK_SECRET", "").split()
    if not secrets:
        if has("empty-key-when-unset"):
            return [b""]
        stop("WHK_SECRET is not set")
    if has("first-secret-only"):
        secrets = secrets[:1]
    keys = [read_key(secret) for secret in secrets]
    if has("any-secret-reading"):
        keys += [secret.encode() for secret in secrets]
    if has("empty-key-accepted"):
        keys.append(b"")
    if has("fallback-key"):
        keys.append(b"secret")
    return keys


KEYS = read_keys()
MEBIBYTE = 1024 * 1024
BODY_LIMIT = 100 * 1024 if has("limit-100kb") else 2 * MEBIBYTE


class Ledger:
    """The events that have taken effect. Its methods are called with the lock held."""

    def __init__(self):
        self.lock = threading.RLock()
        self.keeps = ID_STORE and not has("ids-in-memory")
        self.ids = set()
        if self.keeps and Path(ID_STORE).exists():
            self.ids.update(Path(ID_STORE).read_text("ascii").split())
        self.effects = 0
        if EFFECTS_FILE:
            if Path(EFFECTS_FILE).exists():
                self.effects = int(Path(EFFECTS_FILE).read_text("ascii"))
            else:
                self.write()

    def keep(self, key):
        if self.keeps:
            with open(ID_STORE, "a", encoding="ascii") as file:
                file.write(f"{key}\n")

    def write(self):
        if EFFECTS_FILE:
            Path(f"{EFFECTS_FILE}.new").write_text(f"{self.effects}\n", "ascii")
            os.replace(f"{EFFECTS_FILE}.new", EFFECTS_FILE)

    def take_effect(self):
        self.effects += 1
        self.write()


LEDGER = Ledger()
STATE = {"in_flight": 0, "slow_responses": 0, "verified": set(), "begun": set(), "expected": ""}
ONE_AT_A_TIME = threading.Lock()


class Status(Exception):
    """A response that ends the request."""

    def __init__(self, status, value):
        super().__init__(value.get("error"))
        self.status = status
        self.value = value


def reject(reason):
    return Status(SCHEME["rejected"], {"error": reason})


def read_headers(message):
    """Returns the values of each header, under its lower-case name."""
    headers = {}
    for name, value in message.items():
        name = name if has("case-sensitive-headers") else name.lower()
        # The parser of the standard library keeps the space after a value.
        value = value if has("untrimmed-headers") else value.strip(" \t")
        headers.setdefault(name, []).append(value)
    return headers


def single(headers, name):
    values = headers.get(name, [])
    is_signature = name == SIGNATURE["header"]
    if not values and has("crash-missing-signature" if is_signature else "crash-missing-header"):
        raise KeyError(name)
    if len(values) > 1 and is_signature and has("repeated-signature-crash"):
        raise AttributeError("'list' object has no attribute 'split'")
    if len(values) > 1 and has("last-time-checked") and TIMESTAMP and name == TIMESTAMP["header"]:
        return values[0]
    if len(values) > 1:
        raise reject(f"More than one {name}")
    if not values or not values[0]:
        raise reject(f"Missing {name}")
    if values[0] != values[0].strip():
        raise reject(f"Malformed {name}")
    return values[0]


def check_time(text):
    if has("no-timestamp-check"):
        return
    oldest, newest = TIMESTAMP["old"], TIMESTAMP["ahead"]
    if has("nan-time"):
        try:
            age = time.time() - float(text)
        except ValueError:
            raise reject("Malformed timestamp") from None
        if age > oldest or age < -newest:
            raise reject("Timestamp outside the tolerance")
        return
    if has("time-parse-throws"):
        int(text)
    if has("time-overflow"):
        try:
            datetime.fromtimestamp(int(text), tz=timezone.utc)
        except ValueError:
            raise reject("Malformed timestamp") from None
    if not re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
        if not (has("old-only") and re.fullmatch(r"[0-9]+", text, re.ASCII)):
            raise reject("Malformed timestamp")
    sent = int(text) / TIMESTAMP["per_second"]
    if has("milliseconds-accepted") and len(text) >= 13:
        sent /= 1000
    age = time.time() - sent
    if has("day-of-tolerance"):
        oldest = newest = 24 * 60 * 60
    if has("wide-tolerance"):
        oldest = 450
    if has("narrow-tolerance"):
        oldest = newest = 60
    if age > oldest or (age < -newest and not has("old-only")):
        raise reject("Timestamp outside the tolerance")


def mac(key, content, algorithm="sha256"):
    digest = hmac.new(key, content, algorithm)
    return base64.b64encode(digest.digest()).decode() if SIGNATURE["list"] else digest.hexdigest()


def is_equal(received, expected):
    if has("hex-decode-throws"):
        return len(received) == 64 and hmac.compare_digest(bytes.fromhex(received), bytes.fromhex(expected))
    if has("text-compared"):
        return hmac.compare_digest(received, expected)
    if has("prefix-compared"):
        whole = re.fullmatch(r"[\w+/=]+", received, re.ASCII) and len(received) == len(expected)
        return bool(whole) and received[:12] == expected[:12]
    if has("as-long-as-received"):
        return expected.startswith(received)
    # Bytes, because compare_digest rejects a text that is not ASCII.
    return hmac.compare_digest(received.encode(), expected.encode())


def read_signatures(text):
    """Returns the signatures in the header that could be right."""
    prefix = SIGNATURE["prefix"]
    items = [item for item in text.split(" ") if item] if SIGNATURE["list"] else [text]
    if has("first-of-list"):
        items = items[:1]
    if has("whole-header-compared"):
        items = [text]
    if has("any-version"):
        return [item.rpartition(",")[2] for item in items]
    return [item.removeprefix(prefix) for item in items if item.startswith(prefix)]


def signed_body(body):
    """Returns what stands in for the body where it is signed."""
    if has("string-chunks"):
        return "".join(chunk.decode("utf-8", "replace") for chunk in body.chunks).encode()
    if has("no-emoji"):
        return re.sub("[\U00010000-\U0010ffff]", "?", body.whole.decode("utf-8", "replace")).encode()
    if has("parsed-body"):
        try:
            value = json.loads(body.whole)
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
        except (ValueError, RecursionError):
            raise Status(400, {"error": "Invalid JSON"}) from None
    return body.whole


def is_signed(event_id, timestamp, signatures, body):
    covered = signed_body(body)

    def over(stamp):
        if "id" not in SCHEME:
            return covered
        return b".".join([event_id.encode("latin-1"), stamp.encode("latin-1"), covered])

    def matches(content, algorithm="sha256"):
        for key in KEYS:
            expected = STATE["expected"] = mac(key, content, algorithm)
            if any(is_equal(signature, expected) for signature in signatures):
                return True
        return False

    if matches(over(timestamp)):
        return True
    if has("sha1-accepted") and matches(over(timestamp), "sha1"):
        return True
    if has("body-only-accepted") and matches(covered):
        return True
    if has("time-not-covered") and len(signatures) == 1:
        now = int(time.time())
        return any(matches(over(str(now - ago))) for ago in range(-60, 3600))
    return False


def verify(headers, body):
    """Raises if the request is not the provider's. Returns the id of the event, if the scheme signs one."""
    if has("missing-signature-accepted") and SIGNATURE["header"] not in headers:
        return headers.get(SCHEME.get("id"), [None])[0]
    text = single(headers, SIGNATURE["header"])
    event_id = single(headers, SCHEME["id"]) if "id" in SCHEME else None
    timestamp = None
    if TIMESTAMP:
        timestamp = single(headers, TIMESTAMP["header"])
        check_time(headers[TIMESTAMP["header"]][-1] if has("last-time-checked") else timestamp)
    if has("signature-cache") and text in STATE["verified"]:
        return event_id
    if not is_signed(event_id, timestamp, read_signatures(text), body):
        error = reject("Invalid signature")
        if has("prints-expected-signature"):
            error.value["expected"] = STATE["expected"]
        if has("prints-stack"):
            error.value["stack"] = "Traceback (most recent call last):\n" + "".join(traceback.format_stack())
        if has("prints-secret"):
            error.value["error"] += f" (secret {SETTINGS['WHK_SECRET']})"
        raise error
    STATE["verified"].add(text)
    return event_id


KNOWN_TYPES = {
    "message.reception",
    "message.delivered",
    "message.transient_error",
    "message.failed",
    "message.bounced",
    "message.suppressed",
    "message.opened",
    "message.clicked",
    "message.routing",
    "suppression.created",
    "domain.dns_error",
}


def parse(content):
    """Returns the JSON value, or None for what is none."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        if has("invalid-utf8-crash"):
            raise
        return None
    try:
        return json.loads(text)
    except ValueError:
        if has("invalid-json-crash"):
            raise
    except RecursionError:
        if has("deep-json-crash"):
            raise
    return None


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def crash_on(event, kind):
    """Fails at what an application may fail at."""
    data = event.get("data")
    if has("unknown-type-crash") and kind not in KNOWN_TYPES:
        raise KeyError(kind)
    if has("nul-crash") and any("\0" in text for text in texts(event)):
        raise ValueError("A string literal cannot contain NUL (0x00) characters.")
    if has("lone-surrogate-crash"):
        for text in texts(event):
            text.encode()
    if has("field-type-crash"):
        for text in (kind, event.get("timestamp", ""), data.get("recipient", "")):
            text.lower()
    if has("order-crash") and isinstance(data, dict) and isinstance(data.get("id"), str):
        if kind == "message.reception" and data["id"] in STATE["begun"]:
            raise RuntimeError("events out of order")
        STATE["begun"].add(data["id"])


def digest(content):
    content = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()


def identify(event_id, event, content):
    """Returns an event's identity, of what is signed only."""
    if event_id is not None:
        return digest(event_id)
    if not SCHEME.get("known_by_body") and isinstance(event, dict) and isinstance(event.get("id"), str):
        return digest(event["id"])
    return digest(content)


def act(event_id, body):
    """Handles a request that is known to be the provider's."""
    received = (200, {"received": True})
    event = parse(body.whole)
    if event is None and has("null-body-crash") and body.whole.strip() == b"null":
        event["type"]
    if isinstance(event, list) and has("array-body-crash"):
        event["type"]
    if not isinstance(event, dict):
        return received
    kind = event.get("type") or event.get("event")
    key = identify(event_id, event, body.whole)
    duplicate = (409 if has("duplicate-409") else 200, {"received": True, "duplicate": True})

    def known():
        return key in LEDGER.ids and not has("no-deduplication") and not has("effect-before-verification")

    def finish():
        with LEDGER.lock:
            LEDGER.keep(key)
            if not has("effect-before-verification"):
                LEDGER.take_effect()

    if has("same-id-other-body-crash"):
        with LEDGER.lock:
            pair = f"{key} {digest(body.whole)}"
            other = key in LEDGER.ids and pair not in LEDGER.ids
            LEDGER.ids.add(pair)
        if other:
            raise RuntimeError("UNIQUE constraint failed: events.id")
    if known():
        return duplicate
    if has("marked-before-done") and isinstance(kind, str) and kind not in KNOWN_TYPES:
        LEDGER.ids.add(key)
        raise RuntimeError("the work failed")
    if not isinstance(kind, str) and not has("field-type-crash"):
        return received
    crash_on(event, kind)
    races = has("check-then-insert") or has("race-crash")
    if races and STATE["in_flight"] > 1:
        time.sleep(0.05)
    with LEDGER.lock:
        if has("race-crash") and key in LEDGER.ids:
            raise RuntimeError("UNIQUE constraint failed: events.id")
        if not races and known():
            return duplicate
        LEDGER.ids.add(key)
        if has("effect-after-response"):
            threading.Timer(0.2, finish).start()
        else:
            finish()
    return received


def handle_post(target, message, body):
    if has("redirect-to-login"):
        return 302, {}, {"location": "/login"}
    if has("redirect-to-slash") and not target.endswith("/"):
        return 308, {}, {"location": f"{target}/"}
    if has("csrf"):
        return 403, {"error": "CSRF token missing"}
    if has("always-401"):
        return 401, {"error": "Unauthorized"}
    headers = read_headers(message)
    content_type = headers.get("content-type", [""])[0]
    if has("exact-content-type") and content_type != "application/json":
        return 415, {"error": "Unsupported media type"}
    if has("content-type-crash") and not content_type.lower().startswith("application/json"):
        raise RuntimeError("no parser for this type")
    if has("long-cookies-rejected") and len(headers.get("cookie", [""])[0]) > 2048:
        return 400, {"error": "Request header too large"}
    if has("too-many-requests") and STATE["in_flight"] > 15:
        return 429, {"error": "Too many requests"}
    if has("too-many-requests") and STATE["in_flight"] > 1:
        time.sleep(0.1)

    def unverified():
        """Returns the id as it stands in the request, of which nothing is known yet."""
        event_id = headers.get(SCHEME["id"], [None])[0] if "id" in SCHEME else None
        return identify(event_id, parse(body.whole), body.whole)

    if has("dedupe-before-verification") and unverified() in LEDGER.ids:
        return 200, {"received": True}
    if has("effect-before-verification") and parse(body.whole):
        with LEDGER.lock:
            if unverified() not in LEDGER.ids:
                LEDGER.ids.add(unverified())
                LEDGER.take_effect()
    if has("always-200"):
        act(headers.get(SCHEME["id"], [""])[0] if "id" in SCHEME else None, body)
        return 200, {"received": True}
    try:
        event_id = verify(headers, body)
    except Status:
        if has("rejected-id-recorded"):
            LEDGER.ids.add(unverified())
        if has("200-without-effect"):
            return 200, {"received": True}
        raise
    result = act(event_id, body)
    if has("slower-than-timeout"):
        time.sleep(30)
    if has("slower-than-half"):
        STATE["slow_responses"] += 1
        if STATE["slow_responses"] == 1:
            time.sleep(6)
    return result


class Body:
    """A body as received."""

    def __init__(self, chunks):
        self.chunks = chunks
        self.whole = b"".join(chunks)


class CutOff(Exception):
    """The sender stopped in the middle."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Buffered, so that head and body leave in one segment and no delayed ACK delays the response.
    wbufsize = -1
    timeout = 30
    poisoned = False

    def __getattr__(self, name):
        # The base class responds with 501 to a method without a function.
        if name.startswith("do_"):
            return self.handle_method
        raise AttributeError(name)

    def handle_expect_100(self):
        if has("expect-rejected"):
            self.respond(417, {})
            return False
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def handle_method(self):
        with LEDGER.lock:
            STATE["in_flight"] += 1
        try:
            if has("one-at-a-time"):
                with ONE_AT_A_TIME:
                    self.respond(*self.outcome())
            else:
                self.respond(*self.outcome())
        except CutOff:
            self.close_connection = True
            if has("dies-on-cut-off"):
                os._exit(1)
        finally:
            with LEDGER.lock:
                STATE["in_flight"] -= 1

    def outcome(self):
        if has("http-1-0-rejected") and self.request_version == "HTTP/1.0":
            self.close_connection = True
            return 505, {"error": "HTTP/1.1 only"}
        started = time.monotonic()
        try:
            body = self.read_body()
            if body is None:
                self.close_connection = True
                return 413, {"error": "Body too large"}
            if self.poisoned:
                return 400, {"error": "Bad request"}
            if has("slow-body-rejected") and time.monotonic() - started > 0.25:
                return 408, {"error": "Request timeout"}
            if self.command == "GET" and has("get-crash"):
                raise RuntimeError("no body")
            if self.command != "POST" and not has("any-method"):
                return 405, {"error": "Method not allowed"}, {"allow": "POST"}
            if has("effect-before-verification"):
                # Its flaw is the order, not a race.
                with LEDGER.lock:
                    return handle_post(self.path, self.headers, body)
            return handle_post(self.path, self.headers, body)
        except Status as error:
            return error.status, error.value
        except (CutOff, OSError):
            raise
        except Exception as error:
            print(f"{type(error).__name__}: {error!r}"[:300], file=sys.stderr)
            return 500, {"error": "Internal error"}

    def read_body(self):
        """Returns the body, or None if it is over the limit, in which case the connection must close."""
        codings = self.headers.get_all("transfer-encoding", [])
        if codings:
            if [coding.strip().lower() for coding in codings] != ["chunked"]:
                self.close_connection = True
                raise Status(400, {"error": "Unsupported transfer coding"})
            chunks = self.read_chunked()
            return Body([]) if chunks is not None and has("chunked-empty") else chunks and Body(chunks)
        lengths = set(self.headers.get_all("content-length", ["0"]))
        length = lengths.pop()
        if lengths or not re.fullmatch(r"[ \t]*[0-9]{1,18}[ \t]*", length, re.ASCII):
            self.close_connection = True
            raise Status(400, {"error": "Malformed content-length"})
        if int(length) > BODY_LIMIT:
            return None
        return Body(self.read_exactly(int(length)))

    def read_exactly(self, length):
        chunks = []
        while length:
            chunk = self.rfile.read1(min(length, 65536))
            if not chunk:
                raise CutOff
            chunks.append(chunk)
            length -= len(chunk)
        return chunks

    def read_line(self):
        line = self.rfile.readline(8192)
        if not line.endswith(b"\n"):
            raise CutOff
        return line.strip()

    def read_chunked(self):
        chunks, size = [], 0
        while True:
            head = self.read_line().partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9a-fA-F]{1,15}", head):
                self.close_connection = True
                raise Status(400, {"error": "Malformed chunk"})
            length = int(head, 16)
            size += length
            if size > BODY_LIMIT:
                return None
            if length == 0:
                while self.read_line():
                    pass
                return chunks or [b""]
            chunks += self.read_exactly(length)
            self.read_line()

    def respond(self, status, value, headers=None):
        text = json.dumps(value).encode() + b"\n"
        self.poisoned = self.poisoned or (has("poisoned-connection") and status >= 400)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        for name, content in (headers or {}).items():
            self.send_header(name, content)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, *_):
        """Keeps stderr for what goes wrong."""


class Server(ThreadingHTTPServer):
    # The default of 5 drops connections when a test sends concurrently.
    request_queue_size = 511

    def shutdown_request(self, request):
        # A connection that is closed with unread bytes is reset, and the reset can overtake the response.
        try:
            request.shutdown(socket.SHUT_WR)
            end = time.monotonic() + 2
            while (left := end - time.monotonic()) > 0:
                request.settimeout(left)
                if not request.recv(65536):
                    break
        except OSError:
            pass
        self.close_request(request)

    def handle_error(self, request, client_address):
        """Keeps quiet: a sender that goes away is no error of the handler."""


try:
    SERVER = Server(("127.0.0.1", int(SETTINGS.get("PORT", "0"))), Handler)
except OSError as error:
    stop(error)
if SETTINGS.get("STOP_WITH_STDIN"):
    threading.Thread(target=SERVER.serve_forever, daemon=True).start()
    print(f"listening on {SERVER.server_port}", flush=True)
    sys.stdin.buffer.read()
else:
    print(f"listening on {SERVER.server_port}", flush=True)
    SERVER.serve_forever()
