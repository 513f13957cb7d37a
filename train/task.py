"""What training must know of a task, whether it predicts labels or numbers."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serving.inputs.schema import Matrix

SEED = 0  # of splits, estimators and samples

Kind = Literal["classification", "regression"]
Target = NDArray[Any]  # shape (rows,): codes of labels, or numbers
Rows = NDArray[np.intp]  # positions of rows
Groups = NDArray[np.intp]  # shape (rows,): rows of one group have the same number


class HeldOut(NamedTuple):
    """Predictions for rows that the models were not fitted on, in repeated cross-validation.

    Attributes
    ----------
    outputs : ndarray of float, shape (repeats, rows, outputs)
    groups : ndarray of int, shape (rows,)
        Rows of one group were always held out together.
    thresholds : list of float
        The threshold that each fold's training chose, if it has one.
    judged : ndarray of int
        The rows that the model is judged by.
    """

    outputs: NDArray[np.float64]
    groups: Groups
    thresholds: list[float]
    judged: Rows

    @property
    def mean(self) -> Matrix:
        """Each row's outputs, averaged over the repeats."""
        mean: Matrix = self.outputs.mean(axis=0)
        return mean


class Task(Protocol):
    """How models of a kind are fitted, evaluated and described.

    The `outputs` of a model have one row for each row it predicts: the probabilities of all labels,
    or one number; the code of a label where a classifier has no probabilities.

    Attributes
    ----------
    kind : {"classification", "regression"}
    folds, baseline, remark : str
        Words for the description of its evaluation.
    better : {1, -1}
        1 where a higher value of the first metric is better, -1 where a lower one is.
    """

    kind: ClassVar[Kind]
    folds: ClassVar[str]
    baseline: ClassVar[str]
    better: ClassVar[int]

    @property
    def remark(self) -> str:
        """What the metrics refer to, where that is not obvious."""

    def encode(self, column: ArrayLike) -> Target:
        """A column of the target as an array."""

    def to_fit(self, y: Target) -> NDArray[Any]:
        """The target in the form that the estimator is fitted on."""

    def dummy(self) -> Any:
        """An estimator that uses no field: the baseline."""

    def splits(
        self, folds: int, seed: int, y: Target, groups: Groups
    ) -> Iterator[tuple[Rows, Rows]]:
        """For each fold, the rows to train on and those to test on; groups stay together."""

    def predict(self, estimator: Any, rows: Matrix) -> Matrix:
        """The outputs of a fitted estimator, shape (rows, outputs)."""

    def threshold(self, fitted: Any, y: Target) -> float | None:
        """The threshold that a training on this target chooses, if it has one."""

    def score(self, y: Target, outputs: Matrix, threshold: float | None) -> dict[str, float]:
        """The metrics of one fold; NaN for one that is not defined there."""

    def first_metric(self, y: Target, outputs: Matrix) -> float:
        """The first of the metrics, without a threshold."""

    def to_outputs(self, prediction: Any, probabilities: dict[str, float] | None) -> list[float]:
        """A recorded prediction as a row of outputs; ValueError for a label unknown here."""

    def losses(self, y: Target, outputs: Matrix) -> NDArray[np.float64]:
        """The loss of each row, as `loss` names it."""

    def loss(self, outputs: Matrix) -> str:
        """The name of the loss by which two versions are compared row by row."""

    def decide(self, outputs: Matrix, threshold: float | None) -> list[str | float]:
        """The label or number that is predicted for each row."""

    def typical_rows(self, y: Target, outputs: Matrix) -> Iterator[tuple[str | None, Rows]]:
        """The most typical rows of each label, with the label; of numbers low and high ones."""

    def rounded(self, figure: float) -> float:
        """A metric with its significant digits."""

    def manifest_entries(self, fitted: Any, y: Target, held_out: HeldOut) -> dict[str, Any]:
        """The entries of the manifest that only this kind has."""

    def card_entries(self, y: Target, outputs: Matrix, threshold: float | None) -> dict[str, Any]:
        """The entries of the card that only this kind has."""

    def outcomes(
        self, y: Target, outputs: Matrix
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]] | None:
        """Whether each row has the label that a probability is of, and the probability; or None."""

    def reference_entries(self, y: Target | None, outputs: Matrix) -> dict[str, Any]:
        """The entries of the reference that only this kind has; the target may be unknown."""
