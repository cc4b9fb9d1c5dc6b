"""Signs and checks by the providers' own rules, written here with the standard library alone.

One JSON object per line on stdin:

  {"do":"sign","scheme","secret","timestamp": unix seconds,"method","url","headers":[[name, value], …],"body_b64"}
  {"do":"check", … the same, with the signature among the headers or in the body}

one per line on stdout: {"headers":[[name, value], …],"body_b64"}, {"valid": true|false} or {"error":"…"}.
"""

import base64
import hashlib
import hmac
import json
import sys
from datetime import datetime, timezone
from urllib.parse import parse_qsl


def mac(digest, key, content):
    return hmac.new(key, content, digest)


def hex_of(key, content, digest=hashlib.sha256):
    return mac(digest, key, content).hexdigest()


def base64_of(key, content, digest=hashlib.sha256):
    return base64.b64encode(mac(digest, key, content).digest()).decode()


class Message:
    def __init__(self, order):
        self.secret = order["secret"].encode()
        self.at = order["timestamp"]
        self.method = order["method"]
        self.url = order["url"]
        self.body = base64.b64decode(order["body_b64"])
        self.headers = {name.lower(): value for name, value in order["headers"]}

    def form(self):
        fields = parse_qsl(self.body.decode(), keep_blank_values=True)
        return "".join(name + value for name, value in sorted(set(fields)))


def standard(message, prefix):
    given = message.headers.get(prefix + "-timestamp", str(message.at))
    identifier = message.headers.get(prefix + "-id", "msg_python")
    key = base64.b64decode(message.secret.decode().removeprefix("whsec_"))
    content = f"{identifier}.{given}.".encode() + message.body
    signature = "v1," + base64_of(key, content)
    return {prefix + "-id": identifier, prefix + "-timestamp": given, prefix + "-signature": signature}


def entry(message, header, key, separator):
    """A value inside a header such as `t=1,v1=ab`."""
    for part in message.headers.get(header, "").split(separator):
        name, _, value = part.partition("=")
        if name == key:
            return value
    return str(message.at)


def svix(m):
    return standard(m, "svix")


def stripe(m):
    at = entry(m, "stripe-signature", "t", ",")
    signature = hex_of(m.secret, at.encode() + b'.' + m.body)
    # Of test mode: a fake entry that receivers ignore.
    return {"stripe-signature": f"t={at},v1={signature},v0={hashlib.sha256(m.body).hexdigest()}"}


def github(m):
    return {"x-hub-signature-256": "sha256=" + hex_of(m.secret, m.body)}


def slack(m):
    at = m.headers.get("x-slack-request-timestamp", str(m.at))
    signature = "v0=" + hex_of(m.secret, f"v0:{at}:".encode() + m.body)
    return {"x-slack-request-timestamp": at, "x-slack-signature": signature}


def shopify(m):
    return {"x-shopify-hmac-sha256": base64_of(m.secret, m.body)}


def paddle(m):
    at = entry(m, "paddle-signature", "ts", ";")
    return {"paddle-signature": f"ts={at};h1={hex_of(m.secret, at.encode() + b':' + m.body)}"}


def zoom(m):
    at = m.headers.get("x-zm-request-timestamp", str(m.at))
    signature = "v0=" + hex_of(m.secret, f"v0:{at}:".encode() + m.body)
    return {"x-zm-request-timestamp": at, "x-zm-signature": signature}


def linear(m):
    return {"linear-signature": hex_of(m.secret, m.body)}


def square(m):
    return {"x-square-hmacsha256-signature": base64_of(m.secret, m.url.encode() + m.body)}


def twilio(m):
    return {"x-twilio-signature": base64_of(m.secret, (m.url + m.form()).encode(), hashlib.sha1)}


