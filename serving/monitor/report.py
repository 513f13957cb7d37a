"""The report of a check, as it is stored, shown and documented; what computes it needs SciPy."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from serving.metrics.requests import Totals
from serving.monitor.findings import (
    ConceptDrift,
    Distribution,
    Drift,
    Estimated,
    MeanChange,
    MetricVerdict,
    Realised,
    Statements,
    Verdict,
)
from serving.recording.store.rows import Trial


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """How many predictions of a window have feedback, and how late it came.

    Attributes
    ----------
    median_seconds, p90_seconds : float or None
        Seconds after which half, and nine tenths, of the feedback had come.
    """

    predictions: int
    with_feedback: int
    share: float
    median_seconds: float | None
    p90_seconds: float | None


class Unmeasured(msgspec.Struct, frozen=True):
    """What could not be computed, and what it would need."""

    statements: Statements


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """How many predictions and requests there were, and how fast they were.

    Attributes
    ----------
    requests : int or None
        Requests for predictions of any model since the report before; None where the service does
        not count in this `VAR_DIR`.
    errors : dict of str to int, or None
        Failed requests by status.
    totals : Totals
        All that the service ever counted, for the next check.
    per_hour : float or None
        Predictions an hour, from the first in the window until the check.
    warned : float
        The share of predictions with a warning.
    median_ms, p99_ms : float or None
        The 50th and the 99th percentile of the latency; a request for many counts for each.
    labels : dict of str to int
        Predictions by label; empty for a regression.
    """

    predictions: int
    requests: int | None = None
    errors: dict[str, int] | None = None
    totals: Totals
    per_hour: float | None
    warned: float
    median_ms: float | None
    p99_ms: float | None
    labels: dict[str, int]


class WindowSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The predictions that were checked.

    Attributes
    ----------
    since, until : int or None
        Times of the first and the last; None where there is none.
    stored : int
        How many of them the store had, or more if they were moved to the archive meanwhile.
    max_rows, days : int
        The limits of the window.
    """

    since: int | None
    until: int | None
    predictions: int
    stored: int
    max_rows: int
    days: int


class SeenRows(msgspec.Struct, frozen=True, kw_only=True):
    """That rows of the training data came as traffic.

    Attributes
    ----------
    share : float
        Of the rows of which it is known.
    rows : int
        How many these are.
    repeats : float
        The share that is expected where the training data came from.
    """

    share: float
    rows: int
    repeats: float
    statements: Statements


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The report of a check; times are milliseconds since 1970, UTC.

    Attributes
    ----------
    verdict : str
        "drift" if any distribution or the concept drifted, else "worse" if any metric is.
    mean_change : MeanChange or None
        None without drift, and for a model that is not explained exactly.
    concept : ConceptDrift or None
        None where training measured no loss that can be watched.
    trial : Trial or None
        The live version compared with the one on trial, if there is one.
    seen_rows : SeenRows or None
        None if the rows are new ones, or it is not known.
    """

    model: str
    version: int
    time: int
    window: WindowSummary
    verdict: Verdict | MetricVerdict
    statements: Statements
    drift: Drift
    mean_change: MeanChange | None = None
    distributions: Sequence[Distribution]
    arrival: Arrival
    realised: Sequence[Realised]
    estimated: Sequence[Estimated]
    concept: ConceptDrift | None
    unmeasured: Sequence[Unmeasured]
    traffic: Traffic
    trial: Trial | None
    seen_rows: SeenRows | None = None


def read(stored: Raw | None) -> Report | None:
    """Decode a report; None where there is none, or another release stored it."""
    try:
        return msgspec.json.decode(stored, type=Report) if stored else None
    except msgspec.DecodeError:  # the next check will replace it
        return None


def figures_of(report: Report) -> dict[str, Any]:
    """The figures that are kept of every check, for lines over time; None where not measured."""
    tested = (*report.drift.fields, *report.drift.predictions)
    concept, errors = report.concept, report.traffic.errors
    return {
        "predictions": report.window.predictions,
        "per_hour": report.traffic.per_hour,
        "verdict": report.verdict,
        "with_feedback": round(report.arrival.share, 4),
        "realised": {
            each.metric: [each.value, each.low, each.high]
            for each in report.realised
            if each.value is not None
        },
        "estimated": {
            each.metric: each.value for each in report.estimated if each.value is not None
        },
        "concept": {"recent": concept.recent, "held_out": concept.held_out}
        if concept and concept.recent is not None
        else None,
        "changes": {each.field: each.change for each in tested if each.change is not None},
        "verdicts": {each.field: each.verdict for each in tested},
        "errors": None if errors is None else sum(errors.values()),
        "median_ms": report.traffic.median_ms,
        "warned": report.traffic.warned,
    }
