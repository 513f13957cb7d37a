"""A task whose answers are numbers: how they are tested, and how far they may be off."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.dummy import DummyRegressor
from sklearn.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    r2_score,
    root_mean_squared_error,
)
from sklearn.model_selection import GroupKFold

from serving.inputs.schema import Matrix
from train.evaluation import curves
from train.evaluation.interval import conformal
from train.evaluation.reference import few_of, quantiles
from train.task import Groups, HeldOut, Kind, Rows, Truth

SEED = 0


@dataclass(frozen=True, kw_only=True)
class Regression:
    """A number to predict; the truth is an array of them.

    Attributes
    ----------
    unit : str
        The number's.
    within : float or None
        A distance, for the share of predictions that are no farther off.
    """

    unit: str = ""
    within: float | None = None

    kind: ClassVar[Kind] = "regression"
    folds: ClassVar = "-fold cross-validation"
    baseline: ClassVar = "the median in training"
    better: ClassVar = -1
    remark = ""

    def dummy(self) -> DummyRegressor:
        """Know the median and nothing else."""
        return DummyRegressor(strategy="median")

    def splits(
        self, folds: int, seed: int, truth: Truth, groups: Groups
    ) -> Iterator[tuple[Rows, Rows]]:
        """Deal groups of rows to folds."""
        dealt: Iterator[tuple[Rows, Rows]] = GroupKFold(
            folds, shuffle=True, random_state=seed
        ).split(truth, truth, groups)
        return dealt

    def truth(self, column: ArrayLike) -> Truth:
        """The numbers of a column."""
        return np.asarray(column, dtype=np.float64)

    def lesson(self, truth: Truth) -> Truth:
        """The truth as the estimator is taught it."""
        return truth

    def answers(self, estimator: Any, rows: Matrix) -> Matrix:
        """Predictions, shape (rows, 1)."""
        predicted: Matrix = estimator.predict(rows).reshape(-1, 1)
        return predicted.astype(np.float64)

    def threshold(self, fitted: Any, truth: Truth) -> None:
        """There is none."""

    def score(self, truth: Truth, answers: Matrix, threshold: float | None) -> dict[str, float]:  # noqa: ARG002
        """The metrics of one fold; errors in per cent only of what is above zero."""
        predicted = answers[:, 0]
        above_zero = bool((truth > 0).all())
        figures = {
            "mae": mean_absolute_error(truth, predicted),
            "rmse": root_mean_squared_error(truth, predicted),
            "r2": r2_score(truth, predicted),
            "mape": mean_absolute_percentage_error(truth, predicted) if above_zero else np.nan,
        }
        if self.within is not None:
            off = np.abs(truth - predicted)
            figures[f"within_{self.within:g}"] = float((off <= self.within).mean())
        return figures

    def first(self, truth: Truth, answers: Matrix) -> float:
        """The mean absolute error."""
        return float(mean_absolute_error(truth, answers[:, 0]))

    def recorded(self, prediction: Any, probabilities: dict[str, float] | None) -> list[float]:  # noqa: ARG002
        """An answer of the service as a row of answers."""
        return [float(prediction)]

    def loss(self, answers: Matrix) -> str:  # noqa: ARG002
        """What two versions are compared by, in the target's unit."""
        return "mean absolute error"

    def losses(self, truth: Truth, answers: Matrix) -> NDArray[np.float64]:
        """How far off each answer is."""
        return np.abs(answers[:, 0] - truth)

    def told(self, answers: Matrix, threshold: float | None) -> list[str | float]:  # noqa: ARG002
        """The numbers, to three digits."""
        return [float(f"{value:.3g}") for value in answers[:, 0]]

    def plain(self, truth: Truth, answers: Matrix) -> Iterator[tuple[None, Rows]]:
        """The rows with the lowest predictions, and those with the highest."""
        order = np.argsort(answers[:, 0], kind="stable")
        few = few_of(len(truth))
        yield None, order[:few]
        yield None, order[-few:]

    def card(self, truth: Truth, answers: Matrix, threshold: float | None) -> dict[str, Any]:  # noqa: ARG002
        """How true values spread about their predictions."""
        predicted = answers[:, 0]
        return {
            "bins": curves.bins(truth, predicted),
            "residuals": curves.histogram(truth - predicted),
        }

    def rounded(self, figure: float) -> float:
        """A figure to six digits, whatever its unit."""
        return float(f"{figure:.6g}")

    def manifest(self, fitted: Any, truth: Truth, held_out: HeldOut) -> dict[str, Any]:  # noqa: ARG002
        """What the manifest says of a regression alone."""
        # One repeat: the mean of several is nearer the truth than a model's answer is.
        at = held_out.judged
        once = held_out.answers[0, at, 0]
        interval = conformal(truth[at], once, held_out.groups[at], SEED)
        return {"unit": self.unit, "interval": interval}

    def came_true(self, truth: Truth, answers: Matrix) -> None:
        """There are no probabilities."""

    def reference(self, truth: Truth | None, answers: Matrix) -> dict[str, Any]:  # noqa: ARG002
        """What the reference says of a regression alone."""
        return {"predictions": quantiles(answers)}
