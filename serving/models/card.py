"""card.json: what a model's card shows beyond its manifest, which stays small."""

from typing import Any

import msgspec

Point = tuple[float, float]
Share = tuple[float, float, int]


class Example(msgspec.Struct, frozen=True):
    """A made-up record and its prediction."""

    prediction: str | float
    record: dict[str, Any]


class Importance(msgspec.Struct, frozen=True):
    """How much worse a metric gets when a field is permuted: mean, and spread over folds."""

    field: str
    mean: float
    spread: float


class Bin(msgspec.Struct, frozen=True):
    """Held-out rows with similar predictions: the means of predicted and actual values.

    A tenth of the actual values are below `low`, and a tenth above `high`.
    """

    predicted: float
    true: float
    low: float
    high: float
    rows: int


class Histogram(msgspec.Struct, frozen=True):
    """The number of values between neighbouring edges; there is one edge more than counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class Candidate(msgspec.Struct, frozen=True):
    """An estimator that was compared with others in cross-validation on the training rows.

    Attributes
    ----------
    loss : float
        Mean over `rows` held-out rows; not all rows if it was clearly worse on the first ones.
    difference, error : float
        Its loss less that of the best on the same rows, and the standard error of the difference.
    folds : int
        The number of folds of the evaluation in which it was chosen.
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
        The loss that the candidates were compared by; lower is better.
    folds : int
        Of the evaluation; the choice was repeated in each.
    candidates : tuple of Candidate
        The simplest first.
    """

    chosen: str
    loss: str
    folds: int
    candidates: tuple[Candidate, ...]


class Calibration(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the probabilities of held-out rows are from observed frequencies.

    Attributes
    ----------
    error, by_chance : float
        Expected calibration error over ten bins, and its mean for perfect probabilities.
    rows : int
        The held-out rows.
    method : str
        How the model is calibrated; empty if it is not.
    error_before : float or None
        The error without calibration.
    curve, curve_before : tuple of (float, float, int)
        By bin: mean probability, observed frequency, rows; for more than two labels, of the most
        probable one.
    """

    error: float
    by_chance: float
    rows: int
    curve: tuple[Share, ...]
    method: str = ""
    error_before: float | None = None
    curve_before: tuple[Share, ...] = ()


class MeanContribution(msgspec.Struct, frozen=True):
    """The mean size of a field's contributions to predictions, whatever their sign."""

    field: str
    mean: float


class Dependence(msgspec.Struct, frozen=True):
    """The partial dependence of the predictions on a field.

    Attributes
    ----------
    values : tuple of float or str
        Labels of a category; of a date, days since 1970-01-01.
    means : dict of str to tuple of float
        By label its mean probability, by the empty text the mean number, over rows in which the
        field has each of the values.
    rows : tuple of int
        How many rows of the training data have each value; of numbers, which it is nearest to.
    """

    field: str
    values: tuple[float | str, ...]
    means: dict[str, tuple[float, ...]]
    rows: tuple[int, ...]


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Results of one repeat of the evaluation, on held-out rows; and the effects of the fields.

    Attributes
    ----------
    estimator : str
        What was fitted: the class that predicts, as `RandomForestClassifier`.
    examples : tuple of Example
        A clear case of each label; for a regression a low and a high one.
    roc, precision_recall : dict of str to tuple of (float, float)
        By label, at most 200 points: false and true positive rate; recall and precision.
    confusion : tuple of tuple of int
        Rows by actual (outer) and predicted label, in the order of the manifest's classes.
    metric : str
        The metric whose loss `importance` shows, in its own unit.
    importance : tuple of Importance
        By permutation, the greatest first.
    bins : tuple of Bin
        For a regression: bins of equally many rows, by predicted value.
    residuals : Histogram or None
        For a regression: actual less predicted values.
    choice : Choice or None
        If the estimator was chosen from several.
    calibration : Calibration or None
        For a classifier with probabilities.
    contribution_unit : str
        Of `contributions`: that of the explanations.
    contributions : tuple of MeanContribution
        Over rows of the training data and all labels, the greatest first.
    dependence : tuple of Dependence
        Of the fields that contribute most.
    """

    estimator: str = ""
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
    contribution_unit: str = ""
    contributions: tuple[MeanContribution, ...] = ()
    dependence: tuple[Dependence, ...] = ()
