"""What a report says of each kind of alert."""

from collections.abc import Sequence

from serving.monitor.alerts.alerts import Signal
from serving.monitor.drift.drift import FieldDrift
from serving.monitor.findings import Verdict
from serving.monitor.report import Report


def signals(found: Report) -> list[Signal]:
    """What a report says of each kind of alert."""
    drift, concept = found.drift, found.concept
    as_trained = "what comes in is distributed as in training"
    as_held_out = "what the model answers is distributed as on held-out data"
    said = [
        Signal(found.model, found.version, "data drift", *_worst(drift.fields, as_trained)),
        Signal(
            found.model, found.version, "prediction drift", *_worst(drift.predictions, as_held_out)
        ),
    ]
    if concept is not None:
        verdict, sentence = concept.verdict, concept.sentence
        said.append(Signal(found.model, found.version, "concept drift", verdict, sentence))
    return said


def _worst(found: Sequence[FieldDrift], otherwise: str) -> tuple[Verdict, str]:
    drifted = [each for each in found if each.verdict == "drift"]
    if drifted:
        first = max(drifted, key=lambda each: each.change or 0.0)
        more = f"; {len(drifted) - 1} more drifted" if drifted[1:] else ""
        return "drift", first.sentence + more
    enough = any(each.verdict == "no drift" for each in found)
    return ("no drift", otherwise) if enough else ("not enough yet", "")
