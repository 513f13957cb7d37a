"""What of scikit-learn is converted to ONNX here rather than by skl2onnx.

Trees in all their forms, which it converts inexactly or not at all (see trees.py), and the imputer,
which it converts for single precision alone. `CONVERSIONS` is for its argument
`custom_conversion_functions`, so they serve behind transformers too.
"""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx._parse import _parse_sklearn  # the only way to convert a Pipeline within a model
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType, guess_proto_type
from sklearn import tree
from sklearn.base import is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.impute import SimpleImputer

from train.trees import BOOSTED, BOOSTED_FROM_HISTOGRAMS, FORESTS, attributes, trees_of

# What makes a sum of boosted trees the answer, by scikit-learn's name for it.
LINKS = {
    "IdentityLink": "Identity",
    "LogLink": "Exp",
    "LogitLink": "Sigmoid",
    "MultinomialLogit": "Softmax",
}
ML_DOMAIN, ML_VERSION = "ai.onnx.ml", 5
ELEMENTS = {"f": TensorProto.DOUBLE, "i": TensorProto.INT64, "b": TensorProto.INT64}


class Graph:
    """The part of an ONNX graph that one estimator becomes, made node by node.

    Its parameters are what skl2onnx gives a converter: what names things, the operator that is to
    be converted, and what takes the nodes. Tensors are known by their names.
    """

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        self._scope, self._container, self._outputs = scope, container, operator.outputs
        self.input: str = operator.inputs[0].full_name
        self.takes_text = isinstance(operator.inputs[0].type, StringTensorType)

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = output or self._scope.get_unique_variable_name(kind)
        name = self._scope.get_unique_operator_name(kind)
        self._container.add_node(kind, [*inputs], [output], name=name, **attributes)
        return output

    def constant(self, values: Any) -> str:
        """Add numbers in double precision, whole numbers or text."""
        array = np.asarray(values)
        element = ELEMENTS.get(array.dtype.kind, TensorProto.STRING)
        content = array.ravel().tolist()
        if element == TensorProto.STRING:
            content = [text.encode() for text in content]
        name: str = self._scope.get_unique_variable_name("constant")
        self._container.add_initializer(name, element, array.shape, content)
        return name

    def doubles(self, tensor: str) -> str:
        """A tensor in double precision."""
        return self.add("Cast", tensor, to=TensorProto.DOUBLE)

    def singles(self) -> str:
        """The input cut to single precision, again in double precision."""
        return self.doubles(self.add("Cast", self.input, to=TensorProto.FLOAT))

    def sums(self, model: Any, rows: str) -> str:
        """What the model's trees add up to for each row."""
        trees = attributes(trees_of(model))
        # Of version 5 in truth, beyond what skl2onnx lets pass: declared when it is done.
        return self.add("TreeEnsemble", rows, op_domain=ML_DOMAIN, op_version=3, **trees)

    def answer(self, at: int, tensor: str) -> None:
        """Make a tensor one of the estimator's outputs, of the type that was declared for it."""
        declared = self._outputs[at]
        if isinstance(declared.type, StringTensorType):
            self.add("Identity", tensor, output=declared.full_name)
        else:
            kind = guess_proto_type(declared.type)
            self.add("Cast", tensor, output=declared.full_name, to=kind)


def forest(scope: Any, operator: Any, container: Any) -> None:
    """Convert a forest, or a tree alone.

    scikit-learn compares the single-precision value of a number with thresholds in double
    precision, so numbers are cut to that here.
    """
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    trees = graph.constant(float(len(getattr(model, "estimators_", [model]))))
    _answer(graph, model, graph.add("Div", graph.sums(model, graph.singles()), trees))


def gradient_boosting(scope: Any, operator: Any, container: Any) -> None:
    """Convert boosted trees; they compare numbers as forests do."""
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    if model.init not in {None, "zero"}:
        raise NotImplementedError("boosting that starts from another estimator")
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_)))
    _answer_linked(graph, model, graph.sums(model, graph.singles()), start)


def histogram_boosting(scope: Any, operator: Any, container: Any) -> None:
    """Convert boosted trees that were grown from histograms; they compare numbers as they are."""
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    sums = graph.sums(model, graph.doubles(graph.input))
    _answer_linked(graph, model, sums, model._baseline_prediction)


def _answer_linked(graph: Graph, model: Any, sums: str, start: Any) -> None:
    link = LINKS[type(model._loss.link).__name__]
    _answer(graph, model, graph.add(link, graph.add("Add", sums, graph.constant(start))))


def _answer(graph: Graph, model: Any, computed: str) -> None:
    """Make numbers, or probabilities of all classes or of the second of two, the outputs."""
    if not is_classifier(model):
        graph.answer(0, computed)
        return
    if len(model.classes_) == 2:  # noqa: PLR2004
        factors, summands = graph.constant([[-1.0, 1.0]]), graph.constant([1.0, 0.0])
        computed = graph.add("Gemm", computed, factors, summands)
    best = graph.add("ArgMax", computed, axis=1, keepdims=0)
    graph.answer(0, graph.add("Gather", graph.constant(model.classes_), best))
    graph.answer(1, computed)


def imputer(scope: Any, operator: Any, container: Any) -> None:
    """Convert what puts one value per column where there is none."""
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    replaces_nan = isinstance(model.missing_values, float) and np.isnan(model.missing_values)
    # Of a constant they are objects, be it a number.
    values = model.statistics_.astype(object if graph.takes_text else np.float64)
    is_whole = graph.takes_text or not np.isnan(values).any()
    if not replaces_nan or not is_whole or model.add_indicator:
        raise NotImplementedError("an imputer that does more than put a value in the place of NaN")
    if graph.takes_text:
        given = graph.input
        missing = graph.add("Equal", given, graph.constant("nan"))
    else:
        given = graph.doubles(graph.input)
        missing = graph.add("IsNaN", given)
    graph.answer(0, graph.add("Where", missing, graph.constant([values]), given))


def transformed_target(scope: Any, operator: Any, container: Any) -> None:
    """Convert a regression of a function of its target, such as the logarithm."""
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    if model.inverse_func not in {np.exp, np.expm1}:
        raise NotImplementedError("a function of the target other than log and log1p")
    (predicted,) = _parse_sklearn(scope, model.regressor_, operator.inputs)
    target = graph.add("Exp", predicted.full_name)
    if model.inverse_func is np.expm1:
        target = graph.add("Sub", target, graph.constant(1.0))
    graph.answer(0, target)


def _one_number(operator: Any) -> None:
    operator.outputs[0].type = DoubleTensorType([None, 1])


SHAPES = {TransformedTargetRegressor: _one_number}
CONVERSIONS = {
    **dict.fromkeys((*FORESTS, tree.ExtraTreeClassifier, tree.ExtraTreeRegressor), forest),
    **dict.fromkeys(BOOSTED, gradient_boosting),
    **dict.fromkeys(BOOSTED_FROM_HISTOGRAMS, histogram_boosting),
    SimpleImputer: imputer,
    TransformedTargetRegressor: transformed_target,
}
