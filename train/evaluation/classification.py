"""The prediction of labels: how it is evaluated, decided and described."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.dummy import DummyClassifier
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from serving.inputs.schema import Matrix
from serving.models.manifest import Threshold
from serving.sentence import Sentence
from train.errors import TrainingError
from train.evaluation import curves, metrics
from train.evaluation.reference import counts, few_of, quantiles
from train.fitting.threshold import Labels, Probability, Rule
from train.task import Groups, HeldOut, Kind, Rows, Target

MANY_ROWS = 7500
NOTHING = 1e-9  # smaller figures are rounding errors of 0
MAX_CURVES, MAX_CONFUSED = 8, 30  # labels with curves and examples, and in a confusion matrix


@dataclass(frozen=True, kw_only=True)
class Classification:
    """Labels to predict; the target is an array of codes, the positions in `labels`.

    Attributes
    ----------
    labels : tuple of str
        In the order of the estimator's own: alphabetical, unless it is fitted on codes.
    positive : str
        The label of interest, where there are two.
    rule : Rule or None
        How the threshold on the probability of `positive` is chosen; without one the most probable
        label is predicted.
    coded : bool
        Whether the estimator is fitted on codes, because it accepts no text.
    """

    labels: tuple[str, ...]
    positive: str = ""
    rule: Rule | None = None
    coded: bool = False

    kind: ClassVar[Kind] = "classification"
    folds: ClassVar = "-fold stratified cross-validation"
    baseline: ClassVar = "the majority class"
    better: ClassVar = 1

    @property
    def remark(self) -> str:
        """What the metrics refer to, where that is not obvious."""
        if not self.positive:
            return "; ROC AUC and F1: mean over the labels"
        return "" if self.rule else f"; PR AUC, Brier score and F1 are of {self.positive!r}"

    def dummy(self) -> DummyClassifier:
        """Predict each label with its share of the rows."""
        return DummyClassifier(strategy="prior")

    def splits(
        self, folds: int, seed: int, y: Target, groups: Groups
    ) -> Iterator[tuple[Rows, Rows]]:
        """Assign groups of rows to folds so that each fold has its share of every label."""
        # Many groups take seconds, which are not needed where all rows are different.
        single = len(groups) > MANY_ROWS and len(np.unique(groups)) == len(groups)
        kind = StratifiedKFold if single else StratifiedGroupKFold
        splits: Iterator[tuple[Rows, Rows]] = kind(folds, shuffle=True, random_state=seed).split(
            y, y, None if single else groups
        )
        return splits

    def encode(self, column: ArrayLike) -> Target:
        """The codes of a column of labels.

        Raises
        ------
        TrainingError
            If a label is none of them.
        """
        values = pd.Index(np.asarray(column))
        codes = pd.Index(self.labels).get_indexer(values)
        if (codes < 0).any():
            raise TrainingError(
                Sentence(
                    "the target is {label!r} in a row, none of {labels}: correct it, or leave the "
                    "row out",
                    label=values[codes < 0][0],
                    labels=self.labels,
                )
            )
        return codes

    def to_fit(self, y: Target) -> NDArray[Any]:
        """The target as the estimator is fitted on it: labels, or codes."""
        return y if self.coded else np.array(self.labels, dtype=object)[y]

    def predict(self, estimator: Any, rows: Matrix) -> Matrix:
        """Probabilities, shape (rows, labels); 0 for a label that was not in the training rows."""
        every = self.to_fit(np.arange(len(self.labels)))
        probabilities = np.zeros((len(rows), len(every)))
        probabilities[:, np.searchsorted(every, estimator.classes_)] = estimator.predict_proba(rows)
        return probabilities

    def threshold(self, fitted: Any, y: Target) -> float | None:
        """The threshold that the rule chooses after a training on this target."""
        if self.rule is None:
            return None
        return self.rule.choose(self._is_positive(y), self._out_of_bag(fitted))

    def score(self, y: Target, outputs: Matrix, threshold: float | None) -> dict[str, float]:
        """The metrics of one fold: of the probabilities, if there are any, then of the labels.

        The codes of predicted labels may be the only column, or the last one.
        """
        predicted, probabilities = outputs.argmax(axis=1), outputs
        if outputs.shape[1] != len(self.labels):
            predicted, probabilities = outputs[:, -1], outputs[:, :-1]
        if not self.positive:
            of_labels = metrics.of_labels(y, predicted, "macro")
            if not probabilities.shape[1]:
                return of_labels
            return metrics.of_probabilities(y, probabilities) | of_labels
        positive, is_predicted = self._is_positive(y), predicted == self._column
        if not probabilities.shape[1]:
            return metrics.of_labels(positive, is_predicted, "binary")
        probability = probabilities[:, self._column]
        if threshold is not None:
            is_predicted = probability >= threshold
        return metrics.of_probability(positive, probability) | metrics.of_labels(
            positive, is_predicted, "binary", accuracy=threshold is None
        )

    def first_metric(self, y: Target, outputs: Matrix) -> float:
        """ROC AUC, or without probabilities F1."""
        if outputs.shape[1] == 1:
            return next(iter(self.score(y, outputs, None).values()))
        if self.positive:
            return metrics.area_under_roc(self._is_positive(y), outputs[:, self._column])
        return metrics.mean_area_under_roc(y, outputs, range(len(self.labels)))

    def to_outputs(self, prediction: Any, probabilities: dict[str, float] | None) -> list[float]:
        """A recorded prediction as a row of outputs; ValueError for a label unknown here."""
        if probabilities is None:
            return [float(self.labels.index(prediction))]
        if unknown := probabilities.keys() - set(self.labels):
            raise ValueError(f"{min(unknown)} is none of {', '.join(self.labels)}")
        return [probabilities.get(label, 0.0) for label in self.labels]

    def loss(self, outputs: Matrix) -> str:
        """The name of the loss; that of probabilities also penalises wrong ones that are sure."""
        return "share of wrong labels" if outputs.shape[1] == 1 else "Brier score"

    def losses(self, y: Target, outputs: Matrix) -> NDArray[np.float64]:
        """The loss of each row; of probabilities, half the squared distance from the outcome."""
        if outputs.shape[1] == 1:
            return np.asarray(outputs[:, 0] != y, dtype=np.float64)
        return np.asarray(((outputs - np.eye(len(self.labels))[y]) ** 2).sum(axis=1) / 2)

    def decide(self, outputs: Matrix, threshold: float | None) -> list[str | float]:
        """The labels that are predicted."""
        return [self.labels[code] for code in self._codes(outputs, threshold)]

    def typical_rows(self, y: Target, outputs: Matrix) -> Iterator[tuple[str, Rows]]:
        """The rows of each label that have the highest probability of it."""
        for code, label in enumerate(self.labels[:MAX_CURVES]):
            of_label = np.flatnonzero(y == code)
            order = np.argsort(-outputs[of_label, code], kind="stable")
            yield label, of_label[order[: few_of(len(of_label))]]

    def card_entries(self, y: Target, outputs: Matrix, threshold: float | None) -> dict[str, Any]:
        """Curves, where there are two labels only of the positive one; the confusion matrix."""
        labels = (self.positive,) if self.positive else self.labels[:MAX_CURVES]
        columns = {label: self.labels.index(label) for label in labels}
        drawn = {
            label: (y == at, outputs[:, at])
            for label, at in columns.items()
            if 0 < (y == at).mean() < 1
        }
        every = range(len(self.labels))
        confusion = confusion_matrix(y, self._codes(outputs, threshold), labels=every)
        return {
            "roc": {label: curves.roc(*of) for label, of in drawn.items()},
            "precision_recall": {
                label: curves.precision_recall(*of) for label, of in drawn.items()
            },
            "confusion": tuple(map(tuple, confusion.tolist()))
            if len(self.labels) <= MAX_CONFUSED
            else (),
        }

    def rounded(self, figure: float) -> float:
        """A figure to four decimals, finer than any spread, or two digits if it is smaller."""
        decimals = round(float(figure), 4)
        return decimals if decimals or abs(figure) < NOTHING else float(f"{figure:.2g}")

    def manifest_entries(self, fitted: Any, y: Target, held_out: HeldOut) -> dict[str, Any]:
        """The labels, and the threshold with its reason."""
        if self.rule is None:
            return {"classes": self.labels}
        positive, unseen = self._is_positive(y), self._out_of_bag(fitted)
        unseen = unseen if len(unseen) else held_out.mean[:, self._column]
        reason = self.rule.reason(self.positive, positive, unseen, held_out.thresholds)
        threshold = Threshold(self.positive, self.rule.choose(positive, unseen), reason)
        return {"classes": self.labels, "threshold": threshold}

    def outcomes(self, y: Target, outputs: Matrix) -> tuple[Labels, Probability] | None:
        """Whether rows have the positive label, or the most probable one; its probability."""
        if outputs.shape[1] == 1:
            return None
        if self.positive:
            return self._is_positive(y), outputs[:, self._column]
        return y == outputs.argmax(axis=1), outputs.max(axis=1)

    def reference_entries(self, y: Target | None, outputs: Matrix) -> dict[str, Any]:
        """The distributions of probabilities and labels, and the reliability curve."""
        of_label = dict(zip(self.labels, outputs.T, strict=False))
        if outputs.shape[1] == 1:  # codes: there are no probabilities
            of_label = {}
        elif self.positive:
            of_label = {self.positive: of_label[self.positive]}
        known: dict[str, Any] = {
            "probabilities": {label: quantiles(column) for label, column in of_label.items()}
        }
        if y is not None:
            known["labels"] = counts(pd.Series(np.array(self.labels)[y]))
        if y is not None and self.positive in of_label:
            known["reliability"] = metrics.reliability(
                self._is_positive(y), of_label[self.positive]
            )
        return known

    def _codes(self, outputs: Matrix, threshold: float | None) -> NDArray[np.intp]:
        """The codes of the labels that are predicted, from probabilities."""
        codes: NDArray[np.intp] = outputs.argmax(axis=1)
        if threshold is not None:
            reached = outputs[:, self._column] >= threshold
            codes = np.where(reached, self._column, 1 - self._column)
        return codes

    @property
    def _column(self) -> int:
        return self.labels.index(self.positive)

    def _is_positive(self, y: Target) -> Labels:
        positive: Labels = y == self._column
        return positive

    def _out_of_bag(self, fitted: Any) -> Probability:
        """The positive label's out-of-bag probabilities; none if the forest kept none."""
        kept: Matrix = getattr(fitted, "oob_decision_function_", np.empty((0, len(self.labels))))
        return kept[:, self._column]
