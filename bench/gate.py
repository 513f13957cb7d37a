"""How often the gate refuses what it should not, and lets through what it should refuse."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from bench.vintage import SHIFT, SHIFTED, SWEET
from serving.models.manifest import Figure
from serving.models.paired import ENOUGH, Paired
from train.fitting.fit import fit
from train.problems import wine
from train.problems.problems import data_of
from train.tables.rows import to_rows

KNOWN = 3_200  # wines that the live version is trained on
TREES = 30
EASY = 10  # % of alcohol: wines below are rarely good
TASK = wine.PROBLEM.task


class Case(NamedTuple):
    """How the live rows differ, and whether the candidate is worse than the live version."""

    title: str
    drifts: bool
    easy: bool
    worse: bool


CASES = (
    Case("nothing changed", drifts=False, easy=False, worse=False),
    Case("drift, as in the story", drifts=True, easy=False, worse=False),
    Case("easier wines, and a candidate of stumps", drifts=False, easy=True, worse=True),
)


def count(runs: int) -> Iterator[str]:
    """Lines: by case, how often the same rows refuse a candidate, and how often figures would."""
    yield "| what comes in | should be refused | by the same live rows | by the figures |"
    yield "|---|---|---|---|"
    for case in CASES:
        refused = np.array([_refused(case, seed) for seed in range(runs)])
        rows, figures = refused.sum(axis=0)
        yield f"| {case.title} | {'yes' if case.worse else 'no'} | {rows} of {runs} | {figures} |"


def _refused(case: Case, seed: int) -> tuple[bool, bool]:
    """Whether a candidate is refused by the same live rows, and by the figures."""
    wines = wine.load(data_of(wine.PROBLEM)).sample(frac=1, random_state=seed)
    known, new = wines.iloc[:KNOWN], wines.iloc[KNOWN:]
    if case.easy:
        new = new[new["alcohol"] < EASY]
    new = _drifted(new.iloc[:ENOUGH], case)
    forest = clone(wine.PROBLEM.estimator).set_params(n_estimators=TREES, n_jobs=2)
    live = fit(forest, to_rows(known, wine.FIELDS), TASK.to_fit(_target(known)), seed)
    before, _ = _validated(forest, known, seed)
    if case.worse:
        forest.set_params(max_depth=1)
    after, outputs = _validated(forest, pd.concat([known, new]), seed, judged=KNOWN)
    y = _target(new)
    theirs = TASK.losses(y, TASK.predict(live, to_rows(new, wine.FIELDS)))
    paired = Paired.of(theirs, TASK.losses(y, outputs[KNOWN:]))
    return paired.is_worse, after.mean - before.mean > max(after.spread, before.spread)


def _drifted(wines: pd.DataFrame, case: Case) -> pd.DataFrame:
    if not case.drifts:
        return wines
    sweet = wines["residual sugar"] > SWEET
    good = (wines["quality"] == "bom") ^ sweet
    higher = wines[SHIFTED] + SHIFT * wines[SHIFTED].std()
    return wines.assign(quality=good.map({True: "bom", False: "ruim"}), **{SHIFTED: higher})


def _validated(
    forest: object, wines: pd.DataFrame, seed: int, judged: int = 0
) -> tuple[Figure, NDArray[np.float64]]:
    """The Brier score over the folds, of the rows from `judged` on, and held-out probabilities.

    All wines are different, so no groups need to be kept together, which would take time.
    """
    rows, y, scores = to_rows(wines, wine.FIELDS), _target(wines), []
    outputs = np.empty((len(rows), len(TASK.labels)))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    for train, test in folds.split(rows, y):
        fitted = fit(forest, rows[train], TASK.to_fit(y[train]), seed)
        outputs[test] = TASK.predict(fitted, rows[test])
        counts = test[test >= judged]
        scores.append(TASK.losses(y[counts], outputs[counts]).mean())
    return Figure(float(np.mean(scores)), float(np.std(scores, ddof=1)), 0.0), outputs


def _target(wines: pd.DataFrame) -> NDArray[np.intp]:
    return TASK.encode(wines["quality"])
