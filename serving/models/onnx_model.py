"""A model from somebody's ONNX file, run as it is, with the interface of scikit-learn's estimators.

Its pickle is the version's, so that everything that is done with an estimator is done with it.
"""

from collections.abc import Iterator
from functools import cached_property
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

DTYPES = {
    "tensor(string)": "object",
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
}
FATAL = 4  # lesser errors are raised, and need not be printed as well


class OnnxModel:
    """What the three kinds of models have in common.

    Parameters
    ----------
    content : bytes
        Of the file.
    columns : list of str
        The inputs, if each is one column; none if one input takes them all as a matrix.

    Attributes
    ----------
    n_features_in_ : int
        The columns of the matrix, if one input takes them all.
    """

    n_features_in_: int
    estimator_type: ClassVar[str] = "regressor"

    def __init__(self, content: bytes, columns: list[str]) -> None:
        self.content = content
        if columns:
            self.feature_names_in_ = np.array(columns, dtype=object)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the session out of a pickle."""
        return {name: value for name, value in vars(self).items() if name != "session"}

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what kind of estimator it is."""
        return SimpleNamespace(estimator_type=self.estimator_type)

    @cached_property
    def session(self) -> Any:
        """The model in ONNX Runtime, on the calling thread alone."""
        import onnxruntime  # noqa: PLC0415 # 25 MB that a service of forests does not need

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = FATAL
        return onnxruntime.InferenceSession(
            self.content, options, providers=["CPUExecutionProvider"]
        )

    def run(self, given: Any) -> list[Any]:
        """Compute all outputs of a frame or a matrix."""
        inputs = self.session.get_inputs()
        if inputs[0].shape[:1] != [1]:
            return list(self.session.run(None, dict(self._fed(inputs, given))))
        rows = [given[place : place + 1] for place in range(len(given))]  # it takes single rows
        outputs = [self.session.run(None, dict(self._fed(inputs, row))) for row in rows]
        return [
            np.concatenate([np.reshape(each, (1, -1)) for each in column])
            if isinstance(column[0], np.ndarray)
            else [label for each in column for label in each]
            for column in zip(*outputs, strict=True)
        ]

    def _fed(self, inputs: list[Any], given: Any) -> Iterator[tuple[str, NDArray[Any]]]:
        if not hasattr(self, "feature_names_in_"):
            yield inputs[0].name, np.asarray(given).astype(DTYPES[inputs[0].type])
            return
        for node in inputs:
            column = given[node.name]
            values = column.fillna("nan") if node.type == "tensor(string)" else column
            shape = (-1, 1) if len(node.shape) > 1 else (-1,)
            yield node.name, values.to_numpy().astype(DTYPES[node.type]).reshape(shape)

    def predict(self, given: Any) -> NDArray[Any]:
        """Return the first output: a number or a label for each row."""
        return np.asarray(self.run(given)[0]).reshape(len(given), -1)


class OnnxRegressor(OnnxModel):
    """Predicts numbers."""


class OnnxLabels(OnnxModel):
    """Predicts labels, which are its first output.

    Parameters
    ----------
    classes : list of str or int
        The labels, in the order of the probabilities where there are any.
    """

    estimator_type = "classifier"

    def __init__(self, content: bytes, columns: list[str], classes: list[str | int]) -> None:
        super().__init__(content, columns)
        self.classes_ = np.array(classes)


class OnnxProbabilities(OnnxLabels):
    """Predicts labels, and probabilities as its second output: a matrix, or a map for each row."""

    def predict_proba(self, given: Any) -> NDArray[np.float64]:
        """Return the probabilities of the labels for each row."""
        probabilities = self.run(given)[1]
        if isinstance(probabilities, list):
            labels = self.classes_.tolist()
            probabilities = [[each[label] for label in labels] for each in probabilities]
        return np.asarray(probabilities, np.float64)
