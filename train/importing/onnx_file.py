"""An ONNX file as an estimator: its inputs, its labels, and what is refused in it."""

from pathlib import Path
from typing import Any

import onnx
from onnx import external_data_helper
from onnx.helper import get_attribute_value
from onnx.numpy_helper import to_array

from serving.models.onnx_model import (
    DTYPES,
    OnnxLabels,
    OnnxModel,
    OnnxProbabilities,
    OnnxRegressor,
)
from serving.models.refusals import reason
from train.errors import TrainingError

LABELS = ("tensor(string)", "tensor(int64)", "tensor(int32)")


def load(file: Path, width: int) -> OnnxModel:
    """Read a classifier or regressor.

    Parameters
    ----------
    width : int
        The columns of a matrix where the file leaves them open.

    Raises
    ------
    TrainingError
        If ONNX Runtime cannot load it, it reads other files, or it predicts something else.
    """
    try:
        content = file.read_bytes()
        read = onnx.load_model_from_string(content)
        _require_alone(file, read)
        session = OnnxModel(content, []).session
    except TrainingError:
        raise
    except Exception as error:  # why: both libraries have many error types of their own
        raise TrainingError(f"{file} cannot be loaded by ONNX Runtime: {reason(error)}") from error
    columns = _columns(file, session.get_inputs())
    model = _model(file, content, columns, read.graph, session.get_outputs())
    if not columns:
        wide = session.get_inputs()[0].shape[1]
        model.n_features_in_ = wide if isinstance(wide, int) else width
    return model


def _require_alone(file: Path, model: Any) -> None:
    """Refuse a model that would read other files, also in a part of its graph."""
    tensors = external_data_helper._get_all_tensors(model)  # noqa: SLF001 # onnx has no other
    if any(map(external_data_helper.uses_external_data, tensors)):
        raise TrainingError(
            f"{file} keeps its weights in other files: save it as one, by "
            "onnx.save(model, file, save_as_external_data=False)"
        )


def _model(
    file: Path, content: bytes, columns: list[str], graph: Any, outputs: list[Any]
) -> OnnxModel:
    """The model by what it predicts: numbers, labels, or labels with probabilities."""
    if outputs[0].type not in LABELS:
        return OnnxRegressor(content, columns)
    maps = len(outputs) > 1 and outputs[1].type.startswith("seq(map")
    classes = _classes(graph, is_text=outputs[0].type == "tensor(string)")
    if not classes:
        raise TrainingError(
            f"{file} predicts labels, but does not list them: export it with a classifier of "
            "ai.onnx.ml, as skl2onnx and onnxmltools do"
        )
    if maps or (len(outputs) > 1 and outputs[1].shape[-1:] != [1]):
        return OnnxProbabilities(content, columns, classes)
    return OnnxLabels(content, columns, classes)


def _columns(file: Path, inputs: list[Any]) -> list[str]:
    """The names of inputs that are single columns; none if the only one is a matrix."""
    if strange := [node for node in inputs if node.type not in DTYPES]:
        raise TrainingError(
            f"{file}: the input {strange[0].name!r} is a {strange[0].type}, but only tensors of "
            "numbers, booleans and texts can be fed"
        )
    if len(inputs) == 1 and len(inputs[0].shape) == 2 and inputs[0].shape[1] != 1:  # noqa: PLR2004
        return []
    for node in inputs:
        if len(node.shape) > 2 or node.shape[1:] not in ([], [1]):  # noqa: PLR2004
            raise TrainingError(
                f"{file}: the input {node.name!r} has the shape {node.shape}, but several inputs "
                "must be columns, and a single one a matrix of rows"
            )
    return [node.name for node in inputs]


def _classes(graph: Any, *, is_text: bool) -> list[str | int]:
    """The labels: of a node that lists them, or of the array from which they are taken."""
    wanted = "strings" if is_text else "int64s"
    for node in reversed(graph.node):
        for attribute in node.attribute:
            if attribute.name in {f"classlabels_{wanted}", f"classlabels_{wanted[:-3]}s"}:
                found = [
                    each.decode() if isinstance(each, bytes) else int(each)
                    for each in get_attribute_value(attribute)
                ]
                if found:
                    return found
    for array in graph.initializer:
        if array.name.startswith("classes"):
            return [
                each.decode() if isinstance(each, bytes) else each
                for each in to_array(array).reshape(-1).tolist()
            ]
    return []
