"""Inference responses: the outputs that were asked for, as JSON or as bytes."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from werkzeug.exceptions import BadRequest

from serving.api.protocols.v2 import tensors
from serving.api.protocols.v2.metadata import EXPLANATION, TensorMetadata, outputs_of
from serving.api.protocols.v2.requests import Content, Request, Wanted
from serving.api.respond import encode
from serving.figures import counted
from serving.inputs.exact import in_one_line
from serving.inputs.shown import listed, shown
from serving.models.manifest import Manifest
from serving.models.predicted import Predicted

DEFAULT = "predict"
LISTED_RECORDS = 20  # whose warnings stand in the response's parameters


class Output(msgspec.Struct, gc=False):
    """An output; `data` is flat, in the order of rows."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any]
    data: Sequence[Any] | UnsetType = UNSET


class InferenceResponse(msgspec.Struct, gc=False):
    """Predictions.

    Attributes
    ----------
    id : str
        That of the request, or a new one.
    parameters : dict
        `warnings` has all warnings in one text, if there are any.
    """

    model_name: str
    model_version: str
    id: str
    parameters: dict[str, Any]
    outputs: list[Output]


class Chosen(msgspec.Struct, frozen=True, gc=False):
    """An output that is to be written; `top` is how many classes, if they are ranked."""

    described: TensorMetadata
    is_binary: bool
    top: int = 0


def choose(request: Request, manifest: Manifest, *, explained: bool = False) -> list[Chosen]:
    """Choose the outputs of a request: those it names, otherwise the prediction alone.

    Parameters
    ----------
    explained : bool
        Whether explanations are an output even if the request does not name it.

    Raises
    ------
    BadRequest
        With the outputs that the model does not have, or that are named twice.
    """
    offered = outputs_of(manifest)
    wanted = request.outputs or [Wanted(DEFAULT)]
    if explained and EXPLANATION not in {each.name for each in wanted}:
        wanted = [*wanted, Wanted(EXPLANATION)]
    if unknown := tuple({each.name: None for each in wanted if each.name not in offered}):
        raise BadRequest(
            f"the model {manifest.name!r} has no output {listed(unknown)}; "
            f"it has {', '.join(offered)}"
        )
    # A small body could name one a thousand times, and have the response as many times as large.
    if len(wanted) > 1:
        counts = Counter(each.name for each in wanted)
        if repeated := tuple(name for name, count in counts.items() if count > 1):
            raise BadRequest(f"outputs are repeated: {listed(repeated)}; name each once")
    return [_chosen(each, offered[each.name], request.wants_binary, manifest) for each in wanted]


def explains(chosen: Sequence[Chosen]) -> bool:
    """Whether explanations are among the outputs."""
    return any(each.described.name == EXPLANATION for each in chosen)


def _chosen(wanted: Wanted, described: TensorMetadata, binary: bool, manifest: Manifest) -> Chosen:  # noqa: FBT001
    parameters = wanted.parameters
    if not parameters:
        return Chosen(described, binary, 0)
    top = parameters.get("classification") or 0
    if top:
        ranked = {"predict", "predict_proba"} if "predict_proba" in outputs_of(manifest) else {}
        if wanted.name not in ranked:
            raise BadRequest(f"output {shown(wanted.name)} has no classes with probabilities")
        if not isinstance(top, int) or isinstance(top, bool) or top < 0:
            raise BadRequest(f"classification is {shown(top)}; send the number of classes")
        top = min(top, len(manifest.classes))
    own = parameters.get("binary_data")
    return Chosen(described, binary if own is None else bool(own), top)


def respond(predicted: Predicted, chosen: Sequence[Chosen], id_: str) -> Content:
    """Write the body of a response."""
    manifest, remarks = predicted.engine.manifest, predicted.rows.remarks
    count = len(predicted.rows.matrix)
    outputs: list[Output] = []
    parts: list[bytes] = []
    for each in chosen:
        values, width, datatype = _values(predicted, each)
        output = Output(each.described.name, datatype, [count, width], _parameters(each, datatype))
        if each.is_binary:
            content = tensors.to_bytes(datatype, values)
            output.parameters["binary_data_size"] = len(content)
            parts.append(content)
        else:
            output.data = values
        outputs.append(output)
    warnings = {"warnings": _listed(remarks)} if remarks else {}
    json = encode(InferenceResponse(manifest.name, str(manifest.version), id_, warnings, outputs))
    if not any(each.is_binary for each in chosen):
        return Content(json)
    return Content(b"".join([json, *parts]), str(len(json)))


def _values(predicted: Predicted, chosen: Chosen) -> tuple[Sequence[Any], int, str]:
    """Return the flat values of an output, its columns and its datatype."""
    if chosen.top:
        return _ranked(predicted, chosen.top), chosen.top, "BYTES"
    described = chosen.described
    return WRITE[described.name](predicted), described.shape[1], described.datatype


def _parameters(chosen: Chosen, datatype: str) -> dict[str, Any]:
    labels = {} if chosen.top else chosen.described.parameters or {}
    return {"content_type": "str" if datatype == "BYTES" else "np", **labels}


def _ranked(predicted: Predicted, top: int) -> list[str]:
    """Write the most probable classes of each row as `probability:index:label`."""
    classes = predicted.engine.manifest.classes
    ranked: list[str] = []
    for row in predicted.predictions.probabilities:
        first = sorted(range(len(row)), key=lambda code: -row[code])[:top]
        ranked += [f"{row[code]}:{code}:{classes[code]}" for code in first]
    return ranked


def _listed(remarks: dict[int, Any]) -> str:
    first = sorted(remarks)[:LISTED_RECORDS]
    listed = [f"record {row}: {in_one_line(remarks[row])}" for row in first]
    others = len(remarks) - len(first)
    return "; ".join([*listed, *([counted(others, "other record")] if others else [])])


def _warnings(predicted: Predicted) -> list[str]:
    remarks = predicted.rows.remarks
    return [in_one_line(remarks.get(row, ())) for row in range(len(predicted.rows.matrix))]


WRITE: dict[str, Callable[[Predicted], Sequence[Any]]] = {
    "predict": lambda predicted: predicted.predictions.values,
    "predict_proba": lambda predicted: [*chain(*predicted.predictions.probabilities)],
    "low": lambda predicted: [low for low, _ in predicted.predictions.intervals],
    "high": lambda predicted: [high for _, high in predicted.predictions.intervals],
    "id": lambda predicted: predicted.ids,
    "warnings": _warnings,
    EXPLANATION: lambda predicted: [encode(each).decode() for each in predicted.explanations],
}
