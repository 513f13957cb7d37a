"""The watch over concept drift, led on through the feedback that came since the last pass."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from serving.monitor.performance import losses
from serving.monitor.performance.answers import Classified, Regressed
from serving.monitor.performance.concept import Watch, drift, update
from serving.monitor.performance.performance import HeldOut
from serving.monitor.report import ConceptDrift
from serving.monitor.window import Answers, decode
from serving.recording.store.arrivals import Arrived

PATIENCE = 60_000  # milliseconds in which a prediction may still come after its feedback


class Watched(NamedTuple):
    """How far the watch has come; `concept` is None where training measured no loss to watch."""

    watch: Watch
    place: int
    concept: ConceptDrift | None


def go_on(
    watch: Watch,
    parts: Iterable[Arrived],
    answers: Answers,
    held_out: Mapping[str, HeldOut],
    *,
    last: int,
    now: int,
) -> Watched:
    """Take in feedback by its place, up to the last, or to where a prediction may still come.

    Feedback whose prediction has not come within a minute is passed over.

    Parameters
    ----------
    last : int
        The place up to which the parts go.
    now : int
        Milliseconds since 1970, UTC.
    """
    measured = losses.measure(*_paired((), answers), held_out)
    if measured is None:
        return Watched(watch, last, None)
    place = last
    for part in parts:
        rows = [*zip(*map(decode, part), strict=True)]
        awaited = (at for at, told, _, made, _ in rows if made is None and told > now - PATIENCE)
        until = next(awaited, last + 1)
        rows = [row for row in rows if row[0] < until and row[3] is not None]
        found = losses.measure(*_paired(rows, answers), held_out)
        assert found
        watch = update(watch, found.of_rows, found.bound)
        if until <= last:
            place = until - 1
            break
    return Watched(watch, place, drift(watch, measured.bound, measured.name))


def _paired(
    rows: Sequence[Sequence[Any]], answers: Answers
) -> tuple[Classified | Regressed, np.ndarray[Any, Any]]:
    """What was answered and what was true, of the rows whose truth is one that the model knows."""
    _, _, told, made, chances = zip(*rows, strict=True) if rows else [()] * 5
    actual, predicted = answers.values(told), answers.values(made)
    probabilities = answers.probabilities(chances)
    known = answers.known(actual)
    if probabilities is not None:
        probabilities = probabilities[known]
    return answers.answered(predicted[known], probabilities, actual[known]), actual[known]