def hubspot_v3(m):
    at = m.headers.get("x-hubspot-request-timestamp", str(m.at * 1000))
    url = m.url
    for escape, plain in [("%3A", ":"), ("%2F", "/"), ("%3F", "?"), ("%40", "@"), ("%21", "!"), ("%24", "$"),
                          ("%27", "'"), ("%28", "("), ("%29", ")"), ("%2A", "*"), ("%2C", ","), ("%3B", ";")]:
        url = url.replace(escape, plain)
    content = m.method.encode() + url.encode() + m.body + at.encode()
    return {"x-hubspot-request-timestamp": at, "x-hubspot-signature-v3": base64_of(m.secret, content)}


def hubspot_v2(m):
    content = m.secret + m.method.encode() + m.url.encode() + m.body
    return {"x-hubspot-signature": hashlib.sha256(content).hexdigest()}


def hubspot_v1(m):
    return {"x-hubspot-signature": hashlib.sha256(m.secret + m.body).hexdigest()}


def mailgun(m):
    body = json.loads(m.body)
    signature = body["signature"]
    signature["signature"] = hex_of(m.secret, (signature["timestamp"] + signature["token"]).encode())
    return json.dumps(body).encode()


def plain(header, prefix="", digest=hashlib.sha256, write=hex_of):
    """A signature of the body alone."""
    return lambda m: {header: prefix + write(m.secret, m.body, digest)}


def timed(header, separator=",", factor=1):
    """`t=TIME,v1=SIGNATURE` over the time, a dot and the body."""
    def made(m):
        at = entry(m, header, "t", separator) if header in m.headers else str(m.at * factor)
        return {header: f"t={at}{separator}v1={hex_of(m.secret, at.encode() + b'.' + m.body)}"}
    return made


def twitch(m):
    prefix = "twitch-eventsub-message-"
    at = m.headers.get(prefix + "timestamp") or datetime.fromtimestamp(m.at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    identifier = m.headers.get(prefix + "id", "msg-python")
    signature = "sha256=" + hex_of(m.secret, (identifier + at).encode() + m.body)
    return {prefix + "id": identifier, prefix + "timestamp": at, prefix + "signature": signature}


SCHEMES = {
    "bitbucket": plain("x-hub-signature", "sha256="), "calendly": timed("calendly-webhook-signature"),
    "gitea": plain("x-gitea-signature"), "gitlab": lambda m: {"x-gitlab-token": m.secret.decode()},
    "gitlab@signed": lambda m: standard(m, "webhook"), "openai": lambda m: standard(m, "webhook"),
    "intercom": plain("x-hub-signature", "sha1=", hashlib.sha1), "lemonsqueezy": plain("x-signature"),
    "mux": timed("mux-signature"), "pagerduty": plain("x-pagerduty-signature", "v1="),
    "razorpay": plain("x-razorpay-signature"), "sentry": plain("sentry-hook-signature"), "twitch": twitch,
    "typeform": plain("typeform-signature", "sha256=", write=base64_of),
    "vercel": plain("x-vercel-signature", digest=hashlib.sha1),
    "woocommerce": plain("x-wc-webhook-signature", write=base64_of), "workos": timed("workos-signature", ", ", 1000),
    "svix": svix, "stripe": stripe, "github": github, "meta": github, "slack": slack, "shopify": shopify,
    "paddle": paddle, "zoom": zoom, "linear": linear, "square": square, "twilio": twilio, "hubspot": hubspot_v3,
    "hubspot@v2": hubspot_v2, "hubspot@v1": hubspot_v1, "mailgun": mailgun,
}


def answer(order):
    message = Message(order)
    made = SCHEMES[order["scheme"]](message)
    if isinstance(made, bytes):
        if order["do"] == "check":
            given, right = (json.loads(body)["signature"]["signature"] for body in (message.body, made))
            return {"valid": hmac.compare_digest(given, right)}
        return {"headers": [], "body_b64": base64.b64encode(made).decode()}
    if order["do"] == "check":
        same = all(hmac.compare_digest(message.headers.get(name, ""), value) for name, value in made.items())
        return {"valid": same}
    return {"headers": list(made.items()), "body_b64": order["body_b64"]}


for line in sys.stdin.buffer:
    order = json.loads(line)
    try:
        reply = answer(order)
    except Exception as error:
        reply = {"error": repr(error)}
    print(json.dumps(reply), flush=True)
