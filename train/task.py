"""What training must know of a task, whether its answers are labels or numbers."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serving.inputs.schema import Matrix

SEED = 0  # of splits, estimators and samples

Kind = Literal["classification", "regression"]
Target = NDArray[Any]  # shape (rows,): codes of labels, or numbers
Rows = NDArray[np.intp]  # positions of rows
Groups = NDArray[np.intp]  # shape (rows,): rows of one group have one number


class HeldOut(NamedTuple):
    """What models said of rows that they were not fitted on, in repeated cross-validation.

    Attributes
    ----------
    answers : ndarray of float, shape (repeats, rows, outputs)
    groups : ndarray of int, shape (rows,)
        Rows of one group were always held out together.
    thresholds : list of float
        Where each fold's training put the threshold, if it has one.
    judged : ndarray of int
        The rows that the model is judged by.
    """

    outputs: NDArray[np.float64]
    groups: Groups
    thresholds: list[float]
    judged: Rows

    @property
    def mean(self) -> Matrix:
        """Each row's answer, averaged over the repeats."""
        mean: Matrix = self.outputs.mean(axis=0)
        return mean


class Task(Protocol):
    """How answers of a kind are taught, tested, decided and remembered.

    Attributes
    ----------
    kind : {"classification", "regression"}
    folds, baseline, remark : str
        Words for the protocol of its evaluation.
    better : {1, -1}
        1 where the first of its metrics is better high, -1 where it is better low.
    """

    kind: ClassVar[Kind]
    folds: ClassVar[str]
    baseline: ClassVar[str]
    better: ClassVar[int]

    @property
    def remark(self) -> str:
        """What the figures are of, where that is not plain."""

    def encode(self, column: ArrayLike) -> Target:
        """A column of the target as an array."""

    def to_fit(self, y: Target) -> NDArray[Any]:
        """The truth as the estimator is taught it."""

    def dummy(self) -> Any:
        """An estimator that knows no field."""

    def splits(
        self, folds: int, seed: int, y: Target, groups: Groups
    ) -> Iterator[tuple[Rows, Rows]]:
        """For each fold, the rows to train on and those to test on; groups stay together."""

    def predict(self, estimator: Any, rows: Matrix) -> Matrix:
        """What a fitted estimator says, shape (rows, outputs)."""

    def threshold(self, fitted: Any, y: Target) -> float | None:
        """Where a training on this truth puts the threshold, if there is one."""

    def score(self, y: Target, outputs: Matrix, threshold: float | None) -> dict[str, float]:
        """The metrics of one fold; NaN for one that it cannot have."""

    def first_metric(self, y: Target, outputs: Matrix) -> float:
        """The first of the metrics, with no threshold."""

    def to_outputs(self, prediction: Any, probabilities: dict[str, float] | None) -> list[float]:
        """An answer of the service as a row of answers; ValueError for a label unknown here."""

    def losses(self, y: Target, outputs: Matrix) -> NDArray[np.float64]:
        """How wrong each answer is, by the loss that `loss` names."""

    def loss(self, outputs: Matrix) -> str:
        """What is measured of such answers to compare two versions row by row."""

    def decide(self, outputs: Matrix, threshold: float | None) -> list[str | float]:
        """The label or number that a client is told for each of the answers."""

    def typical_rows(self, y: Target, outputs: Matrix) -> Iterator[tuple[str | None, Rows]]:
        """Rows that are the plainest of their kind, and the label that they then have."""

    def rounded(self, figure: float) -> float:
        """A metric with as many digits as mean something."""

    def manifest_entries(self, fitted: Any, y: Target, held_out: HeldOut) -> dict[str, Any]:
        """The entries of the manifest that this kind alone has."""

    def card_entries(self, y: Target, outputs: Matrix, threshold: float | None) -> dict[str, Any]:
        """The entries of the card that this kind alone has."""

    def outcomes(
        self, y: Target, outputs: Matrix
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]] | None:
        """Whether what a probability is of came true, and the probability; None without any."""

    def reference_entries(self, y: Target | None, outputs: Matrix) -> dict[str, Any]:
        """The entries of the reference that this kind alone has; the truth may not be known."""
