"""card.json: what a model's card shows beyond its manifest, so that model.json stays small."""

from typing import Any

import msgspec

Point = tuple[float, float]
Share = tuple[float, float, int]


class Example(msgspec.Struct, frozen=True):
    """A record that nobody sent, and what the model says of it."""

    prediction: str | float
    record: dict[str, Any]


class Importance(msgspec.Struct, frozen=True):
    """How much worse the model gets without a field: mean, and standard deviation over folds."""

    field: str
    mean: float
    spread: float


class Bin(msgspec.Struct, frozen=True):
    """Held-out rows with like predictions: their mean, that of the true values, and most of these.

    `low` and `high` are what a tenth of the true values are below and above.
    """

    predicted: float
    true: float
    low: float
    high: float
    rows: int


class Histogram(msgspec.Struct, frozen=True):
    """How many values are between each two edges, of which there is one more than counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class Candidate(msgspec.Struct, frozen=True):
    """An estimator that was tried, and how it did in cross-validation on the training rows.

    Attributes
    ----------
    loss : float
        Mean over `rows` held-out rows; fewer than all if it was clearly worse on those.
    difference, error : float
        Its loss less that of the best on the same rows, and the standard error of that.
    folds : int
        In so many folds of the evaluation it was the one that was chosen.
    """

    name: str
    loss: float
    difference: float
    error: float
    rows: int
    folds: int


class Choice(msgspec.Struct, frozen=True):
    """Which estimator was chosen: the simplest within one standard error of the best.

    Attributes
    ----------
    chosen : str
    loss : str
        What the candidates were compared by; lower is better.
    folds : int
        Of the evaluation; in each the choice was made anew.
    candidates : tuple of Candidate
        The simplest first.
    """

    chosen: str
    loss: str
    folds: int
    candidates: tuple[Candidate, ...]


class Calibration(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the probabilities of held-out rows are from the shares that came true.

    Attributes
    ----------
    error, by_chance : float
        Expected calibration error over ten bins, and its mean if the probabilities were right.
    rows : int
        The held-out rows.
    method : str
        How the model is calibrated; empty if it is not.
    error_before : float or None
        The error without it.
    curve, curve_before : tuple of (float, float, int)
        By bin: mean probability, share that came true, rows; of several labels, for the most
        probable.
    """

    error: float
    by_chance: float
    rows: int
    curve: tuple[Share, ...]
    method: str = ""
    error_before: float | None = None
    curve_before: tuple[Share, ...] = ()


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one repeat of the evaluation says of rows that were held out.

    Attributes
    ----------
    examples : tuple of Example
        Something plain of each label; of a regression something low and something high.
    roc, precision_recall : dict of str to tuple of (float, float)
        By label, at most 200 points: false against true positive share; recall against precision.
    confusion : tuple of tuple of int
        Rows by true label (outer) and predicted label, in the order of the manifest's classes.
    metric : str
        The metric that `importance` is a loss of, in its own unit.
    importance : tuple of Importance
        By permutation, the greatest first.
    bins : tuple of Bin
        Of a regression, equally many rows in each, by what was predicted.
    residuals : Histogram or None
        Of a regression, true less predicted.
    choice : Choice or None
        Where the estimator was chosen from several.
    calibration : Calibration or None
        Of a classification with probabilities.
    """

    examples: tuple[Example, ...] = ()
    roc: dict[str, tuple[Point, ...]] = {}
    precision_recall: dict[str, tuple[Point, ...]] = {}
    confusion: tuple[tuple[int, ...], ...] = ()
    metric: str = ""
    importance: tuple[Importance, ...] = ()
    bins: tuple[Bin, ...] = ()
    residuals: Histogram | None = None
    choice: Choice | None = None
    calibration: Calibration | None = None
