"""The parameters of every route that predicts: what is explained, and in which words."""

from flask import request
from werkzeug.exceptions import BadRequest

from serving.api.around import request_id
from serving.api.openapi.operation import About, query
from serving.api.openapi.structs import Schema, text
from serving.models.explaining.explanation import ALL, LANGUAGES, ExplainOptions
from serving.predicting.context import RequestContext
from serving.settings import Settings

NAME, CLASSES = "explain", "explain_classes"
LANGUAGE, REASONS = "language", "reasons_for"
PREDICTED = "predicted"
COMMON = [
    query(
        NAME,
        text(pattern="^(all|[1-9][0-9]{0,3})?$"),
        "Explain the prediction: how many contributions of fields to list, the largest first; "
        "without a value, or `all`, those of all fields. More predictions of one request than "
        f"`MAX_EXPLAINED`, {Settings.max_explained} unless set, are a 413.",
    ),
    query(
        CLASSES,
        text(enum=[PREDICTED, ALL]),
        "Whether the probability of the predicted label is explained, or that of every label; the "
        "latter has no place in a response of CSV or TSV, and is a 400 there.",
    ),
    query(
        LANGUAGE,
        text(enum=[*LANGUAGES]),
        "Explain the prediction in sentences as well, in this language.",
    ),
]


def parameters(about: About) -> list[Schema]:
    """The parameters, with the labels of a model that may need reasons."""
    if not about.manifest.classes:
        return COMMON
    reasons = query(
        REASONS,
        text(enum=["", *about.manifest.classes]),
        "The label that needs reasons: where it is predicted, the fields that contribute most "
        "to it, the most important first. Needs a language.",
    )
    return [*COMMON, reasons]


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
    found = request_id.context()
    explain = options(always=always) if always or request.query_string else None
    return found._replace(explain=explain) if explain else found


def options(*, always: bool = False) -> ExplainOptions | None:
    """What is to be explained, by the query; `always` is that of `context`.

    Raises
    ------
    BadRequest
    """
    top, classes = request.args.get(NAME), request.args.get(CLASSES, PREDICTED)
    if classes not in {PREDICTED, ALL}:
        raise BadRequest(f"{CLASSES}={classes!r} is not one of {PREDICTED}, {ALL}")
    language, reasons_for = request.args.get(LANGUAGE), request.args.get(REASONS, "")
    if language is not None and language not in LANGUAGES:
        raise BadRequest(f"{LANGUAGE}={language!r} is not one of {', '.join(LANGUAGES)}")
    if reasons_for and language is None:
        raise BadRequest(f"{REASONS} needs {LANGUAGE}: {', '.join(LANGUAGES)}")
    if top is None and language is None and not always:
        return None
    try:
        found = ExplainOptions.read(top or "", every_class=classes == ALL)
    except ValueError as error:
        raise BadRequest(f"{NAME}: {error}") from None
    return found._replace(language=LANGUAGES[language] if language else "", reasons_for=reasons_for)
