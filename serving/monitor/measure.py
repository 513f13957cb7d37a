"""All that one pass computes of a version's window."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from serving import clock
from serving.models.manifest import Manifest, Reference
from serving.monitor import arrival
from serving.monitor.drift import drift
from serving.monitor.drift.compared import Compared, compared, positive
from serving.monitor.drift.distributions import distributions
from serving.monitor.performance import estimate, performance
from serving.monitor.performance.answers import Classified, truth
from serving.monitor.performance.estimate import Reliability
from serving.monitor.performance.performance import HeldOut
from serving.monitor.report import (
    ConceptDrift,
    Drift,
    Estimated,
    MetricVerdict,
    Realised,
    Report,
    Statements,
    Traffic,
    Unmeasured,
    Verdict,
    WindowSummary,
)
from serving.monitor.window import Answers, Window
from serving.recording.store.rows import Trial
from serving.recording.store.windows import WindowLimits
from serving.statement import Statement


class Known(NamedTuple):
    """What training says of a version, as the monitor asks it."""

    manifest: Manifest
    reference: Reference

    @property
    def answers(self) -> Answers:
        """What decodes its answers."""
        sought = positive(self.manifest, self.reference)
        return Answers(self.manifest.classes, sought, likely=bool(self.reference.probabilities))

    @property
    def held_out(self) -> dict[str, HeldOut]:
        """The figures to hold live ones against."""
        figures = self.manifest.metrics.items()
        return {
            name: HeldOut(figure.mean, figure.spread)
            for name, figure in figures
            if not (name == "f1" and self.of_unknown_label)
        }

    @property
    def of_unknown_label(self) -> bool:
        """Whether F1 is of one of two labels, and nothing tells of which."""
        two = len(self.manifest.classes) == 2  # noqa: PLR2004
        return two and positive(self.manifest, self.reference) is None


def report(
    known: Known,
    limits: WindowLimits,
    window: Window,
    *,
    concept: ConceptDrift | None,
    traffic: Traffic,
    trial: Trial | None,
    time: int,
) -> Report:
    """Compute all that there is to say of a window."""
    beside = compared(known.manifest, known.reference, window)
    drawn = chain(
        distributions("field", beside.fields), distributions("prediction", beside.outputs)
    )
    found = drift.measure(beside.fields, beside.outputs)
    realised, estimated = _realised(known, window), _estimated(known, window)
    verdict, statements = _worst(found, concept, realised)
    return Report(
        model=limits.model,
        version=limits.version,
        time=time,
        window=WindowSummary(
            since=int(window.times.min()) if window.rows else None,
            until=int(window.times.max()) if window.rows else None,
            predictions=window.rows,
            max_rows=limits.max_rows,
            days=(time - limits.since) // clock.DAY,
        ),
        verdict=verdict,
        statements=statements,
        drift=found,
        distributions=list(drawn),
        arrival=arrival.measure(window.times, window.learnt),
        realised=realised,
        estimated=estimated,
        concept=concept,
        unmeasured=[Unmeasured((each,)) for each in _unmeasured(known, window, concept, beside)],
        traffic=traffic,
        trial=trial,
    )


def _realised(known: Known, window: Window) -> Sequence[Realised]:
    there = window.answers.known(window.actual)
    if not there.any():
        return ()
    chances = None if window.probabilities is None else window.probabilities[there]
    answered = window.answers.answered(window.predicted[there], chances, window.actual[there])
    weights = (
        truth(window.actual[there], answered.classes)
        if isinstance(answered, Classified)
        else np.ones(len(answered))
    )
    return performance.measure(answered, weights, known.held_out)


def _estimated(known: Known, window: Window) -> Sequence[Estimated]:
    answered = window.answers.answered(window.predicted, window.probabilities, window.actual)
    if not isinstance(answered, Classified):
        return ()
    reliability = [
        Reliability(each.predicted, each.observed, each.rows)
        for each in known.reference.reliability
    ]
    return estimate.measure(answered, reliability)


def _worst(
    found: Drift, concept: ConceptDrift | None, realised: Sequence[Realised]
) -> tuple[Verdict | MetricVerdict, Statements]:
    judged: list[Drift | ConceptDrift] = [found, *([concept] if concept else [])]
    worse = [each.statements for each in realised if each.verdict == "worse"][:1]
    if concept and concept.verdict == "drift":  # then a metric that is worse adds nothing
        worse = []
    verdicts: tuple[Verdict, ...] = ("drift", "no drift", "not enough yet")
    verdict = next(each for each in verdicts if each in {one.verdict for one in judged})
    if worse and verdict != "drift":
        return "worse", worse[0]
    statements = [each.statements for each in judged if each.verdict == verdict]
    return verdict, tuple(chain.from_iterable(statements + worse))


def _unmeasured(
    known: Known, window: Window, concept: ConceptDrift | None, beside: Compared
) -> Iterable[Statement]:
    manifest, reference = known.manifest, known.reference
    yield from beside.unmeasured
    if not window.answers.known(window.actual).any():
        yield Statement("no_feedback")
    if not manifest.metrics:
        yield Statement("no_figures")
    elif concept is None:
        yield Statement("no_loss")
    if manifest.metrics and known.of_unknown_label:
        yield Statement("f1_of_unknown")
    if not window.answers.likely:
        yield Statement("no_probabilities")
    elif not reference.reliability:
        yield Statement("no_reliability")


def figures(found: Report) -> Mapping[str, object]:
    """What is kept of every pass, for lines over time."""
    of = (*found.drift.fields, *found.drift.predictions)
    told = found.concept if found.concept and found.concept.recent is not None else None
    errors = found.traffic.errors
    return {
        "predictions": found.window.predictions,
        "per_hour": found.traffic.per_hour,
        "verdict": found.verdict,
        "with_feedback": round(found.arrival.share, 4),
        "realised": {
            each.metric: [each.value, each.low, each.high]
            for each in found.realised
            if each.value is not None
        },
        "estimated": {
            each.metric: each.value for each in found.estimated if each.value is not None
        },
        "concept": told and {"recent": told.recent, "held_out": told.held_out},
        "changes": {each.field: each.change for each in of if each.change is not None},
        "verdicts": {each.field: each.verdict for each in of},
        "errors": None if errors is None else sum(errors.values()),
        "median_ms": found.traffic.median_ms,
        "warned": found.traffic.warned,
    }
