"""Verifies, parses and signs with the published SDKs of providers.

One JSON object per line on stdin:

  {"do":"verify","sdk","provider","secret","now_ms","method","url","type","headers":[[name, value], …],"body_b64"}
  {"do":"sign", … the same without a signature}

one per line on stdout: {"ok":true}, {"ok":true,"headers":[[name, value], …]} or {"ok":false,"why":"…"}.
An SDK that has a parser parses what it has verified.
"""

import base64
import datetime
import functools
import importlib
import json
import sys
import time
import traceback
from types import SimpleNamespace

# Some SDKs write to stdout, which belongs to the results.
RESULTS, sys.stdout = sys.stdout, sys.stderr

NOW = SimpleNamespace(milliseconds=0)

# Before any SDK is imported, because some import the function itself.
time.time = lambda: NOW.milliseconds / 1000


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW.milliseconds / 1000, tz=tz)


load = functools.cache(importlib.import_module)


def must(ok):
    if not ok:
        raise ValueError("the SDK returned false")


def seconds(request):
    return request.now_ms // 1000


class Sdk:
    """An SDK without a signer."""

    sign = None


class StandardWebhooks(Sdk):
    def webhook(self, request):
        load("standardwebhooks.webhooks").datetime = Clock
        # AhaSend's key is the text of the secret.
        raw = request.provider.startswith("ahasend")
        return load("standardwebhooks").Webhook(request.secret.encode() if raw else request.secret)

    def verify(self, request):
        self.webhook(request).verify(request.body, request.headers)

    def sign(self, request):
        at = datetime.datetime.fromtimestamp(seconds(request), tz=datetime.timezone.utc)
        signature = self.webhook(request).sign("msg_sdk", at, request.text)
        return [["webhook-id", "msg_sdk"], ["webhook-timestamp", str(seconds(request))], ["webhook-signature", signature]]


class Stripe(Sdk):
    def verify(self, request):
        event = load("stripe").Webhook.construct_event(request.body, request.headers.get("stripe-signature"), request.secret)
        must(event["type"] == request.type)


class Slack(Sdk):
    def verifier(self, request):
        return load("slack_sdk.signature").SignatureVerifier(request.secret)

    def verify(self, request):
        must(self.verifier(request).is_valid_request(request.body, request.headers))

    def sign(self, request):
        at = str(seconds(request))
        signature = self.verifier(request).generate_signature(timestamp=at, body=request.body)
        return [["x-slack-request-timestamp", at], ["x-slack-signature", signature]]


class Github(Sdk):
    """githubkit: models with every field that GitHub documents as required."""

    def verify(self, request):
        webhooks = load("githubkit.webhooks")
        must(webhooks.verify(request.secret, request.body, request.headers.get("x-hub-signature-256", "")))
        webhooks.parse(request.headers["x-github-event"], request.text)

    def sign(self, request):
        return [["x-hub-signature-256", load("githubkit.webhooks").sign(request.secret, request.body, "sha256")]]


class Meta(Sdk):
    """pywa: what it does not understand, it logs and ignores, so its parser is called here."""

    @functools.cached_property
    def client(self):
        return load("pywa").WhatsApp(phone_id="1", token="none", server=None, filter_updates=False)

    def verify(self, request):
        signature = request.headers.get("x-hub-signature-256", "")
        must(load("pywa.utils").webhook_updates_validator(request.secret, request.body, signature))
        if request.type != "messages":
            return
        update = load("pywa.types.base_update").RawUpdate(request.body, hmac_header=signature, update_hash="none")
        handler = self.client._get_handler_type(update)
        self.client._handlers_to_updates[handler].from_update(client=self.client, update=update)


class Paddle(Sdk):
    def verify(self, request):
        notifications = load("paddle_billing.Notifications")
        headers = {"Paddle-Signature": request.headers.get("paddle-signature")}
        received = SimpleNamespace(headers=headers, body=request.body)
        secret = load("paddle_billing.Notifications.Secret").Secret(request.secret)
        must(notifications.Verifier().verify(received, secret))
        event = load("paddle_billing.Entities.Notifications").NotificationEvent.from_request(received)
        # Data that it cannot read, it prints an error about and returns as it is.
        if isinstance(event.data, load("paddle_billing.Notifications.Entities.UndefinedEntity").UndefinedEntity):
            raise ValueError("the SDK does not understand the data, see above")

    def sign(self, request):
        signature = load("paddle_billing.Notifications.PaddleSignature").PaddleSignature
        content = f"{seconds(request)}:".encode() + request.body
        return [["paddle-signature", f"ts={seconds(request)};h1={signature.calculate_hmac(request.secret, content).hexdigest()}"]]


class Mailgun(Sdk):
    def verify(self, request):
        signature = json.loads(request.body).get("signature", {})
        values = [signature.get(name) for name in ("token", "timestamp", "signature")]
        must(load("mailgun.security").SecurityGuard.verify_webhook(request.secret, *values))


class WorkOs(Sdk):
    @functools.cached_property
    def webhooks(self):
        return load("workos").WorkOSClient(api_key="none", client_id="none").webhooks

    def verify(self, request):
        signature = request.headers.get("workos-signature")
        event = self.webhooks.verify_event(event_body=request.body, event_signature=signature, secret=request.secret)
        must(event.event == request.type and hasattr(event.data, "object"))


SDKS = {
    "githubkit": Github(), "mailgun": Mailgun(), "paddle-python-sdk": Paddle(), "pywa": Meta(), "slack-sdk": Slack(),
    "standardwebhooks": StandardWebhooks(), "stripe": Stripe(), "workos": WorkOs(),
}


def result(order):
    sdk = SDKS[order["sdk"]]
    request = SimpleNamespace(**order)
    request.headers = {name.lower(): value for name, value in order["headers"]}
    request.body = base64.b64decode(order["body_b64"])
    request.text = request.body.decode()
    NOW.milliseconds = order["now_ms"]
    if order["do"] == "sign":
        return {"ok": True, "headers": sdk.sign(request)}
    try:
        sdk.verify(request)
    except ImportError:
        raise
    except Exception as error:
        return {"ok": False, "why": f"{type(error).__name__}: {error}"}
    return {"ok": True}


for line in sys.stdin.buffer:
    try:
        reply = result(json.loads(line))
    except Exception:
        # No verdict of an SDK: the test fails.
        reply = {"error": traceback.format_exc()}
    print(json.dumps(reply), file=RESULTS, flush=True)
