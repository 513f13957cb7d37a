"""The parameters `explain` and `explain_classes` of every route that predicts."""

from flask import request
from werkzeug.exceptions import BadRequest

from serving.api.around import request_id
from serving.api.openapi.operation import query
from serving.api.openapi.structs import text
from serving.models.explanation import ALL, ExplainOptions
from serving.predicting.service import RequestContext

NAME, CLASSES = "explain", "explain_classes"
PREDICTED = "predicted"
PARAMETERS = [
    query(
        NAME,
        text(pattern="^(all|[1-9][0-9]{0,3})?$"),
        "Explain the prediction: how many contributions of fields to list, the largest first; "
        "without a value, or `all`, those of all fields.",
    ),
    query(
        CLASSES,
        text(enum=[PREDICTED, ALL]),
        "Whether the probability of the predicted label is explained, or that of every label.",
    ),
]


def context(*, always: bool = False) -> RequestContext:
    """The current request, with what is to be explained.

    Parameters
    ----------
    always : bool
        Whether predictions are explained without the parameter, too: by all fields.

    Raises
    ------
    BadRequest, InvalidSubject
    """
    found, explain = request_id.context(), ExplainOptions() if always else None
    if request.query_string:
        explain = options() or explain
    return found._replace(explain=explain) if explain else found


def options() -> ExplainOptions | None:
    """What is to be explained, by the query.

    Raises
    ------
    BadRequest
    """
    top, classes = request.args.get(NAME), request.args.get(CLASSES, PREDICTED)
    if classes not in {PREDICTED, ALL}:
        raise BadRequest(f"{CLASSES}={classes!r} is not one of {PREDICTED}, {ALL}")
    if top is None:
        return None
    try:
        return ExplainOptions.read(top, every_class=classes == ALL)
    except ValueError as error:
        raise BadRequest(f"{NAME}: {error}") from None
