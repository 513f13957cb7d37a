"""A version's latest predictions as columns, from the rows of the store."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from serving.field import Field
from serving.monitor.answers import Classified, Floats, Regressed
from serving.store.rows import json
from serving.store.windows import Part

UNKNOWN = -1  # the code of a label that is missing, or was never said
NO_ROWS: list[tuple[Any, ...]] = [()] * 8  # so that what is empty has its shape and type as well


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
        self._codes = _Codes({json(label): code for code, label in enumerate(classes)})
        self._chances = _decoder(classes, float)

    def values(self, texts: Sequence[str | None]) -> NDArray[Any]:
        """Labels' codes, or numbers; `UNKNOWN`, or NaN, for None."""
        if self.classes:
            return np.fromiter(map(self._codes.__getitem__, texts), np.intp, len(texts))
        return np.array([float(text) if text else np.nan for text in texts], dtype=np.float64)

    def probabilities(self, texts: Sequence[str]) -> Floats | None:
        """Shape (rows, classes); None of a model that has none."""
        if not self.likely:
            return None
        structs = self._chances.decode(_array(texts))
        found = np.empty((len(texts), len(self.classes)))
        for column in range(len(self.classes)):
            values = map(attrgetter(f"field_{column}"), structs)
            found[:, column] = np.fromiter(values, np.float64, len(texts))
        return found

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


class _Codes(dict[str | None, int]):
    def __missing__(self, _: str | None) -> int:
        return UNKNOWN


class Window:
    """The predictions of a window, column by column.

    Attributes
    ----------
    rows, warned : int
        How many there are, and how many were answered with a warning.
    unrecorded : dict of str to str
        By field: why its values are not all there.
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
        self._fields = [_Column(field, f"field_{at}") for at, field in enumerate(fields)]
        self._decoder = _decoder([column.field.name for column in self._fields], Any)
        columns = chain([NO_ROWS], (zip(*part, strict=True) for part in parts))
        times, durations, predicted, probabilities, actual, learnt = zip(
            *map(self._read, columns), strict=True
        )
        self.times, self.durations, self.learnt = map(np.concatenate, (times, durations, learnt))
        self.predicted, self.actual = np.concatenate(predicted), np.concatenate(actual)
        self.probabilities = np.concatenate(probabilities) if answers.likely else None

    def _read(self, columns: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
        times, durations, records, predicted, probabilities, warned, actual, learnt = columns
        self.rows += len(times)
        self.warned += sum(warned)
        structs = self._decoder.decode(_array(records))
        for column in self._fields:
            if column.field.name not in self.unrecorded and (why := column.take(structs)):
                self.unrecorded[column.field.name] = why
        return (
            np.array(times, dtype=np.float64),
            np.array(durations, dtype=np.float64),
            self.answers.values(predicted),
            self.answers.probabilities(probabilities),
            self.answers.values(actual),
            np.array(learnt, dtype=np.float64),
        )

    def taken(self, field: str) -> NDArray[Any]:
        """The values of a field, handed over: codes of a category, numbers with NaN for missing."""
        (column,) = (each for each in self._fields if each.field.name == field)
        parts, column.parts = column.parts, []
        return np.concatenate(parts)


class _Column:
    """The values of one field, part by part."""

    def __init__(self, field: Field, attribute: str) -> None:
        self.field, self.parts = field, list[NDArray[Any]]()
        self._get = attrgetter(attribute)
        self._codes: Mapping[Any, int] = {
            None: UNKNOWN,
            **{label: code for code, label in enumerate(field.categories)},
        }

    def take(self, structs: list[Any]) -> str:
        """Take a part's values in, or say why they are not what was sent."""
        values = map(self._get, structs)
        try:
            if self.field.type == "category":
                codes = map(self._codes.__getitem__, values)
                part: NDArray[Any] = np.fromiter(codes, np.int32, len(structs))
            elif self.field.optional:
                part = np.array(list(values), dtype=np.float64)  # which makes NaN of None
            else:
                part = np.fromiter(values, np.float64, len(structs))  # four times as fast
            self.parts.append(part)
        except (KeyError, TypeError, ValueError):
            self.parts = []
            omitted = any(self._get(struct) is UNSET for struct in structs)
            return "left out (JOURNAL_OMIT)" if omitted else "recorded as a hash (JOURNAL_HASH)"
        return ""


def _decoder(names: Iterable[str], kind: Any) -> msgspec.json.Decoder[list[Any]]:
    """What reads a JSON array of objects with these members."""
    renamed = {f"field_{at}": name for at, name in enumerate(names)}
    members = [(attribute, kind | UnsetType, UNSET) for attribute in renamed]
    struct = msgspec.defstruct("Recorded", members, rename=renamed, gc=False)
    return msgspec.json.Decoder(list[struct])  # type: ignore[valid-type]


def _array(texts: Iterable[str]) -> str:
    return f"[{','.join(texts)}]"
