"""Wines that a forest was trained on, wines that it never saw, and a monitor between them.

The live wine model was trained on all wines there are, so it predicts them better than any new
ones. Here the same forest is trained on three quarters of them, and the others are the new ones.
"""

from collections import Counter
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from serving.models.manifest import Figure
from serving.monitor.drift.detection import detect_drift
from serving.monitor.drift.samples import Labels, Numbers
from serving.monitor.findings import Drift
from serving.monitor.performance.bootstrap import Gathered
from serving.monitor.performance.concept import Watch, update
from serving.monitor.performance.estimate import estimate, expected
from serving.monitor.performance.losses import Losses, measure_losses
from serving.monitor.performance.predictions import Classified
from train.evaluation.metrics import reliability
from train.evaluation.reference import counts, quantiles
from train.problems import wine
from train.problems.problems import data_of
from train.tables.rows import to_rows

TRAINED = 3 / 4
FOLDS = 5
THRESHOLD = 0.3  # of models/wine
NUMBERS = [field.name for field in wine.FIELDS if field.type == "number"]
COLOR = "color"

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Traffic(NamedTuple):
    """Wines, the model's probability that each is good, and whether it is."""

    wines: pd.DataFrame
    answered: Floats
    good: Flags

    def at(self, places: NDArray[np.intp]) -> "Traffic":
        """Some of it."""
        return Traffic(self.wines.iloc[places], self.answered[places], self.good[places])


class Monitored:
    """A reference, as an artefact holds it, of wines with held-out probabilities."""

    def __init__(self, trained: Traffic) -> None:
        self.rows = len(trained.wines)
        self.quantiles = {name: quantiles(trained.wines[name]) for name in NUMBERS}
        self.colors = counts(trained.wines[COLOR])
        self.probabilities = quantiles(trained.answered)
        self._trained = trained

    def drift(self, wines: pd.DataFrame, answered: Floats | None = None) -> Drift:
        """Check a window; without the model's probabilities, its fields alone."""
        numbers = {name: wines[name].to_numpy() for name in NUMBERS}
        return self.checked(numbers, wines[COLOR].tolist(), answered)

    def checked(
        self, numbers: dict[str, Floats], colors: list[str], answered: Floats | None
    ) -> Drift:
        """Check a window's plain values."""
        fields: dict[str, Numbers | Labels] = {
            name: Numbers.of(self.quantiles[name], numbers[name], rows=self.rows)
            for name in NUMBERS
        }
        fields[COLOR] = Labels(self.colors, Counter(colors))
        if answered is None:
            return detect_drift(fields, {})
        probabilities = Numbers.of(self.probabilities, answered, rows=self.rows)
        return detect_drift(fields, {"bom": probabilities})

    def until_alarm(self, answered: Floats, good: Flags, watch: Watch) -> int | None:
        """After how many of these rows a watch raises its alarm, if it does."""
        found = self._losses(answered, good)
        for rows, loss in enumerate(found.of_rows.tolist(), start=1):
            watch = update(watch, [loss], found.bound)
            if watch.raised:
                return rows
        return None

    @cached_property
    def watch(self) -> Watch:
        """A watch that has seen as many good rows as there were to train on."""
        past = self._losses(self._trained.answered, self._trained.good)
        return update(Watch(), past.of_rows.tolist(), past.bound)

    def estimated_accuracy(self, answered: Floats) -> float:
        """The accuracy to be expected without feedback."""
        curve = reliability(self._trained.good, self._trained.answered)
        predictions, gathered = _classified(answered), Gathered()
        gathered.add(predictions, expected(predictions, curve))
        accuracy, *_ = estimate(gathered)
        return accuracy.value

    def _losses(self, answered: Floats, good: Flags) -> Losses:
        error = (self._trained.answered - self._trained.good) ** 2
        folds = [part.mean() for part in np.array_split(error, FOLDS)]
        held_out = {"brier": Figure(float(error.mean()), float(np.std(folds, ddof=1)), 1.0)}
        found = measure_losses(_classified(answered), good.astype(int), held_out)
        assert found
        return found


def load() -> pd.DataFrame:
    """All different wines."""
    return wine.load(data_of(wine.PROBLEM))


def trained(seed: int, trees: int) -> tuple[Monitored, Traffic]:
    """A forest's reference, and the wines that it has not seen."""
    wines = load().sample(frac=1, random_state=seed)
    good = (wines[wine.PROBLEM.target] == "bom").to_numpy()
    rows = to_rows(wines, wine.FIELDS)
    forest = clone(wine.PROBLEM.estimator)
    forest.set_params(n_estimators=trees, random_state=seed, oob_score=False, n_jobs=2)
    until = round(TRAINED * len(wines))
    answered = np.empty(len(wines))
    for fold, others in StratifiedKFold(FOLDS).split(rows[:until], good[:until]):
        answered[others] = forest.fit(rows[fold], good[fold]).predict_proba(rows[others])[:, 1]
    answered[until:] = forest.fit(rows[:until], good[:until]).predict_proba(rows[until:])[:, 1]
    traffic, places = Traffic(wines, answered, good), np.arange(len(wines))
    return Monitored(traffic.at(places[:until])), traffic.at(places[until:])


def right(answered: Floats, good: Flags) -> float:
    """The accuracy of the labels that these probabilities make."""
    return float(np.mean((answered >= THRESHOLD) == good))


def _classified(answered: Floats) -> Classified:
    both = np.column_stack([1 - answered, answered])
    return Classified((answered >= THRESHOLD).astype(int), 2, both, positive=1)
