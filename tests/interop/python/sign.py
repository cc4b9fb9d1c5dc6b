"""Signs with the published library. One JSON object per line on stdin:

  {"secret","format":"raw"|"base64","id","timestamp": unix seconds,"body_b64"}

one per line on stdout: {"headers":[[name, value], …]} or {"error":"…"}.
"""

import base64
import json
import sys
from datetime import datetime, timezone

from standardwebhooks import Webhook


def sign(message):
    secret = message["secret"]
    webhook = Webhook(secret.encode() if message["format"] == "raw" else secret)
    # Given bytes, the library would sign the text "b'…'".
    body = base64.b64decode(message["body_b64"]).decode()
    # It relabels any other zone as UTC instead of converting.
    time = datetime.fromtimestamp(message["timestamp"], tz=timezone.utc)
    return [
        ["webhook-id", message["id"]],
        ["webhook-timestamp", str(message["timestamp"])],
        ["webhook-signature", webhook.sign(message["id"], time, body)],
    ]


for line in sys.stdin.buffer:
    request = json.loads(line)
    try:
        reply = {"headers": sign(request)}
    except UnicodeDecodeError:
        reply = {"error": "not UTF-8"}
    except Exception as error:
        reply = {"error": str(error)}
    print(json.dumps(reply), flush=True)
