"""The part of an ONNX graph that a conversion writes."""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx.common.data_types import StringTensorType, guess_proto_type

from train.onnx.trees import attributes, trees_of

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

    def singles(self, tensor: str) -> str:
        """A tensor rounded to single precision, in double precision."""
        return self.doubles(self.add("Cast", tensor, to=TensorProto.FLOAT))

    def sums(self, model: Any, rows: str) -> str:
        """The sum of the model's trees for each row."""
        trees = attributes(trees_of(model))
        # Really of version 5, which skl2onnx does not accept: it is declared at the end.
        return self.add("TreeEnsemble", rows, op_domain=ML_DOMAIN, op_version=3, **trees)

    def of_both(self, second: str, whole: float) -> str:
        """The shares of both of two classes in a whole, from that of the second one."""
        factors, summands = self.constant([[-1.0, 1.0]]), self.constant([whole, 0.0])
        return self.add("Gemm", second, factors, summands)

    def set_label_and_probabilities(self, classes: Any, probabilities: str) -> None:
        """Make the most probable label and the probabilities of all labels the outputs."""
        best = self.add("ArgMax", probabilities, axis=1, keepdims=0)
        self.set_output(0, self.add("Gather", self.constant(classes), best))
        self.set_output(1, probabilities)

    def set_output(self, at: int, tensor: str) -> None:
        """Make a tensor one of the estimator's outputs, of the type that was declared for it."""
        declared = self._outputs[at]
        if isinstance(declared.type, StringTensorType):
            self.add("Identity", tensor, output=declared.full_name)
        else:
            kind = guess_proto_type(declared.type)
            self.add("Cast", tensor, output=declared.full_name, to=kind)
