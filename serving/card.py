"""card.json: what a model's card shows beyond its manifest, so that model.json stays small."""

from typing import Any

import msgspec

Point = tuple[float, float]


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
    """

    examples: tuple[Example, ...] = ()
    roc: dict[str, tuple[Point, ...]] = {}
    precision_recall: dict[str, tuple[Point, ...]] = {}
    confusion: tuple[tuple[int, ...], ...] = ()
    metric: str = ""
    importance: tuple[Importance, ...] = ()
    bins: tuple[Bin, ...] = ()
    residuals: Histogram | None = None
