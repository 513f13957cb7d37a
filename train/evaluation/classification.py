"""A task whose answers are labels: how they are tested, decided and remembered."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.dummy import DummyClassifier
from sklearn.metrics import (
    brier_score_loss,
    confusion_matrix,
    log_loss,
)
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from serving.inputs.schema import Matrix
from serving.models.manifest import Threshold
from train.errors import TrainingError
from train.evaluation import curves
from train.evaluation.reference import counts, few_of, quantiles
from train.fitting.metrics import area_under_precision, area_under_roc, of_labels, reliability
from train.fitting.threshold import Labels, Probability, Rule
from train.task import Groups, HeldOut, Kind, Rows, Target

MANY_ROWS = 7500
NOTHING = 1e-9  # smaller figures are what adding up leaves of 0
MOST_SHOWN, MOST_MIXED = 8, 30  # labels with curves and examples, and in a confusion matrix


@dataclass(frozen=True, kw_only=True)
class Classification:
    """Labels to predict; the truth is an array of their codes, their positions in `labels`.

    Attributes
    ----------
    labels : tuple of str
        In the order of the estimator's own: alphabetical, but where it is taught codes.
    positive : str
        Of two labels the one that is looked for.
    rule : Rule or None
        Where the threshold on the probability of `positive` goes; without one the most probable
        label is predicted.
    coded : bool
        Whether the estimator is taught codes, for it takes no text.
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
        """What the figures are of, where that is not plain."""
        if not self.positive:
            return "; ROC AUC and F1: mean over the labels"
        return "" if self.rule else f"; PR AUC, Brier score and F1 are of {self.positive!r}"

    def dummy(self) -> DummyClassifier:
        """Know the labels' shares and nothing else."""
        return DummyClassifier(strategy="prior")

    def splits(
        self, folds: int, seed: int, y: Target, groups: Groups
    ) -> Iterator[tuple[Rows, Rows]]:
        """Deal groups of rows to folds so that each has its share of every label."""
        # Group by group takes seconds where they are many; rows that are all different need not.
        single = len(groups) > MANY_ROWS and len(np.unique(groups)) == len(groups)
        kind = StratifiedKFold if single else StratifiedGroupKFold
        dealt: Iterator[tuple[Rows, Rows]] = kind(folds, shuffle=True, random_state=seed).split(
            y, y, None if single else groups
        )
        return dealt

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
            other = values[codes < 0][0]
            raise TrainingError(f"the target is {other} in a row, none of {', '.join(self.labels)}")
        return codes

    def to_fit(self, y: Target) -> NDArray[Any]:
        """The truth as the estimator is taught it."""
        return y if self.coded else np.array(self.labels, dtype=object)[y]

    def predict(self, estimator: Any, rows: Matrix) -> Matrix:
        """Probabilities, shape (rows, labels); 0 for a label that the estimator never saw."""
        every = np.arange(len(self.labels)) if self.coded else np.array(self.labels, dtype=object)
        probabilities = np.zeros((len(rows), len(every)))
        probabilities[:, np.searchsorted(every, estimator.classes_)] = estimator.predict_proba(rows)
        return probabilities

    def threshold(self, fitted: Any, y: Target) -> float | None:
        """Where the rule puts the threshold after a training on this truth."""
        if self.rule is None:
            return None
        return self.rule.place(self._is_positive(y), self._out_of_bag(fitted))

    def score(self, y: Target, outputs: Matrix, threshold: float | None) -> dict[str, float]:
        """The metrics of one fold: of the probabilities, if there are any, then of the labels.

        Labels may stand beside the probabilities, as codes in a last column.
        """
        predicted = outputs[:, -1] if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        if outputs.shape[1] > len(self.labels):
            predicted, outputs = outputs[:, -1], outputs[:, :-1]
        if outputs.shape[1] == 1 and self.positive:
            return of_labels(self._is_positive(y), predicted == self._column, "binary")
        if outputs.shape[1] == 1:
            return of_labels(y, predicted, "macro")
        if not self.positive:
            sums = outputs.sum(axis=1, keepdims=True)  # 1 but for a single precision's error
            of_probability = {
                "roc_auc": self.first_metric(y, outputs),
                "log_loss": log_loss(y, outputs / sums, labels=range(len(self.labels))),
            }
            return of_probability | of_labels(y, predicted, "macro")
        positive, probability = self._is_positive(y), outputs[:, self._column]
        said = predicted == self._column if threshold is None else probability >= threshold
        of_probability = {
            "roc_auc": self.first_metric(y, outputs),
            "pr_auc": area_under_precision(positive, probability),
            "brier": brier_score_loss(positive, probability),
        }
        return of_probability | of_labels(positive, said, "binary", accuracy=threshold is None)

    def first_metric(self, y: Target, outputs: Matrix) -> float:
        """ROC AUC, or without probabilities F1."""
        if outputs.shape[1] == 1:
            return next(iter(self.score(y, outputs, None).values()))
        codes = [self._column] if self.positive else range(len(self.labels))
        areas = [area_under_roc(y == code, outputs[:, code]) for code in codes]
        return float(np.nanmean(areas))

    def to_outputs(self, prediction: Any, probabilities: dict[str, float] | None) -> list[float]:
        """An answer of the service as a row of answers; ValueError for a label unknown here."""
        if probabilities is None:
            return [float(self.labels.index(prediction))]
        if unknown := probabilities.keys() - set(self.labels):
            raise ValueError(f"{min(unknown)} is none of {', '.join(self.labels)}")
        return [probabilities.get(label, 0.0) for label in self.labels]

    def loss(self, outputs: Matrix) -> str:
        """The finest that the answers have; it sees a model that is sure of what is wrong."""
        return "share of wrong labels" if outputs.shape[1] == 1 else "Brier score"

    def losses(self, y: Target, outputs: Matrix) -> NDArray[np.float64]:
        """How wrong each answer is; of probabilities half the squared distance from the truth."""
        if outputs.shape[1] == 1:
            return np.asarray(outputs[:, 0] != y, dtype=np.float64)
        return np.asarray(((outputs - np.eye(len(self.labels))[y]) ** 2).sum(axis=1) / 2)

    def decide(self, outputs: Matrix, threshold: float | None) -> list[str | float]:
        """The labels that are predicted."""
        return [self.labels[code] for code in self._codes(outputs, threshold)]

    def typical_rows(self, y: Target, outputs: Matrix) -> Iterator[tuple[str, Rows]]:
        """Of each label the rows that are held to be it most."""
        for code, label in enumerate(self.labels[:MOST_SHOWN]):
            of_label = np.flatnonzero(y == code)
            order = np.argsort(-outputs[of_label, code], kind="stable")
            yield label, of_label[order[: few_of(len(of_label))]]

    def card_entries(self, y: Target, outputs: Matrix, threshold: float | None) -> dict[str, Any]:
        """Curves, of two labels for the one that is looked for; and which are taken for which."""
        labels = (self.positive,) if self.positive else self.labels[:MOST_SHOWN]
        columns = {label: self.labels.index(label) for label in labels}
        drawn = {
            label: (y == at, outputs[:, at])
            for label, at in columns.items()
            if 0 < (y == at).mean() < 1
        }
        mixed = confusion_matrix(y, self._codes(outputs, threshold), labels=range(len(self.labels)))
        return {
            "roc": {label: curves.roc(*of) for label, of in drawn.items()},
            "precision_recall": {
                label: curves.precision_recall(*of) for label, of in drawn.items()
            },
            "confusion": tuple(map(tuple, mixed.tolist()))
            if len(self.labels) <= MOST_MIXED
            else (),
        }

    def rounded(self, figure: float) -> float:
        """A figure to four decimals, finer than any spread, or two digits if smaller."""
        decimals = round(float(figure), 4)
        return decimals if decimals or abs(figure) < NOTHING else float(f"{figure:.2g}")

    def manifest_entries(self, fitted: Any, y: Target, held_out: HeldOut) -> dict[str, Any]:
        """What the manifest says of a classification alone."""
        if self.rule is None:
            return {"classes": self.labels}
        positive, unseen = self._is_positive(y), self._out_of_bag(fitted)
        unseen = unseen if len(unseen) else held_out.mean[:, self._column]
        reason = self.rule.reason(self.positive, positive, unseen, held_out.thresholds)
        threshold = Threshold(self.positive, self.rule.place(positive, unseen), reason)
        return {"classes": self.labels, "threshold": threshold}

    def outcomes(self, y: Target, outputs: Matrix) -> tuple[Labels, Probability] | None:
        """Whether the positive label, or the most probable, is the true one; its probability."""
        if outputs.shape[1] == 1:
            return None
        if self.positive:
            return self._is_positive(y), outputs[:, self._column]
        return y == outputs.argmax(axis=1), outputs.max(axis=1)

    def reference_entries(self, y: Target | None, outputs: Matrix) -> dict[str, Any]:
        """What the reference says of a classification alone."""
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
            known["reliability"] = reliability(self._is_positive(y), of_label[self.positive])
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
        """The positive label's probabilities on rows that a tree did not see; none if not kept."""
        kept: Matrix = getattr(fitted, "oob_decision_function_", np.empty((0, len(self.labels))))
        return kept[:, self._column]
