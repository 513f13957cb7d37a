"""A version's latest predictions as columns, from the rows of the store."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.inputs import dates
from serving.inputs.field import Field
from serving.monitor.performance.answers import Classified, Floats, Regressed
from serving.recording.store.windows import Part

UNKNOWN = -1  # the code of a label that is missing, or was never said

decode = msgspec.json.Decoder().decode


class Answers:
    """Decodes what a version answered, and what was true: labels to their numbers.

    Parameters
    ----------
    positive : str or None
        Of two classes, the one that is looked for, where the artefact tells.
    likely : bool
        Whether the model answers probabilities.
    """

    def __init__(self, classes: tuple[str, ...], positive: str | None, *, likely: bool) -> None:
        self.classes, self.likely = classes, likely
        self.positive = None if positive is None else classes.index(positive)
        self._codes = _Codes({label: code for code, label in enumerate(classes)})

    def values(self, answered: Collection[Any]) -> NDArray[Any]:
        """Labels' codes, or numbers."""
        if self.classes:
            return np.fromiter(map(self._codes.__getitem__, answered), np.intp, len(answered))
        return np.fromiter(answered, np.float64, len(answered))

    def unknown(self, rows: int) -> NDArray[Any]:
        """The same where nothing is known."""
        return np.full(rows, UNKNOWN, np.intp) if self.classes else np.full(rows, np.nan)

    def probabilities(self, answered: Collection[Sequence[float]]) -> Floats | None:
        """Shape (rows, classes); None of a model that has none."""
        if not self.likely:
            return None
        shape = len(answered), len(self.classes)
        values = chain.from_iterable(answered)
        return np.fromiter(values, np.float64, shape[0] * shape[1]).reshape(shape)

    def known(self, actual: NDArray[Any]) -> NDArray[np.bool_]:
        """Which rows' truth is known."""
        return np.asarray(actual != UNKNOWN if self.classes else ~np.isnan(actual))

    def answered(
        self, predicted: NDArray[Any], probabilities: Floats | None, actual: NDArray[Any]
    ) -> Classified | Regressed:
        """Put together what a performance is measured of."""
        if not self.classes:
            return Regressed(predicted, actual)
        return Classified(predicted, len(self.classes), probabilities, self.positive)


class _Codes(dict[Any, int]):
    def __missing__(self, _: Any) -> int:
        return UNKNOWN


class Window:
    """The predictions of a window, column by column.

    Attributes
    ----------
    rows, warned : int
        How many there are, and how many were answered with a warning.
    unrecorded : dict of str to str
        By field: the code of why its values are not all there.
    times, durations : ndarray of float
        Milliseconds since 1970, UTC; microseconds.
    predicted, actual : ndarray
        Codes of labels, or numbers.
    probabilities : ndarray, shape (rows, classes), or None
    learnt : ndarray of float
        When the truth was told, NaN where it was not.
    """

    def __init__(self, fields: Iterable[Field], answers: Answers, parts: Iterable[Part]) -> None:
        self.answers = answers
        self.rows = self.warned = 0
        self.unrecorded: dict[str, str] = {}
        self._columns = {field.name: _Column(field) for field in fields}
        none, nothing = np.empty(0), answers.values(())  # what is empty has a type as well
        empty = (none, none, nothing, answers.probabilities(()), nothing, none)
        times, durations, predicted, probabilities, actual, learnt = zip(
            empty, *map(self._read, parts), strict=True
        )
        self.times, self.durations, self.learnt = map(np.concatenate, (times, durations, learnt))
        self.predicted, self.actual = np.concatenate(predicted), np.concatenate(actual)
        self.probabilities = np.concatenate(probabilities) if answers.likely else None

    def _read(self, part: Part) -> tuple[Any, ...]:
        times = decode(part.times)
        self.rows += len(times)
        self.warned += part.warned
        columns = zip(*decode(part.records), strict=True)
        recorded = dict(zip(decode(part.fields), columns, strict=True))
        for name, column in self._columns.items():
            if name not in self.unrecorded and (why := column.take(recorded.get(name))):
                self.unrecorded[name] = why
        actual, learnt = self.answers.unknown(len(times)), np.full(len(times), np.nan)
        if part.learnt:
            places = [*part.learnt]
            told, learnt[places] = zip(*part.learnt.values(), strict=True)
            actual[places] = self.answers.values(told)
        return (
            np.array(times, dtype=np.float64),
            np.array(decode(part.durations), dtype=np.float64),
            self.answers.values(decode(part.predictions)),
            self.answers.probabilities(decode(part.probabilities)),
            actual,
            learnt,
        )

    def taken(self, field: str) -> NDArray[Any]:
        """The values of a field, handed over: codes of a category, numbers with NaN for missing."""
        column = self._columns[field]
        parts, column.parts = column.parts, []
        return np.concatenate(parts)


def _days(value: Any) -> float:
    days = None if value is None else dates.read(value)
    if value is not None and days is None:
        raise ValueError(value)
    return math.nan if days is None else days


def _presence(value: Any) -> float:
    return math.nan if value is None else 1.0


# What is compared of values that are no numbers: of a text, only whether there is one.
_NUMBERS: dict[str, Callable[[Any], float]] = {"date": _days, "text": _presence}


class _Column:
    """The values of one field, part by part."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.parts = [np.empty(0, np.int32 if field.type == "category" else np.float64)]
        self._numbers = _NUMBERS.get(field.type)
        self._codes: Mapping[Any, int] = {
            None: UNKNOWN,
            **{label: code for code, label in enumerate(field.categories)},
        }

    def take(self, values: Sequence[Any] | None) -> str:
        """Take a part's values in, or say by a code why they are not what was sent."""
        if values is None:
            return "left_out"
        try:
            if self.field.type == "category":
                codes = map(self._codes.__getitem__, values)
                part: NDArray[Any] = np.fromiter(codes, np.int32, len(values))
            elif self._numbers:
                part = np.fromiter(map(self._numbers, values), np.float64, len(values))
            elif self.field.optional:
                part = np.array(values, dtype=np.float64)  # which makes NaN of None
            else:
                part = np.fromiter(values, np.float64, len(values))  # faster
            self.parts.append(part)
        except (KeyError, TypeError, ValueError):
            return "hashed"
        return ""
