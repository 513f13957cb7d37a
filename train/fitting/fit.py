"""Fitting one estimator."""

from typing import Any

from sklearn.base import clone

from serving.inputs.schema import Matrix
from train.onnx.parts import use_one_thread


def fit(estimator: Any, rows: Matrix, y: Any, seed: int) -> Any:
    """Fit a copy of an estimator; with the same seed the result is the same to the last bit."""
    copy = clone(estimator)
    seeds = [
        name
        for name, value in copy.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value != "deprecated"
    ]
    copy.set_params(**dict.fromkeys(seeds, seed)).fit(rows, y)
    use_one_thread(copy)
    return copy
