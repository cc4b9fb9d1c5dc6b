"""Hooks of Schemathesis for the API of `whk serve`: nothing is sent beyond the handler of the test.

HANDLER is the URL of the handler; WEBHOOKS maps the start of a path to the id of a webhook that has deliveries.
"""

import json
import os
from urllib.parse import urlsplit
from uuid import UUID

import schemathesis

HANDLER = os.environ["HANDLER"]
WEBHOOKS = json.loads(os.environ["WEBHOOKS"])

# The ids in the description.
EXAMPLES = {"wh_n5p7r9a1b2c3", "65e2d0a1b2c3d4e5f6a7b801"}

# The account in the description.
ACCOUNT = "4cdd7bdd-294e-4762-892f-83d40abf5a87"


def is_uuid(text):
    try:
        return str(UUID(text)) == text
    except (AttributeError, TypeError, ValueError):
        return False


def leads_elsewhere(url):
    try:
        parts = urlsplit(url)
        return bool(parts.scheme and parts.hostname)
    except ValueError:
        return False


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if isinstance(body, dict):
        if isinstance(body.get("url"), str) and leads_elsewhere(body["url"]):
            body["url"] = HANDLER
        if isinstance(body.get("count"), int) and 1 < body["count"] <= 10000:
            body["count"] = 2
    # The example of an id stands for a webhook that has deliveries, where it stays as it is.
    start = case.operation.path.split("/webhooks")[0]
    if case.method.upper() in ("GET", "POST") and start in WEBHOOKS and case.path_parameters.get("id") in EXAMPLES:
        case.path_parameters["id"] = WEBHOOKS[start]
    # An event is triggered for a webhook that is there.
    ids = ("account_id", "webhook_id")
    if case.operation.path.endswith("/trigger") and all(is_uuid(case.path_parameters.get(name)) for name in ids):
        case.path_parameters.update(account_id=ACCOUNT, webhook_id=WEBHOOKS[start])
