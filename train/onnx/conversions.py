"""The parts of scikit-learn that are converted to ONNX here and not by skl2onnx.

Trees of all kinds, which it converts inexactly or not at all (see trees.py); the imputer, the
target encoder and calibration (see conversions_calibrated.py), which it converts in single
precision only. `CONVERSIONS` is for its argument `custom_conversion_functions`, so that they are
also used behind transformers.
"""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx._parse import _parse_sklearn  # the only way to convert a Pipeline within a model
from skl2onnx.common.data_types import DoubleTensorType
from sklearn import tree
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import TargetEncoder

from train.onnx.conversions_calibrated import calibrated
from train.onnx.graph import Graph
from train.onnx.trees import BOOSTED, BOOSTED_FROM_HISTOGRAMS, FORESTS

# From a sum of boosted trees to the output, by scikit-learn's name of the link.
LINKS = {
    "IdentityLink": "Identity",
    "LogLink": "Exp",
    "LogitLink": "Sigmoid",
    "MultinomialLogit": "Softmax",
}


def forest(scope: Any, operator: Any, container: Any) -> None:
    """Convert a forest, or a tree alone."""
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    trees = float(len(getattr(model, "estimators_", [model])))
    sums = graph.sums(model, graph.singles(graph.input))
    if is_classifier(model) and len(model.classes_) == 2:  # noqa: PLR2004
        # From whole sums both shares are as exact as scikit-learn's: 1 minus a share may be wrong
        # in the last bit, and so below a threshold.
        sums = graph.of_both(sums, trees)
    shares = graph.add("Div", sums, graph.constant(trees))
    _set_outputs(graph, model, shares)


def gradient_boosting(scope: Any, operator: Any, container: Any) -> None:
    """Convert boosted trees; they compare in single precision, as forests do."""
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    if model.init not in {None, "zero"}:
        raise NotImplementedError("boosting that starts from another estimator")
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_)))
    _set_linked(graph, model, graph.sums(model, graph.singles(graph.input)), start)


def histogram_boosting(scope: Any, operator: Any, container: Any) -> None:
    """Convert boosted trees that were grown from histograms; they compare in double precision."""
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    sums = graph.sums(model, graph.doubles(graph.input))
    _set_linked(graph, model, sums, model._baseline_prediction)


def _set_linked(graph: Graph, model: Any, sums: str, start: Any) -> None:
    link = LINKS[type(model._loss.link).__name__]
    linked = graph.add(link, graph.add("Add", sums, graph.constant(start)))
    if is_classifier(model) and len(model.classes_) == 2:  # noqa: PLR2004
        linked = graph.of_both(linked, 1.0)
    _set_outputs(graph, model, linked)


def _set_outputs(graph: Graph, model: Any, computed: str) -> None:
    """Make numbers, or the probabilities of all classes, the outputs."""
    if not is_classifier(model):
        graph.set_output(0, computed)
        return
    graph.set_label_and_probabilities(model.classes_, computed)


def imputer(scope: Any, operator: Any, container: Any) -> None:
    """Convert an imputer that replaces missing values, or a number that stands for them."""
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    sign = model.missing_values
    is_nan = isinstance(sign, float) and np.isnan(sign)
    is_number = isinstance(sign, int | float) and not graph.takes_text
    # They are objects for a constant, even for a number.
    values = model.statistics_.astype(object if graph.takes_text else np.float64)
    is_whole = graph.takes_text or not np.isnan(values).any()
    if not (is_nan or is_number) or not is_whole or model.add_indicator:
        raise NotImplementedError("an imputer that does more than replace a number")
    if graph.takes_text:
        given = graph.input
        missing = graph.add("Equal", given, graph.constant("nan"))
    else:
        given = graph.doubles(graph.input)
        is_missing = ("IsNaN", given) if is_nan else ("Equal", given, graph.constant(float(sign)))
        missing = graph.add(*is_missing)
    graph.set_output(0, graph.add("Where", missing, graph.constant([values]), given))


def target_encoder(scope: Any, operator: Any, container: Any) -> None:
    """Convert an encoder that replaces a category's code by the mean of the target."""
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    if graph.takes_text or len(operator.inputs) > 1:
        raise NotImplementedError("target encoding of anything but a matrix of codes")
    rows = graph.doubles(graph.input)
    targets = model.target_mean_ if model.target_type_ == "multiclass" else [model.target_mean_]
    columns = []
    for at, encoding in enumerate(model.encodings_):
        feature, target = divmod(at, len(targets))
        value = graph.add("Gather", rows, graph.constant([feature]), axis=1)
        known = graph.add("Equal", value, graph.constant([model.categories_[feature]]))
        mean = graph.add("MatMul", graph.doubles(known), graph.constant(encoding[:, None]))
        is_known = graph.add(
            "ReduceMax", graph.add("Cast", known, to=TensorProto.INT64), graph.constant([1])
        )
        unknown = graph.constant(float(targets[target]))
        columns.append(
            graph.add("Where", graph.add("Cast", is_known, to=TensorProto.BOOL), mean, unknown)
        )
    graph.set_output(0, graph.add("Concat", *columns, axis=1))


def transformed_target(scope: Any, operator: Any, container: Any) -> None:
    """Convert a regression of a function of its target, such as the logarithm."""
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    if model.inverse_func not in {np.exp, np.expm1}:
        raise NotImplementedError("a function of the target other than log and log1p")
    (predicted,) = _parse_sklearn(scope, model.regressor_, operator.inputs)
    target = graph.add("Exp", predicted.full_name)
    if model.inverse_func is np.expm1:
        target = graph.add("Sub", target, graph.constant(1.0))
    graph.set_output(0, target)


def _one_number(operator: Any) -> None:
    operator.outputs[0].type = DoubleTensorType([None, 1])


def _a_column_for_each_encoding(operator: Any) -> None:
    operator.outputs[0].type = DoubleTensorType([None, len(operator.raw_operator.encodings_)])


SHAPES = {
    TargetEncoder: _a_column_for_each_encoding,
    TransformedTargetRegressor: _one_number,
}
CONVERSIONS = {
    **dict.fromkeys((*FORESTS, tree.ExtraTreeClassifier, tree.ExtraTreeRegressor), forest),
    **dict.fromkeys(BOOSTED, gradient_boosting),
    **dict.fromkeys(BOOSTED_FROM_HISTOGRAMS, histogram_boosting),
    CalibratedClassifierCV: calibrated,
    SimpleImputer: imputer,
    TargetEncoder: target_encoder,
    TransformedTargetRegressor: transformed_target,
}
