"""Records that are read, predicted and written together, so that a stream needs little memory."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self, TypeVar

import msgspec
import numpy as np

from serving.errors import Fault, InvalidRecords
from serving.inputs.exact import ExactReader
from serving.inputs.schema import Matrix, Rows, Schema
from serving.models.predicted import Predicted

MAX_RECORDS = 2_000  # in a batch
MAX_BYTES = 2**20  # of text in a batch


class Batch(NamedTuple):
    """Some consecutive records of a stream.

    Attributes
    ----------
    first : int
        Position in the stream of the first record, from 0.
    lines : sequence of int
        The line on which each record begins, from 1; unset in a JSON array.
    rows : Rows
        The valid records, in order.
    faults : dict of int to list of Fault
        The faults of the others, by their position in the batch.
    """

    first: int
    lines: Sequence[int | msgspec.UnsetType]
    rows: Rows
    faults: dict[int, list[Fault]]

    @classmethod
    def of_rows(
        cls,
        first: int,
        lines: Sequence[int | msgspec.UnsetType],
        rows: Sequence[Sequence[Any]],
        reader: ExactReader,
        schema: Schema,
    ) -> Self:
        """Make a batch of the rows that a reader made of all its records, some of them at fault."""
        faults = _by_place(first, lines, reader)
        valid = [place for place in range(len(rows)) if place not in faults]
        matrix = schema.matrix([rows[place] for place in valid])
        return cls(first, lines, _rows(matrix, valid, reader, schema), faults)

    @classmethod
    def of_matrix(
        cls,
        first: int,
        lines: Sequence[int | msgspec.UnsetType],
        matrix: Matrix,
        reader: ExactReader,
        schema: Schema,
    ) -> Self:
        """Make a batch of a matrix of all its records; the reader read some, some at fault."""
        faults = _by_place(first, lines, reader)
        if not faults:
            return cls(first, lines, _rows(matrix, range(len(matrix)), reader, schema), faults)
        valid = [place for place in range(len(matrix)) if place not in faults]
        return cls(first, lines, _rows(matrix[valid], valid, reader, schema), faults)

    @property
    def places(self) -> list[int]:
        """The positions in the stream of the valid records."""
        return [self.first + place for place in range(len(self.lines)) if place not in self.faults]

    def without(self, refused: list[Fault]) -> Self:
        """Turn rows that the model refused into faults; `refused` has their positions in `rows`."""
        places = [place for place in range(len(self.lines)) if place not in self.faults]
        faults = dict(self.faults)
        for fault in refused:
            place = places[fault.record]
            record, line = self.first + place, self.lines[place]
            moved = msgspec.structs.replace(fault, record=record, line=line)
            faults.setdefault(place, []).append(moved)
        kept = [row for row, place in enumerate(places) if place not in faults]
        remarks = self.rows.remarks
        moved_remarks = {new: remarks[row] for new, row in enumerate(kept) if row in remarks}
        rows = Rows(self.rows.matrix[np.array(kept, np.intp)], moved_remarks, many=True)
        return self._replace(rows=rows, faults=faults)


def _by_place(
    first: int, lines: Sequence[int | msgspec.UnsetType], reader: ExactReader
) -> dict[int, list[Fault]]:
    """Return the faults that a reader found, by the position of their record in the batch."""
    faults: dict[int, list[Fault]] = {}
    for fault in reader.faults:
        place = fault.record
        moved = msgspec.structs.replace(fault, record=first + place, line=lines[place])
        faults.setdefault(place, []).append(moved)
    return faults


def _rows(matrix: Matrix, valid: Sequence[int], reader: ExactReader, schema: Schema) -> Rows:
    """Make rows of the valid records of a batch, with the warnings of the schema and a reader."""
    remarks = schema.unseen(matrix)
    if reader.remarks:
        for row, place in enumerate(valid):
            if place in reader.remarks:
                remarks.setdefault(row, []).extend(reader.remarks[place])
    return Rows(matrix, remarks, many=True)


T = TypeVar("T")
Predict = Callable[[Batch], Predicted]  # the valid records of a batch


def predict_batch(batch: Batch, predict: Callable[[Batch], T]) -> tuple[Batch, T | None]:
    """Predict a batch; rows that the model refuses become faults of the batch that is returned.

    The predictions are None if no row is left.
    """
    while len(batch.rows.matrix):
        try:
            return batch, predict(batch)
        except InvalidRecords as error:  # of some rows; the others are tried again
            batch = batch.without(error.faults)
    return batch, None


class BatchWriter:
    """Encodes predictions in the format `mimetype`."""

    mimetype: str

    def head(self) -> bytes:
        """Return the bytes before the first batch."""
        return b""

    def batch(self, batch: Batch, predicted: Predicted | None) -> bytes:
        """Encode the prediction or the faults of each record, in order."""
        raise NotImplementedError

    def tail(self) -> bytes:
        """Return the bytes after the last batch."""
        return b""
