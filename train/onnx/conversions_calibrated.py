"""Calibrated classifiers in ONNX, in double precision: by sigmoid, isotonic steps or temperature.

A calibrator takes the decision function of its classifier, or its probabilities where it has none.
skl2onnx has the first for few estimators and in single precision only, so it is computed here from
the parts of the fitted model.
"""

from functools import reduce
from typing import Any

import numpy as np
from skl2onnx._parse import _parse_sklearn  # the only way to convert a Pipeline within a model
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from train.onnx.graph import Graph
from train.onnx.trees import FORESTS

MIN_PROBABILITY = 1e-12  # what scikit-learn adds before it takes the logarithm


def calibrated(scope: Any, operator: Any, container: Any) -> None:
    """Convert a CalibratedClassifierCV; of several calibrated copies the mean is the output."""
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    each = [_probabilities(graph, scope, operator, one) for one in model.calibrated_classifiers_]
    total = reduce(lambda left, right: graph.add("Add", left, right), each)
    output = graph.add("Div", total, graph.constant(float(len(each))))
    if len(model.classes_) == 2:  # noqa: PLR2004
        output = graph.of_both(output, 1.0)
    graph.set_label_and_probabilities(model.classes_, output)


def _probabilities(graph: Graph, scope: Any, operator: Any, one: Any) -> str:
    """The probabilities of one calibrated copy: of all labels, or of the second of two."""
    if len(one.estimator.classes_) != len(one.classes):
        raise NotImplementedError("calibration of a part of the labels")
    scores = _scores(graph, scope, operator, one.estimator)
    if one.method == "temperature":
        return _cooled(graph, scores, one)
    if len(one.calibrators) == 1:
        return _apply(graph, scores, one.calibrators[0])
    columns = [
        _apply(graph, graph.add("Gather", scores, graph.constant([at]), axis=1), calibrator)
        for at, calibrator in enumerate(one.calibrators)
    ]
    joined = graph.add("Concat", *columns, axis=1)
    total = graph.add("ReduceSum", joined, graph.constant([1]), keepdims=1)
    share = graph.add("Div", joined, total)
    nothing = graph.add("Equal", total, graph.constant(0.0))
    return graph.add("Where", nothing, graph.constant(1 / len(columns)), share)


def _cooled(graph: Graph, scores: str, one: Any) -> str:
    """Probabilities of many labels, by one temperature for all."""
    if len(one.classes) == 2:  # noqa: PLR2004
        raise NotImplementedError("a temperature of two labels")
    if not hasattr(one.estimator, "decision_function"):
        scores = graph.add("Log", graph.add("Add", scores, graph.constant(MIN_PROBABILITY)))
    warm = graph.add("Mul", scores, graph.constant(float(one.calibrators[0].beta_)))
    return graph.add("Softmax", warm, axis=1)


def _scores(graph: Graph, scope: Any, operator: Any, estimator: Any) -> str:
    """The input of a calibrator: a column for each label, or one for the second of two."""
    is_frozen = isinstance(estimator, FrozenEstimator)
    model = estimator.estimator if is_frozen else estimator
    inputs, rows = operator.inputs, graph.input
    if isinstance(model, Pipeline):
        for _, step in model.steps[:-1]:
            inputs = _parse_sklearn(scope, step, inputs)
        (prepared,), model = inputs, model[-1]
        rows = prepared.full_name
    if isinstance(model, FORESTS):
        trees = graph.constant(float(len(getattr(model, "estimators_", [model]))))
        return graph.add("Div", graph.sums(model, graph.singles(rows)), trees)
    if isinstance(model, HistGradientBoostingClassifier):
        sums = graph.sums(model, graph.doubles(rows))
        return graph.add("Add", sums, graph.constant(model._baseline_prediction))
    if isinstance(model, LogisticRegression):
        weights, start = graph.constant(model.coef_.T), graph.constant(model.intercept_)
        return graph.add("Gemm", graph.doubles(rows), weights, start)
    raise NotImplementedError(f"calibration of {type(model).__name__}")


def _apply(graph: Graph, scores: str, calibrator: Any) -> str:
    """A calibrator's probability for each of a column of scores."""
    if not isinstance(calibrator, IsotonicRegression):  # so it is a sigmoid
        slope, start = graph.constant(-calibrator.a_), graph.constant(-calibrator.b_)
        return graph.add("Sigmoid", graph.add("Add", graph.add("Mul", scores, slope), start))
    if calibrator.out_of_bounds != "clip":
        raise NotImplementedError("isotonic calibration without outputs beyond its training range")
    x, y = calibrator.X_thresholds_, calibrator.y_thresholds_
    if len(x) == 1:
        return graph.add("Add", graph.add("Mul", scores, graph.constant(0.0)), graph.constant(y[0]))
    # Piecewise linear: each step adds its slope times the part of it that the score has passed.
    passed = graph.add("Sub", scores, graph.constant(x[:-1]))
    passed = graph.add("Max", passed, graph.constant(0.0))
    passed = graph.add("Min", passed, graph.constant(np.diff(x)))
    rises = graph.constant((np.diff(y) / np.diff(x))[:, None])
    return graph.add("Add", graph.add("MatMul", passed, rises), graph.constant(y[0]))
