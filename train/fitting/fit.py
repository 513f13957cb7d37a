"""Fitting one estimator."""

from collections.abc import Callable
from typing import Any

from sklearn.base import clone

from serving.inputs.schema import Matrix
from train.fitting.doing import trees
from train.fitting.threads import forest_threads
from train.onnx.parts import use_one_thread

Fitting = Callable[[Any, Any, Any], None]  # of an estimator, rows and a target


def fit(estimator: Any, rows: Matrix, y: Any, seed: int, by: Fitting | None = None) -> Any:
    """Fit a copy of an estimator; with the same seed the result is the same to the last bit.

    Parameters
    ----------
    by : callable, optional
        Fits it with rows and a target, in place of its own method.
    """
    copy = clone(estimator)
    if threads := forest_threads.get():
        wanted = [name for name in copy.get_params() if name.rpartition("__")[2] == "n_jobs"]
        copy.set_params(**dict.fromkeys(wanted, threads))
    seeds = [
        name
        for name, value in copy.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value != "deprecated"
    ]
    copy.set_params(**dict.fromkeys(seeds, seed))
    with trees(copy):
        if by:
            by(copy, rows, y)
        else:
            copy.fit(rows, y)
    use_one_thread(copy)
    return copy
