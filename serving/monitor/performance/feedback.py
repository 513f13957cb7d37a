"""The watch over concept drift, continued with the feedback since the last check."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from serving.models.manifest import Figure
from serving.monitor.decoder import Decoder, numbers
from serving.monitor.findings import ConceptDrift
from serving.monitor.performance.concept import Watch, concept_drift, update
from serving.monitor.performance.losses import Losses, measure_losses
from serving.monitor.performance.predictions import Floats
from serving.recording.store.new_feedback import FeedbackPart

PATIENCE = 60_000  # milliseconds within which a prediction may still arrive after its feedback


class Watched(NamedTuple):
    """The watch, the place of the last feedback in it, and the drift that it found.

    `drift` is None where training measured no loss that can be watched.
    """

    watch: Watch
    place: int
    drift: ConceptDrift | None


def continue_watch(
    watch: Watch,
    parts: Iterable[FeedbackPart],
    decoder: Decoder,
    held_out: Mapping[str, Figure],
    *,
    last: int,
    now: int,
) -> Watched:
    """Add feedback by its place, up to the last, or to the first whose prediction may still come.

    Feedback whose prediction has not come within a minute is skipped.

    Parameters
    ----------
    last : int
        The place up to which the parts go.
    now : int
        Milliseconds since 1970, UTC.
    """
    none = decoder.unknown(0)
    nothing = _losses(none, decoder.probabilities("[]", 0), none, decoder, held_out)
    if nothing is None:
        return Watched(watch, last, None)
    place = last
    for part in parts:
        places = numbers(part.places, part.places.count(",") + 1)
        rows = len(places)
        predicted = decoder.outcomes(part.predictions, rows)
        missing = ~decoder.known(predicted)
        awaited = places[missing & (numbers(part.times, rows) > now - PATIENCE)]
        until = int(awaited[0]) if len(awaited) else last + 1
        chosen = (places < until) & ~missing
        probabilities = decoder.probabilities(part.probabilities, rows)
        losses = _losses(
            predicted[chosen],
            None if probabilities is None else probabilities[chosen],
            decoder.outcomes(part.actual, rows)[chosen],
            decoder,
            held_out,
        )
        assert losses
        watch = update(watch, losses.of_rows, losses.bound)
        if until <= last:
            place = until - 1
            break
    return Watched(watch, place, concept_drift(watch, nothing.bound, nothing.name))


def _losses(
    predicted: NDArray[Any],
    probabilities: Floats | None,
    actual: NDArray[Any],
    decoder: Decoder,
    held_out: Mapping[str, Figure],
) -> Losses | None:
    """The losses of those rows whose true outcome is one that the model knows."""
    return measure_losses(*decoder.with_outcome(predicted, probabilities, actual), held_out)
