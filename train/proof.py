"""A model compiled to ONNX, and the proof that it answers as the pickle does."""

import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
from onnx import ModelProto, TensorProto
from onnx.helper import make_node, make_opsetid, make_tensor_value_info
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

from serving.artefact import ONNX, PICKLE, Artefact, recorded
from serving.backends import OUTPUT, ROWS, from_estimator, from_onnx, given, sources
from serving.engine import Agreement, Engine
from serving.field import Field
from serving.manifest import Manifest
from serving.schema import Matrix
from train.conversions import CONVERSIONS, SHAPES
from train.graph import ML_DOMAIN, ML_VERSION
from train.trees import Tree, trees_of

log = logging.getLogger(__name__)

PROOF_ROWS, PROOF_SEED = 24_000, 1
RECORDED_ROWS = 500


def to_onnx(estimator: Any, manifest: Manifest) -> bytes | None:
    """Compile a fitted estimator or Pipeline: rows in double precision in, answers out.

    None where that is not possible, which is no fault: the pickle serves then. So it is for
    classifiers without `predict_proba`, for what skl2onnx has no conversion, and for what ONNX
    Runtime does not compute in double precision.
    """
    if manifest.task == "classification" and not hasattr(estimator, "predict_proba"):
        return None
    failures = []
    for inputs in _possible_inputs(manifest):
        try:
            content = _converted(estimator, manifest, inputs)
            from_onnx(content, manifest)(np.zeros((1, len(manifest.fields))))
        except Exception as error:  # noqa: BLE001 # why: what cannot be converted or run shows in any way
            failures.append(str(error))
        else:
            return content
    log.info("%s is not compiled: %s", manifest.name, "; ".join(failures))
    return None


def _possible_inputs(manifest: Manifest) -> Iterator[list[tuple[str, Any]]]:
    """Names and types: of a frame's columns each, for a Pipeline may tell them apart; of all."""
    if manifest.takes == "frame":
        yield [(field.name, _input_type(field)([None, 1])) for field in manifest.fields]
    features = sum(map(len, sources(manifest.fields)))
    yield [(ROWS, DoubleTensorType([None, features]))]


def _converted(estimator: Any, manifest: Manifest, inputs: list[tuple[str, Any]]) -> bytes:
    options = {"zipmap": False} if manifest.classes else {}
    # Named, for the name it would be given is random and no two conversions would be equal.
    model = convert_sklearn(
        estimator,
        name="model",
        initial_types=inputs,
        options=options,
        custom_conversion_functions=CONVERSIONS,
        custom_shape_calculators=SHAPES,
    )
    _keep_answers(model)
    versions = {each.domain: each.version for each in model.opset_import}
    if ML_DOMAIN in versions:
        versions[ML_DOMAIN] = ML_VERSION
    # Sorted, for they come out of a set, and no two conversions would be equal.
    del model.opset_import[:]
    model.opset_import.extend(make_opsetid(*each) for each in sorted(versions.items()))
    content: bytes = model.SerializeToString()
    return content


def _input_type(field: Field) -> Any:
    return StringTensorType if field.type == "category" else DoubleTensorType


def _keep_answers(model: ModelProto) -> None:
    """Leave one output, the last one in double precision, and the nodes that it needs."""
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    answers = graph.output[-1].name
    while makers[answers].op_type in {"Cast", "Identity"}:  # some cut to single precision
        answers = makers[answers].input[0]
    needed, kept = {answers}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    constants = [constant for constant in graph.initializer if constant.name in needed]
    del graph.node[:], graph.output[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.node.append(make_node("Cast", [answers], [OUTPUT], to=TensorProto.DOUBLE))
    graph.initializer.extend(constants)
    graph.output.append(make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None, None]))


def record(artefact: Artefact, estimator: Any) -> bytes:
    """Some of the proof's rows and the estimator's answers to them, for the service to check."""
    rows, _ = _rows(artefact, estimator)
    rows = rows[:: PROOF_ROWS // RECORDED_ROWS]
    return recorded(rows, from_estimator(estimator, artefact.manifest)(rows))


def prove(artefact: Artefact) -> Agreement:
    """Hold a version's ONNX model against its pickle, on rows where they would part first.

    Half of the rows are distributed as in training; the others, where the model's trees compare the
    fields themselves, stand on and around the thresholds, and are distributed likewise if not.
    """
    rows, on_thresholds = _rows(artefact, joblib.load(io.BytesIO(artefact.contents[PICKLE])))
    contents = {file: content for file, content in artefact.contents.items() if file != ONNX}
    pickled = Engine(replace(artefact, contents=contents))
    agreement = pickled.compare(from_onnx(artefact.contents[ONNX], artefact.manifest), rows)
    return agreement._replace(on_thresholds=on_thresholds)


def _rows(artefact: Artefact, estimator: Any) -> tuple[Matrix, int]:
    """Rows of the proof, and how many of them stand on thresholds."""
    rows = artefact.reference.sample(artefact.manifest.fields, PROOF_ROWS, PROOF_SEED)
    trees = [tree for _, tree in trees_of(estimator)]
    if not trees:
        return rows, 0
    half = PROOF_ROWS // 2
    features = given(artefact.manifest.fields, rows[half:])
    rows[half:] = rows_on_thresholds(trees, rows[half:], PROOF_SEED, features)
    if artefact.manifest.takes == "frame":  # where whole numbers are whole by their type
        whole = [field.type == "integer" for field in artefact.manifest.fields]
        rows[:, whole] = np.rint(rows[:, whole])
    return rows, PROOF_ROWS - half


def rows_on_thresholds(
    trees: Sequence[Tree], rows: Matrix, seed: int, features: Matrix | None = None
) -> Matrix:
    """Move each row onto, just below or just above a threshold that it meets in the trees.

    Of each row one value is replaced: at a random node on the row's path through a random tree, by
    the node's threshold or one of its neighbours in single or double precision. These are the rows
    on which two implementations of the same trees part first.

    Parameters
    ----------
    features : ndarray of float, optional
        What the trees compare, if that is more than the rows; what is not of the rows is not moved.
    """
    features = rows if features is None else features
    random = np.random.default_rng(seed)
    moved = rows.copy()
    owner = random.integers(len(trees), size=len(rows))
    for number, tree in enumerate(trees):
        mine = np.flatnonzero(owner == number)
        for row, path in zip(mine, tree.paths(features[mine]), strict=True):
            path = [node for node in path if tree.feature[node] < rows.shape[1]]  # noqa: PLW2901
            if path:
                node = random.choice(path)
                moved[row, tree.feature[node]] = random.choice(_around(tree.threshold[node]))
    return moved


def _around(threshold: float) -> list[float]:
    single = np.float32(threshold)
    return [
        threshold,
        np.nextafter(threshold, -np.inf),
        np.nextafter(threshold, np.inf),
        float(single),
        float(np.nextafter(single, np.float32(-np.inf))),
        float(np.nextafter(single, np.float32(np.inf))),
    ]
