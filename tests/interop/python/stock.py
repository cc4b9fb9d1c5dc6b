"""What the published library makes of a request with its usual constructor and its defaults.

One JSON object per line on stdin:

  {"secret","headers":[[name, value as base64], …],"body_b64","now_ms"}

one per line on stdout: {"outcome":"accepts"|"refuses"|"throws","error"}.
"""

import base64
import datetime
import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError, webhooks


class Clock(datetime.datetime):
    milliseconds = 0

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(cls.milliseconds / 1000, tz=tz)


webhooks.datetime = Clock


def verify(request):
    Clock.milliseconds = request["now_ms"]
    # Python's HTTP servers read header values as Latin-1.
    headers = {name: base64.b64decode(value).decode("latin-1") for name, value in request["headers"]}
    Webhook(request["secret"]).verify(base64.b64decode(request["body_b64"]), headers)


for line in sys.stdin.buffer:
    answer = {"outcome": "accepts", "error": None}
    try:
        verify(json.loads(line))
    except WebhookVerificationError as error:
        answer = {"outcome": "refuses", "error": repr(error)}
    except Exception as error:
        answer = {"outcome": "throws", "error": repr(error)}
    print(json.dumps(answer), flush=True)
