"""The rows of a window that are in the archive, in the columns of its files; imports pyarrow."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from serving.archive.layout import JSON, NUMBER, PROBABILITY, TEXT
from serving.archive.reading import read
from serving.ids import PredictionId
from serving.inputs import dates
from serving.inputs.field import Field
from serving.monitor.counts import Floats
from serving.monitor.decoder import Decoder
from serving.monitor.rows import Rows
from serving.recording.store import Store
from serving.recording.store.archived import Wanted
from serving.recording.store.windows import WindowLimits

OWN = ("time", "duration", "warnings", "layout", "actual_time")
SPELLED = {"true": 1.0, "false": 0.0}

_names = msgspec.json.Decoder(list[str]).decode


def find_archived(
    store: Store, url: str, limits: WindowLimits, decoder: Decoder, ids: Sequence[str]
) -> dict[str, tuple[Any, list[float]]]:
    """Return what was predicted, and the probabilities, by the ids of archived predictions.

    Raises
    ------
    ArchiveError, StoreError
    """
    times = [made.time for each in ids if (made := PredictionId.read(each))]
    kind = "label" if decoder.classes else "number"
    chances = [PROBABILITY + each for each in decoder.classes if decoder.has_probabilities]
    columns, wanted = ["id", f"prediction_{kind}", *chances], pa.array(ids, pa.string())
    found: dict[str, tuple[Any, list[float]]] = {}
    for file in store.archived.files(limits.model):
        some = [each for each in times if file.first <= each <= file.last]
        if not some:
            continue
        between = Wanted(limits.model, limits.version, min(some), max(some) + 1)
        for batch in read(store, url, between, columns):
            for row in batch.filter(pc.is_in(batch.column("id"), value_set=wanted)).to_pylist():
                prediction_id, made, *probabilities = row.values()
                found[prediction_id] = made, probabilities
    return found


class ArchivedReader:
    """Takes rows of a window from what `serving.archive.reading` reads.

    Parameters
    ----------
    unrecorded : dict of str to str
        By field: the code of the reason why not all of its values are there; added to.

    Attributes
    ----------
    columns : list of str
        What has to be read.
    """

    def __init__(
        self, store: Store, fields: Sequence[Field], decoder: Decoder, unrecorded: dict[str, str]
    ) -> None:
        self._store, self._fields = store, fields
        self._decoder, self._unrecorded = decoder, unrecorded
        kind = "label" if decoder.classes else "number"
        self._outcomes = f"prediction_{kind}", f"actual_{kind}"
        self._chances = [PROBABILITY + each for each in decoder.classes]
        if not decoder.has_probabilities:
            self._chances = []
        of_fields = [prefix + each.name for each in fields for prefix in (NUMBER, TEXT, JSON)]
        self.columns = [*OWN, *self._outcomes, *of_fields, *self._chances]

    def read(self, batch: pa.RecordBatch) -> Rows:
        """Take the rows of a batch.

        Raises
        ------
        StoreError
        """
        predicted, actual = (self._codes(batch.column(name)) for name in self._outcomes)
        chances = [_numbers(batch.column(name)) for name in self._chances]
        return Rows(
            self._values(batch),
            _numbers(batch.column("time").cast(pa.int64())),
            _numbers(batch.column("duration")),
            predicted,
            np.column_stack(chances) if chances else None,
            actual,
            _numbers(batch.column("actual_time").cast(pa.int64())),
            batch.num_rows - batch.column("warnings").null_count,
        )

    def _values(self, batch: pa.RecordBatch) -> dict[str, Floats]:
        layouts = batch.column("layout").unique().to_pylist()
        recorded = [{*_names(self._store.layout(each).fields)} for each in layouts]
        found = {}
        for field in self._fields:
            values = _values(batch, field)
            if any(field.name not in each for each in recorded):
                self._unrecorded.setdefault(field.name, "left_out")
            elif values is None:
                self._unrecorded.setdefault(field.name, "hashed")
            elif field.name not in self._unrecorded:
                found[field.name] = values
        return found

    def _codes(self, column: pa.Array) -> Any:
        """Codes of labels, or numbers."""
        if not self._decoder.classes:
            return _numbers(column)
        known = pa.array(self._decoder.classes, pa.string())
        return self._decoder.as_codes(_numbers(pc.index_in(column, value_set=known)))


def _values(batch: pa.RecordBatch, field: Field) -> Floats | None:
    """The values of a field; None if some are not as they were sent. What is null is NaN."""
    number, text, json = (batch.column(prefix + field.name) for prefix in (NUMBER, TEXT, JSON))
    numbers, texts, others = (len(each) - each.null_count for each in (number, text, json))
    if field.type == "text":
        return np.where(_is_valid(number) | _is_valid(text) | _is_valid(json), 1.0, math.nan)
    if field.type in {"category", "date"}:
        return None if numbers or others else _parsed(text, field)
    if texts:
        return None
    return _numbers(pc.coalesce(number, _spelled(json)) if others else number)


def _parsed(text: pa.Array, field: Field) -> Floats | None:
    """The codes of a category's labels, or the days of dates."""
    different = text.unique().drop_null()
    parse: Callable[[str], float | None] = dates.parse
    if field.type == "category":
        parse = {label: float(code) for code, label in enumerate(field.categories)}.get
    values = [parse(each) for each in different.to_pylist()]
    if None in values:
        return None
    return _numbers(pa.array(values, pa.float64()).take(pc.index_in(text, value_set=different)))


def _spelled(json: pa.Array) -> pa.Array:
    """Booleans and long integers, which are JSON in a file, as numbers."""
    different = json.unique()
    values = [
        None if each is None else SPELLED[each] if each in SPELLED else float(each)
        for each in different.to_pylist()
    ]
    return pa.array(values, pa.float64()).take(pc.index_in(json, value_set=different))


def _numbers(column: pa.Array) -> Floats:
    """A column as numbers; null is NaN."""
    found: Floats = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found


def _is_valid(column: pa.Array) -> Any:
    return pc.is_valid(column).to_numpy(zero_copy_only=False)
