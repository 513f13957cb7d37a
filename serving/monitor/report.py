"""What the monitor finds, as it is kept: read by all, and without SciPy, which computes it."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Raw

from serving.metrics.families import Totals
from serving.recording.store.rows import Trial
from serving.statement import Statement

Verdict = Literal["drift", "no drift", "not enough yet"]
MetricVerdict = Literal["worse", "within range", "not enough yet"]
Statements = tuple[Statement, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One test of one field. It is drift when the effect matters and chance does not explain it.

    Attributes
    ----------
    effect : float or None
        In `unit`; none where there is not enough to tell.
    threshold : float
        The effect from which on a difference matters.
    p_value : float or None
        How likely two samples of one distribution differ as much.
    level : float
        The p-value below which chance is no explanation, after correction for all tests of a pass.
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
    """What the tests of one field, or of one output of the model, found.

    Attributes
    ----------
    rows : int
        Values that are there in the window.
    change : float or None
        The largest share of the rows by which a test saw the field change, 0 to 1; this compares
        numbers and categories.
    """

    field: str
    rows: int
    verdict: Verdict
    change: float | None
    statements: Statements
    findings: tuple[Finding, ...]


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass over one window found.

    Attributes
    ----------
    drifted : tuple of str
        Fields and outputs that drifted, the most changed first.
    share : float
        Of the fields, those that drifted.
    false_alarms : float
        The chance of any verdict `drift` where nothing changed, at most.
    """

    verdict: Verdict
    drifted: tuple[str, ...]
    share: float
    false_alarms: float
    statements: Statements
    fields: tuple[FieldDrift, ...]
    predictions: tuple[FieldDrift, ...]


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """A field's, or an output's, two distributions.

    Attributes
    ----------
    edges : list of float
        Of a number, the bins' limits: one more than there are shares. A value on the limit of two
        bins is in the lower one.
    labels : list of str
        Of a category, the commonest in either sample.
    reference, current : list of float
        Shares of the values that are there, in training and now; none now where none came.
    """

    field: str
    of: Literal["field", "prediction"]
    edges: list[float] = []
    labels: list[str] = []
    reference: list[float]
    current: list[float]


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback over a window of predictions; delays in seconds, none without feedback.

    Attributes
    ----------
    median, slowest_tenth : float or None
        Half of the feedback, and nine tenths of it, had come after so long.
    """

    predictions: int
    with_feedback: int
    share: float
    median: float | None
    slowest_tenth: float | None


class Realised(msgspec.Struct, frozen=True, kw_only=True):
    """A metric over the rows with feedback, beside the same on held-out data.

    Attributes
    ----------
    value, low, high : float or None
        The metric and its interval of 95 %; none where there is not enough to tell.
    held_out : float or None
        None where training did not measure it; then there is nothing to drift from.
    effect : float or None
        By how much it is worse than held out; below 0 it is better.
    threshold : float or None
        The effect from which on it matters: as much as held-out folds differ among themselves.
    p_value : float or None
        How likely chance makes it worse by as much, in these rows and in the folds.
    verdict : str or None
        None where training did not measure the metric: there is no range to be within.
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

    It is right as long as the same measurements still mean the same labels (no concept drift) and
    nothing quite unlike the training data comes in. The limits hold 95 % of the cases. None where
    the metric has no value, as without a single row of the class that is looked for.
    """

    metric: str
    rows: int
    value: float | None
    low: float | None
    high: float | None


class ConceptDrift(msgspec.Struct, frozen=True, kw_only=True):
    """What the watch over the losses says now.

    Attributes
    ----------
    effect : float or None
        The recent mean loss less the held-out one; none where there is not enough to tell.
    threshold : float
        The effect that is tolerated.
    evidence, needed : float
        Chance alone makes the evidence as large once in so many rows, at most; an alarm needs the
        second.
    """

    loss: str
    rows: int
    recent: float | None
    held_out: float
    effect: float | None
    threshold: float
    evidence: float
    needed: float
    verdict: Verdict
    statements: Statements


class Unmeasured(msgspec.Struct, frozen=True):
    """What could not be computed, and what is missing for it."""

    statements: Statements


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What passed in a window.

    Attributes
    ----------
    requests : int or None
        Requests for predictions of any model since the report before; None where the service's
        counts are not in this `VAR_DIR`.
    errors : dict of str to int, or None
        Those of them that failed, by status.
    counted : Totals
        All that the service ever counted, for the next pass.
    per_hour : float or None
        Predictions, from the first in the window until the pass; of less than an hour, all.
    warned : float
        The share of predictions with a warning.
    median_ms, slowest_hundredth_ms : float or None
        Half of the predictions, and 99 in a hundred, were answered within; a request about many
        counts with each.
    labels : dict of str to int
        How often each was predicted; empty for a regression.
    """

    predictions: int
    requests: int | None = None
    errors: dict[str, int] | None = None
    counted: Totals
    per_hour: float | None
    warned: float
    median_ms: float | None
    slowest_hundredth_ms: float | None
    labels: dict[str, int]


class WindowSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Which predictions a pass looked at.

    Attributes
    ----------
    since, until : int or None
        Times of the first and the last; None where there is none.
    max_rows, days : int
        How many there can be, and how old.
    """

    since: int | None
    until: int | None
    predictions: int
    max_rows: int
    days: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass found; times are milliseconds since 1970, UTC.

    Attributes
    ----------
    verdict : str
        "drift" if any distribution or the concept drifted, else "worse" if any metric is.
    concept : ConceptDrift or None
        None where training measured no loss that can be watched.
    trial : Trial or None
        The live version against the one that is tried, if one is.
    """

    model: str
    version: int
    time: int
    window: WindowSummary
    verdict: Verdict | MetricVerdict
    statements: Statements
    drift: Drift
    distributions: Sequence[Distribution]
    arrival: Arrival
    realised: Sequence[Realised]
    estimated: Sequence[Estimated]
    concept: ConceptDrift | None
    unmeasured: Sequence[Unmeasured]
    traffic: Traffic
    trial: Trial | None


def read(kept: Raw | None) -> Report | None:
    """A report out of the store; None where there is none, or another release kept it."""
    try:
        return msgspec.json.decode(kept, type=Report) if kept else None
    except msgspec.DecodeError:  # a pass by this release will find it anew
        return None
