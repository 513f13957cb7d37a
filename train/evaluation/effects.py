"""What each field does to the predictions of a finished version, for its card.

Computed on the engine that will serve it, from rows of the training data. The mean size of a
field's contributions is a global importance (Lundberg et al. 2020, Nature Machine Intelligence 2,
56-67); the partial dependence is Friedman's (2001, Greedy Function Approximation, Annals of
Statistics 29, 1189-1232).
"""

import math

import numpy as np
from msgspec import UNSET
from msgspec.structs import replace
from numpy.typing import NDArray

from serving.errors import InvalidRecords
from serving.inputs.field import Field
from serving.inputs.schema import Matrix
from serving.models.card import Card, Dependence, MeanContribution
from serving.models.engine import Engine
from serving.models.explaining.explanation import ExplainOptions
from train.evaluation.curves import short
from train.task import SEED

ROWS = 200  # that are explained, and over which predictions are averaged
SAMPLES, MAX_SAMPLED, MIN_ROWS = 20, 100_000, 10  # where contributions are sampled
DRAWN, POINTS, LABELS = 5, 20, 6  # fields; values of each; labels or categories that are drawn
TAIL = 0.01  # of the values of a number, on each side, that the curve leaves out
TWO = 2

Numbers = NDArray[np.float64]


def with_effects(card: Card, engine: Engine, rows: Matrix) -> Card:
    """Add the mean contributions and the partial dependence of the fields to a card.

    Parameters
    ----------
    rows : ndarray, shape (rows, fields)
        Of the training data, which the estimator accepts.
    """
    some = rows[np.random.default_rng(SEED).permutation(len(rows))[:ROWS]]
    unit, contributions = _contributions(engine, some)
    ranked = [each.field for each in contributions or card.importance]
    drawn = (_dependence(engine, name, rows, some) for name in ranked[:DRAWN])
    return replace(
        card,
        contribution_unit=unit,
        contributions=contributions,
        dependence=tuple(each for each in drawn if each),
    )


def _contributions(engine: Engine, rows: Matrix) -> tuple[str, tuple[MeanContribution, ...]]:
    """The unit and the mean sizes, largest first; of labels, the mean over all labels."""
    options = ExplainOptions(every_class=True)
    (first,) = engine.explain(rows[:1], engine.predict(rows[:1]), options, SAMPLES)
    if first.method == "sampling":
        rows = rows[: max(MIN_ROWS, MAX_SAMPLED // (SAMPLES * rows.shape[1]))]
    explained = engine.explain(rows, engine.predict(rows), options, SAMPLES)
    sizes: dict[str, list[float]] = {name: [] for name in engine.schema.names}
    for each in explained:
        for part in (each, *(each.others or ())):
            for one in part.contributions or ():
                sizes[one.field].append(abs(one.contribution))
    if first.unit is UNSET or not all(sizes.values()):
        return "", ()
    means = {name: math.fsum(each) / len(each) for name, each in sizes.items()}
    ranked = sorted(means, key=lambda name: -means[name])
    return str(first.unit), tuple(MeanContribution(name, short(means[name])) for name in ranked)


def _dependence(engine: Engine, name: str, rows: Matrix, some: Matrix) -> Dependence | None:
    """The mean prediction of some rows for each value of a field; None if it cannot be drawn."""
    at = engine.schema.names.index(name)
    field = engine.manifest.fields[at]
    if field.type == "text":
        return None
    column = rows[:, at].astype(np.float64)
    known = column[~np.isnan(column)]
    values = _values(field, known)
    if len(values) < TWO:
        return None
    changed = np.tile(some, (len(values), 1))
    changed[:, at] = values.repeat(len(some))
    try:
        outputs = _outputs(engine, changed)
    except InvalidRecords:  # the estimator accepts some combinations only
        return None
    means = {
        label: tuple(map(short, each.reshape(len(values), -1).mean(axis=1).tolist()))
        for label, each in outputs.items()
    }
    if field.type == "category":
        counts = tuple(int((known == code).sum()) for code in values)
        shown = tuple(field.categories[int(code)] for code in values)
        return Dependence(name, shown, means, counts)
    nearest = np.searchsorted((values[1:] + values[:-1]) / 2, known)
    counts = tuple(np.bincount(nearest, minlength=len(values)).tolist())
    return Dependence(name, tuple(values.tolist()), means, counts)


def _values(field: Field, known: Numbers) -> Numbers:
    """The values of a field that are drawn: the most frequent labels, or numbers in order."""
    distinct, counts = np.unique(known, return_counts=True)
    if field.type == "category":
        return np.asarray(distinct[np.argsort(-counts, kind="stable")[:LABELS]])
    if len(distinct) <= POINTS:
        return np.asarray(distinct)
    low, high = np.quantile(known, [TAIL, 1 - TAIL])
    if low == high:
        low, high = distinct[0], distinct[-1]
    evenly = np.linspace(low, high, POINTS)
    if field.type != "number":
        return np.unique(evenly.round())
    return np.unique([short(value) for value in evenly.tolist()])


def _outputs(engine: Engine, rows: Matrix) -> dict[str, Numbers]:
    """The predicted numbers, or the probability of each label that is drawn, one of two labels.

    Raises
    ------
    InvalidRecords
    """
    predictions, manifest = engine.predict(rows), engine.manifest
    if not manifest.classes:
        return {"": np.array(predictions.values, np.float64)}
    names = np.array(manifest.classes)
    shares = np.array(predictions.probabilities)
    if not len(shares):  # it predicts labels alone
        shares = (np.array(predictions.values)[:, None] == names).astype(np.float64)
    if len(names) == TWO:
        label = manifest.threshold.label if manifest.threshold else manifest.classes[-1]
        return {label: shares[:, manifest.classes.index(label)]}
    frequent = np.argsort(-shares.mean(axis=0), kind="stable")[:LABELS]
    return {manifest.classes[code]: shares[:, code] for code in sorted(frequent.tolist())}
