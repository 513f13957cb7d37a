"""What the monitor finds about drift and performance: the parts of a report, without SciPy."""

from typing import Literal

import msgspec

from serving.statement import Statement

MIN_MEASURED = 100  # rows from which on a metric is measured or estimated

Verdict = Literal["drift", "no drift", "not enough yet"]
MetricVerdict = Literal["worse", "within range", "not enough yet"]
Statements = tuple[Statement, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One test of one field: drift if the effect matters and chance does not explain it.

    Attributes
    ----------
    effect : float or None
        In `unit`; None with too few values.
    threshold : float
        The effect from which on a difference matters.
    p_value : float or None
        How likely two samples of one distribution differ as much.
    level : float
        The p-value below which chance is no explanation, corrected for all tests of the check.
    """

    field: str
    statistic: str
    unit: str
    effect: float | None = None
    threshold: float
    p_value: float | None = None
    level: float
    verdict: Verdict
    statements: Statements


class FieldDrift(msgspec.Struct, frozen=True, kw_only=True):
    """All tests of one field, or of one output of the model.

    Attributes
    ----------
    rows : int
        Values in the window that are not missing.
    change : float or None
        The largest share of rows that a test found changed, 0 to 1: it ranks numbers and
        categories alike.
    importance : float or None
        Of a field, by permutation or else by mean contribution, relative to the most important one,
        0 to 1; None of an output, and where training measured neither.
    """

    field: str
    rows: int
    verdict: Verdict
    change: float | None
    importance: float | None = None
    statements: Statements
    findings: tuple[Finding, ...]

    @property
    def rank(self) -> tuple[bool, float, float]:
        """By this, sorted, come first those that drifted, the most changed where it matters.

        That is by change times importance; an output of the model is as important as can be.
        """
        change, importance = self.change or 0.0, self.importance
        weight = change * (1.0 if importance is None else importance)
        return self.verdict != "drift", -weight, -change


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """Data drift and prediction drift of one window.

    Attributes
    ----------
    drifted : tuple of str
        Fields and outputs that drifted, the greatest change times importance first.
    share : float
        Of the fields, those that drifted.
    false_alarms : float
        The largest chance of any verdict `drift` where nothing changed.
    """

    verdict: Verdict
    drifted: tuple[str, ...]
    share: float
    false_alarms: float
    statements: Statements
    fields: tuple[FieldDrift, ...]
    predictions: tuple[FieldDrift, ...]


class FieldShare(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a change of the mean prediction a field explains, in the unit of the change.

    Attributes
    ----------
    standard_error : float
        Of the change, as the rows are a sample of those to come.
    """

    field: str
    drifted: bool
    change: float
    standard_error: float


class MeanChange(msgspec.Struct, frozen=True, kw_only=True):
    """How far the mean prediction is from that in training, and which fields explain it.

    Attributes
    ----------
    output : str
        The output whose mean changed, as in `Drift.predictions`.
    unit : str
        What all its numbers are: as in an explanation.
    rows : int
        The rows of the window that it is computed of.
    then, now : float
        The mean in training, and that of these rows.
    fields : tuple of FieldShare
        All fields, the greatest change first. Their changes add up to `now` - `then`.
    """

    output: str
    unit: str
    rows: int
    then: float
    now: float
    statements: Statements
    fields: tuple[FieldShare, ...]


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution of a field or an output in training, and in the window.

    Attributes
    ----------
    edges : list of float
        Of the bins of a number, one more than there are shares; a value on an edge is in the bin
        below it.
    labels : list of str
        Of a category, the most frequent in either sample.
    reference, current : list of float
        Shares of the values that are not missing, in training and now; empty without any.
    """

    field: str
    of: Literal["field", "prediction"]
    edges: list[float] = []
    labels: list[str] = []
    reference: list[float]
    current: list[float]


class Realised(msgspec.Struct, frozen=True, kw_only=True):
    """A metric over the rows with feedback, beside the same on held-out data.

    Attributes
    ----------
    value, low, high : float or None
        The metric and its 95 % confidence interval; None with too few rows.
    held_out : float or None
        None where training did not measure it.
    effect : float or None
        By how much it is worse than held out; below 0 it is better.
    threshold : float or None
        The effect from which on it matters: the spread of the held-out folds.
    p_value : float or None
        How likely chance makes it worse by as much, in these rows and in the folds.
    verdict : str or None
        None without a held-out value to compare with.
    """

    metric: str
    rows: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    held_out: float | None = None
    effect: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    level: float
    verdict: MetricVerdict | None
    statements: Statements


class Estimated(msgspec.Struct, frozen=True, kw_only=True):
    """A metric estimated from the model's own probabilities, without feedback.

    It holds unless there is concept drift or records quite unlike the training data. The interval
    covers 95 %. None with too few rows, and where the metric has no value, as without a row of the
    positive class.
    """

    metric: str
    rows: int
    value: float | None
    low: float | None
    high: float | None


class ConceptDrift(msgspec.Struct, frozen=True, kw_only=True):
    """The watch over the loss of every row with feedback.

    Attributes
    ----------
    rows : int
        All that the watch has taken in.
    effect : float or None
        The recent mean loss less the held-out one; None with too few rows.
    threshold : float
        The effect that is tolerated.
    evidence, evidence_needed : float
        Evidence of drift: at most once in so many rows chance alone makes it as large. From
        `evidence_needed` on there is an alarm.
    """

    loss: str
    rows: int
    recent: float | None
    held_out: float
    effect: float | None
    threshold: float
    evidence: float
    evidence_needed: float
    verdict: Verdict
    statements: Statements
