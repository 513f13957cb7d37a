"""The watch over concept drift, continued with the feedback since the last check."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from serving.models.manifest import Figure
from serving.monitor.findings import ConceptDrift
from serving.monitor.performance.concept import Watch, concept_drift, update
from serving.monitor.performance.losses import Losses, measure_losses
from serving.monitor.rows import Decoder, decode
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
    nothing = _losses((), decoder, held_out)
    if nothing is None:
        return Watched(watch, last, None)
    place = last
    for part in parts:
        rows = [*zip(*map(decode, part), strict=True)]
        awaited = (at for at, time, _, made, _ in rows if made is None and time > now - PATIENCE)
        until = next(awaited, last + 1)
        rows = [row for row in rows if row[0] < until and row[3] is not None]
        losses = _losses(rows, decoder, held_out)
        assert losses
        watch = update(watch, losses.of_rows, losses.bound)
        if until <= last:
            place = until - 1
            break
    return Watched(watch, place, concept_drift(watch, nothing.bound, nothing.name))


def _losses(
    rows: Sequence[Sequence[Any]], decoder: Decoder, held_out: Mapping[str, Figure]
) -> Losses | None:
    """The losses of those rows whose true outcome is one that the model knows."""
    _, _, outcomes, made, chances = zip(*rows, strict=True) if rows else [()] * 5
    predicted, probabilities = decoder.outcomes(made), decoder.probabilities(chances)
    known = decoder.with_outcome(predicted, probabilities, decoder.outcomes(outcomes))
    return measure_losses(*known, held_out)
