"""What a report says of each kind of alert."""

from collections.abc import Sequence

from serving.monitor.alerts.alerts import Signal
from serving.monitor.drift.drift import worst
from serving.monitor.report import FieldDrift, Report, Statements, Verdict
from serving.statement import Statement


def signals(found: Report) -> list[Signal]:
    """What a report says of each kind of alert."""
    drift, concept = found.drift, found.concept
    said = [
        Signal(found.model, found.version, "data drift", *_worst(drift.fields, "as_in_training")),
        Signal(
            found.model,
            found.version,
            "prediction drift",
            *_worst(drift.predictions, "as_held_out"),
        ),
    ]
    if concept is not None:
        said.append(
            Signal(found.model, found.version, "concept drift", concept.verdict, concept.statements)
        )
    return said


def _worst(found: Sequence[FieldDrift], otherwise: str) -> tuple[Verdict, Statements]:
    drifted = [each for each in found if each.verdict == "drift"]
    if drifted:
        return "drift", worst(sorted(drifted, key=lambda each: each.change or 0.0, reverse=True))
    enough = any(each.verdict == "no drift" for each in found)
    return ("no drift", (Statement(otherwise),)) if enough else ("not enough yet", ())
