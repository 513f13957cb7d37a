"""Conditions on recorded predictions: wrong or right, unsure, and how far off."""

from collections.abc import Callable
from functools import lru_cache

import msgspec

from serving.models.manifest import Manifest, Threshold
from serving.recording.store.searching import Candidate

Condition = Callable[[Candidate], bool]

_number = msgspec.json.Decoder(float).decode
_label = msgspec.json.Decoder(str).decode
_numbers = msgspec.json.Decoder(list[float]).decode
_interval = msgspec.json.Decoder(dict[str, float]).decode
_names = lru_cache(msgspec.json.Decoder(tuple[str, ...]).decode)


def has_threshold(manifest: Manifest) -> bool:
    """Whether one probability decides, as it does for two labels."""
    return len(manifest.classes) == 2 and manifest.outputs == "probabilities"  # noqa: PLR2004


def threshold(manifest: Manifest) -> Threshold:
    """Return the probability that decides between two labels: a half, unless it was chosen."""
    return manifest.threshold or Threshold(manifest.classes[1], 0.5, "")


def is_wrong(candidate: Candidate) -> bool:
    """Whether the feedback is another label, or a number outside the interval."""
    return _is_right(candidate) is False


def is_right(candidate: Candidate) -> bool:
    """Whether the feedback is the predicted label, or a number within the interval."""
    return _is_right(candidate) is True


def _is_right(candidate: Candidate) -> bool | None:
    """Whether a prediction was right; None where that is unknown."""
    if candidate.actual is None:
        return None
    if _is_label(candidate.prediction):
        return candidate.actual == candidate.prediction
    if candidate.interval is None or _is_label(candidate.actual):
        return None
    ends = _interval(candidate.interval)
    return ends["low"] <= _number(candidate.actual) <= ends["high"]


def error_above(least: float) -> Condition:
    """Make the condition that a number is off by more than `least`, in the target's unit."""

    def fits(candidate: Candidate) -> bool:
        if (
            candidate.actual is None
            or _is_label(candidate.actual)
            or _is_label(candidate.prediction)
        ):
            return False
        return abs(_number(candidate.actual) - _number(candidate.prediction)) > least

    return fits


def probability_below(limit: float) -> Condition:
    """Make the condition that the probability of the predicted label is below a limit."""

    def fits(candidate: Candidate) -> bool:
        if candidate.probabilities is None:
            return False
        place = _names(candidate.classes).index(_label(candidate.prediction))
        return _numbers(candidate.probabilities)[place] < limit

    return fits


def threshold_within(distance: float, threshold: Callable[[int], Threshold]) -> Condition:
    """Make the condition that a probability is near the decision threshold of its version.

    Parameters
    ----------
    threshold : callable
        Returns the threshold of a version.
    """

    def fits(candidate: Candidate) -> bool:
        if candidate.probabilities is None:
            return False
        decides = threshold(candidate.version)
        names = _names(candidate.classes)
        if decides.label not in names:
            return False
        probability = _numbers(candidate.probabilities)[names.index(decides.label)]
        return abs(probability - decides.value) <= distance

    return fits


def interval_above(width: float) -> Condition:
    """Make the condition that an interval is wider than `width`, in the target's unit."""

    def fits(candidate: Candidate) -> bool:
        if candidate.interval is None:
            return False
        ends = _interval(candidate.interval)
        return ends["high"] - ends["low"] > width

    return fits


def _is_label(value: str) -> bool:
    """Whether a value is a label; feedback to a gone version may be one where that had numbers."""
    return value.startswith('"')
