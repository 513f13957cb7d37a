"""A model compiled for serving, and the proof that it predicts as the pickle does."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
from onnx import ModelProto, TensorProto
from onnx.helper import make_node, make_opsetid, make_tensor_value_info
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline

from serving.inputs.field import Field
from serving.models import recorded_outputs
from serving.models.artefact import FOREST, ONNX, PICKLE, Artefact
from serving.models.backends import OUTPUT, ROWS, feature_columns, from_estimator, from_onnx
from serving.models.engine import Agreement, Engine
from serving.models.forest import from_forest, is_available
from serving.models.manifest import Manifest
from serving.models.reference import Reference
from train.onnx import forest
from train.onnx.conversions import CONVERSIONS, SHAPES
from train.onnx.graph import ML_DOMAIN, ML_VERSION
from train.onnx.proof_rows import ProofRows, draw

log = logging.getLogger(__name__)

PROOF_ROWS, RECORDED_ROWS = 24_000, 500


def to_onnx(estimator: Any, manifest: Manifest) -> bytes | None:
    """Compile a fitted estimator or Pipeline: from rows in double precision to outputs.

    None where that is not possible, which is no error: the pickle serves then. So it is with
    classifiers whose `predict` is served, with what skl2onnx cannot convert or ONNX Runtime cannot
    compute in double precision, and with free text.
    """
    if manifest.outputs != "probabilities":
        return None
    if any(field.type == "text" for field in manifest.fields):  # which no matrix of numbers holds
        return None
    estimator = as_served(estimator, manifest)
    example = np.array([[each.read(manifest.example.get(each.name)) for each in manifest.fields]])
    failures = []
    for inputs in _possible_inputs(manifest):
        try:
            content = _converted(estimator, manifest, inputs)
            from_onnx(content, manifest)(example)
        except Exception as error:  # noqa: BLE001 # why: conversion and runtime raise anything
            failures.append(str(error))
        else:
            return content
    log.info("%s is not compiled: %s", manifest.name, "; ".join(failures))
    return None


def to_forest(estimator: Any, manifest: Manifest) -> bytes | None:
    """Lay the trees of a fitted estimator or Pipeline out as a table, if it is made of trees.

    None also where the service's C code was not compiled: there no table could be proved.
    """
    if not is_available():
        return None
    return forest.to_forest(as_served(estimator, manifest), manifest)


def as_served(estimator: Any, manifest: Manifest) -> Any:
    """The estimator whose outputs are served; the service compares them with the threshold."""
    return _without_threshold(estimator) if manifest.threshold else estimator


def _without_threshold(estimator: Any) -> Any:
    """The estimator whose probabilities a threshold is compared with."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return Pipeline([*estimator.steps[:-1], (name, _without_threshold(last))])
    if isinstance(estimator, FixedThresholdClassifier | TunedThresholdClassifierCV):
        return estimator.estimator_
    return estimator


def _possible_inputs(manifest: Manifest) -> Iterator[list[tuple[str, Any]]]:
    """Names and types of the inputs: one for each column, where a Pipeline needs it, or one."""
    if manifest.takes == "frame":
        yield [(field.name, _input_type(field)([None, 1])) for field in manifest.fields]
    features = sum(map(len, feature_columns(manifest.fields)))
    yield [(ROWS, DoubleTensorType([None, features]))]


def _converted(estimator: Any, manifest: Manifest, inputs: list[tuple[str, Any]]) -> bytes:
    options = {"zipmap": False} if manifest.classes else {}
    # Named, because the default name is random and no two conversions would be equal.
    model = convert_sklearn(
        estimator,
        name="model",
        initial_types=inputs,
        options=options,
        custom_conversion_functions=CONVERSIONS,
        custom_shape_calculators=SHAPES,
    )
    _join_in_double(model)
    _keep_output(model)
    versions = {each.domain: each.version for each in model.opset_import}
    if ML_DOMAIN in versions:
        versions[ML_DOMAIN] = ML_VERSION
    # Sorted, because they come out of a set and no two conversions would be equal.
    del model.opset_import[:]
    model.opset_import.extend(make_opsetid(*each) for each in sorted(versions.items()))
    content: bytes = model.SerializeToString()
    return content


def _input_type(field: Field) -> Any:
    return StringTensorType if field.type == "category" else DoubleTensorType


def _join_in_double(model: ModelProto) -> None:
    """Join columns in double precision, which skl2onnx would do in single precision."""
    for node in model.graph.node:
        if node.op_type == "FeatureVectorizer":
            node.CopyFrom(make_node("Concat", node.input, node.output, node.name, axis=1))


def _keep_output(model: ModelProto) -> None:
    """Leave one output, the last one in double precision, and the nodes that it needs."""
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    output = graph.output[-1].name
    while makers[output].op_type in {"Cast", "Identity"}:  # some cut to single precision
        output = makers[output].input[0]
    needed, kept = {output}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    constants = [constant for constant in graph.initializer if constant.name in needed]
    del graph.node[:], graph.output[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.node.append(make_node("Cast", [output], [OUTPUT], to=TensorProto.DOUBLE))
    graph.initializer.extend(constants)
    graph.output.append(make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None, None]))


def draw_rows(manifest: Manifest, reference: Reference, estimator: Any) -> ProofRows:
    """The rows of the proof."""
    return draw(manifest, reference, estimator, PROOF_ROWS)


def record(artefact: Artefact, estimator: Any, rows: ProofRows | None = None) -> bytes:
    """Some of the proof's rows and the estimator's outputs for them, for the service to check.

    Parameters
    ----------
    rows : ProofRows, optional
        The proof's rows; drawn here if not given.
    """
    rows = rows or draw_rows(artefact.manifest, artefact.reference, estimator)
    few = rows.accepted[:: max(1, len(rows.accepted) // RECORDED_ROWS)]
    return recorded_outputs.encode(few, from_estimator(estimator, artefact.manifest)(few))


def prove(artefact: Artefact, rows: ProofRows | None = None) -> dict[str, Agreement]:
    """Compare a version's compiled files with its pickle, on rows where they would differ first.

    Parameters
    ----------
    rows : ProofRows, optional
        The proof's rows; drawn here if not given.

    Returns
    -------
    dict of str to Agreement
        By file; only those that can be loaded here.
    """
    loaders = {FOREST: from_forest, ONNX: from_onnx} if is_available() else {ONNX: from_onnx}
    compiled = {
        file: load(artefact.contents[file], artefact.manifest)
        for file, load in loaders.items()
        if file in artefact.contents
    }
    if not compiled:
        return {}
    if rows is None:
        estimator = joblib.load(io.BytesIO(artefact.contents[PICKLE]))
        rows = draw_rows(artefact.manifest, artefact.reference, estimator)
    pickled = Engine(artefact.without_compiled())
    return {
        file: pickled.compare(compute, rows.rows)._replace(on_thresholds=rows.on_thresholds)
        for file, compute in compiled.items()
    }
