"""The prediction of numbers: how it is evaluated and described."""

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
from train.task import SEED, Groups, HeldOut, Kind, Rows, Target


@dataclass(frozen=True, kw_only=True)
class Regression:
    """A number to predict; the target is an array of them.

    Attributes
    ----------
    unit : str
        Of the number.
    within : float or None
        A distance, for the metric of how many predictions are at most that far off.
    """

    unit: str = ""
    within: float | None = None

    kind: ClassVar[Kind] = "regression"
    folds: ClassVar = "-fold cross-validation"
    baseline: ClassVar = "the median in training"
    better: ClassVar = -1
    remark = ""

    def dummy(self) -> DummyRegressor:
        """Predict the median for all rows."""
        return DummyRegressor(strategy="median")

    def splits(
        self, folds: int, seed: int, y: Target, groups: Groups
    ) -> Iterator[tuple[Rows, Rows]]:
        """Assign groups of rows to folds."""
        splits: Iterator[tuple[Rows, Rows]] = GroupKFold(
            folds, shuffle=True, random_state=seed
        ).split(y, y, groups)
        return splits

    def encode(self, column: ArrayLike) -> Target:
        """The numbers of a column."""
        return np.asarray(column, dtype=np.float64)

    def to_fit(self, y: Target) -> Target:
        """The target as it is."""
        return y

    def predict(self, estimator: Any, rows: Matrix) -> Matrix:
        """Predictions, shape (rows, 1)."""
        predicted: Matrix = estimator.predict(rows).reshape(-1, 1)
        return predicted.astype(np.float64)

    def threshold(self, fitted: Any, y: Target) -> None:
        """There is none."""

    def score(self, y: Target, outputs: Matrix, threshold: float | None) -> dict[str, float]:  # noqa: ARG002
        """The metrics of one fold; the percentage error only where all values are above zero."""
        predicted = outputs[:, 0]
        above_zero = bool((y > 0).all())
        figures = {
            "mae": mean_absolute_error(y, predicted),
            "rmse": root_mean_squared_error(y, predicted),
            "r2": r2_score(y, predicted),
            "mape": mean_absolute_percentage_error(y, predicted) if above_zero else np.nan,
        }
        if self.within is not None:
            off = np.abs(y - predicted)
            figures[f"within_{self.within:g}"] = float((off <= self.within).mean())
        return figures

    def first_metric(self, y: Target, outputs: Matrix) -> float:
        """The mean absolute error."""
        return float(mean_absolute_error(y, outputs[:, 0]))

    def to_outputs(self, prediction: Any, probabilities: dict[str, float] | None) -> list[float]:  # noqa: ARG002
        """A recorded prediction as a row of outputs."""
        return [float(prediction)]

    def loss(self, outputs: Matrix) -> str:  # noqa: ARG002
        """The name of the loss, which has the target's unit."""
        return "mean absolute error"

    def losses(self, y: Target, outputs: Matrix) -> NDArray[np.float64]:
        """How far off each prediction is."""
        return np.abs(outputs[:, 0] - y)

    def decide(self, outputs: Matrix, threshold: float | None) -> list[str | float]:  # noqa: ARG002
        """The numbers, to three digits."""
        return [float(f"{value:.3g}") for value in outputs[:, 0]]

    def typical_rows(self, y: Target, outputs: Matrix) -> Iterator[tuple[None, Rows]]:
        """The rows with the lowest predictions, and those with the highest."""
        order = np.argsort(outputs[:, 0], kind="stable")
        few = few_of(len(y))
        yield None, order[:few]
        yield None, order[-few:]

    def card_entries(self, y: Target, outputs: Matrix, threshold: float | None) -> dict[str, Any]:  # noqa: ARG002
        """Actual values by prediction, and the distribution of the residuals."""
        predicted = outputs[:, 0]
        return {
            "bins": curves.bins(y, predicted),
            "residuals": curves.histogram(y - predicted),
        }

    def rounded(self, figure: float) -> float:
        """A figure to six digits, whatever its unit."""
        return float(f"{figure:.6g}")

    def manifest_entries(self, fitted: Any, y: Target, held_out: HeldOut) -> dict[str, Any]:  # noqa: ARG002
        """The unit, and the prediction interval."""
        # One repeat: the mean of several is better than a single model.
        at = held_out.judged
        once = held_out.outputs[0, at, 0]
        interval = conformal(y[at], once, held_out.groups[at], SEED)
        return {"unit": self.unit, "interval": interval}

    def outcomes(self, y: Target, outputs: Matrix) -> None:
        """There are no probabilities."""

    def reference_entries(self, y: Target | None, outputs: Matrix) -> dict[str, Any]:  # noqa: ARG002
        """The distribution of the predictions."""
        return {"predictions": quantiles(outputs)}
