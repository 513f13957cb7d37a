"""AWS Lambda's handler, which awslambdaric calls: `python -m awslambdaric handler.handle`."""

import json
import logging
from typing import Any

from apig_wsgi import make_lambda_handler

from app import create_app
from serving.log import log_as_json
from serving.server.lambda_events import require_http, too_large
from serving.server.lambda_function import Invocations, copier, settings

MAX_BYTES = 6 * 2**20  # of the JSON of a response

log_as_json()
given = settings()
copy = copier(given)
copy()
app = create_app(given, frozen=True)
if warning := app.extensions["access"].warning:
    logging.getLogger(__name__).warning(warning)


def follow() -> bool:
    """Follow what is decided about versions; return whether the object store could be read."""
    is_copied = copy()
    app.extensions["registry"].refresh()
    return is_copied


respond = make_lambda_handler(Invocations(app, follow), binary_support=True)
refuse = make_lambda_handler(too_large, binary_support=True)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return the response to the request of an event.

    Raises
    ------
    ValueError
        If the event is none of API Gateway, a function URL or an Application Load Balancer.
    """
    require_http(event)
    response = respond(event, context)
    may_be_large = len(response["body"]) > MAX_BYTES // 6  # \u00e3 takes six bytes
    if may_be_large and len(json.dumps(response)) > MAX_BYTES:
        return refuse(event, context)
    return response
