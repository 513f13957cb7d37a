"""What protocols of plain values send: a label, a number or a list of numbers for each record."""

from collections.abc import Sequence
from typing import Any

from werkzeug.exceptions import BadRequest

from serving.api.openapi.operation import response
from serving.api.openapi.structs import Schema, listed, record, text
from serving.inputs.names import LISTED_NAMES
from serving.inputs.shown import printable, shown
from serving.inputs.strict_json import JSONObject
from serving.models.explaining.explanation import Explanation
from serving.models.manifest import Manifest
from serving.models.predicted import Predicted

IGNORED = "is nothing that this model uses, and was ignored"
VALUE: Schema = {"anyOf": [{"type": ["string", "number"]}, listed({"type": "number"})]}
RECORD: Schema = {"type": ["integer", "null"], "description": "Null for all."}
METHOD = "predict_method"  # the parameter that chooses one of them


def methods(manifest: Manifest) -> list[str]:
    """Return the methods that a model has."""
    has = {
        "predict": True,
        "predict_proba": bool(manifest.classes) and manifest.outputs != "labels",
        "predict_interval": bool(manifest.interval),
    }
    return [name for name, is_there in has.items() if is_there]


def parameters(manifest: Manifest) -> Schema:
    """The schema of an object of parameters, or null."""
    method = text("The method that predicts.", enum=methods(manifest))
    return record((METHOD,), **{METHOD: method}) | {"type": ["object", "null"]}


def require_method(method: Any, manifest: Manifest) -> str:
    """Return the method that is to predict, if it is one that the model has.

    Raises
    ------
    BadRequest
    """
    offered = methods(manifest)
    if method not in offered:
        raise BadRequest(
            f"{shown(method)} is no method of the model {manifest.name!r}; it has "
            f"{' and '.join(offered)}"
        )
    return str(method)


def chosen(params: Any, manifest: Manifest) -> tuple[str, list[str]]:
    """Return the method that `params` choose, and the names of the others.

    Raises
    ------
    BadRequest
    """
    if params is None:
        return "predict", []
    if not isinstance(params, JSONObject):
        raise BadRequest(f"the parameters are {shown(params)}; send an object")
    method = require_method(params.get(METHOD, "predict"), manifest)
    return method, [name for name in params if name != METHOD]


def outputs(predicted: Predicted, method: str) -> Sequence[Any]:
    """Return what a method returns for each row: a label or number, or a list of numbers."""
    values, probabilities, intervals = predicted.predictions
    by_method: dict[str, Sequence[Any]] = {
        "predict_proba": probabilities,
        "predict_interval": intervals,
    }
    return by_method.get(method, values)


def about(predicted: Predicted, unused: Sequence[str] = ()) -> dict[str, Any]:
    """Return what is beside the predictions: ids, the model, warnings by record, explanations.

    Parameters
    ----------
    unused : sequence of str
        Names in the request, besides those in records, that have no meaning.
    """
    manifest, remarks = predicted.engine.manifest, predicted.rows.remarks
    warnings: list[dict[str, Any]] = [
        {"record": row, "field": each.field, "message": each.message}
        for row in sorted(remarks)
        for each in remarks[row]
    ]
    warnings += [
        {"record": None, "field": printable(name), "message": IGNORED}
        for name in unused[:LISTED_NAMES]
    ]
    explained = {"explanations": predicted.explanations} if predicted.explanations else {}
    return {
        "ids": predicted.ids,
        "model_name": manifest.name,
        "model_version": str(manifest.version),
        "warnings": warnings,
        **explained,
    }


def described() -> Schema:
    """The schema of a response with plain values."""
    warning = record(record=RECORD, field=text(), message=text())
    content = record(
        ("explanations",),
        predictions=listed(VALUE),
        ids=listed(text("The id of each prediction, for feedback.")),
        model_name=text(),
        model_version=text(),
        warnings=listed(warning),
        explanations=listed(Explanation),
    )
    return response(content, "A value for each record, in order.")
