"""JSON Lines: a JSON object on each line, for records and for predictions."""

import codecs
from collections.abc import Iterator
from typing import Any, BinaryIO

from serving.errors import Fault, InvalidRecords, NotATable, NotJSON, ServingError
from serving.formats.batch import MAX_BYTES, MAX_RECORDS, Batch, BatchWriter
from serving.formats.delimited import Dialect
from serving.formats.json_array import encoder, to_items
from serving.inputs import strict_json
from serving.inputs.lines import Lines
from serving.inputs.schema import Schema
from serving.models.explaining.explanation import ExplainOptions
from serving.models.manifest import Manifest
from serving.models.predicted import Predicted


class Reader:
    """Reads the records of a stream in batches; empty lines are ignored.

    Iterating raises `NotATable` for a line that is too long.
    """

    def __init__(self, stream: BinaryIO, schema: Schema) -> None:
        self._schema, self._lines = schema, Lines(stream)
        self._line = 0
        self.unused: list[str] = []  # unknown names of a record are among its own warnings
        self.dialect = Dialect()

    def __iter__(self) -> Iterator[Batch]:
        """Read to the end of the stream."""
        first = 0
        while (taken := self._take())[0]:
            yield self._batch(first, *taken)
            first += len(taken[0])
        if not first:
            message = "there is no record; send at least one"
            raise InvalidRecords([Fault(record=0, line=1, message=message)])

    def _take(self) -> tuple[list[bytes], list[int]]:
        """Return the next records, and the line of each."""
        records: list[bytes] = []
        numbers: list[int] = []
        size = 0
        try:
            for line in self._lines:
                self._line += 1
                size += self._lines.taken
                self._lines.taken = 0
                record = (
                    line.strip() if self._line > 1 else line.removeprefix(codecs.BOM_UTF8).strip()
                )
                if record:
                    records.append(record)
                    numbers.append(self._line)
                if len(records) == MAX_RECORDS or (records and size >= MAX_BYTES):
                    break
        except NotATable as error:
            raise NotATable(f"line {self._line + 1}: {error}") from None
        return records, numbers

    def _batch(self, first: int, records: list[bytes], lines: list[int]) -> Batch:
        # Together as an array, unless two lines could be the halves of one record.
        if all(record.startswith(b"{") and record.endswith(b"}") for record in records):
            try:
                rows = self._schema.decode(b"[" + b",".join(records) + b"]", len(records))
            except ServingError:
                pass
            else:
                if len(rows.matrix) == len(records):
                    return Batch(first, lines, rows, {})
        return self._one_by_one(first, records, lines)

    def _one_by_one(self, first: int, records: list[bytes], lines: list[int]) -> Batch:
        reader = self._schema.reader()
        rows: list[list[Any]] = []
        for place, record in enumerate(records):
            try:
                sent = self._parse(record)
            except ServingError as error:
                message = str(error).replace("the body", "the line").replace(" at line 1", " at")
                reader.faults.append(Fault(record=place, message=message))
                rows.append([])
            else:
                rows.append(reader.row(place, sent))
        return Batch.of_rows(first, lines, rows, reader, self._schema)

    def _parse(self, record: bytes) -> Any:
        if record.startswith(b"["):
            raise NotJSON("the line is an array; send one record, a JSON object, on each line")
        return strict_json.read_records(record, 1)[0][0]


class Writer(BatchWriter):
    """Writes a line for each record: its prediction, or an object with `errors`."""

    mimetype = "application/x-ndjson"

    def __init__(
        self, _: Manifest, __: Dialect, *, ids: bool, explain: ExplainOptions | None = None
    ) -> None:
        del ids, explain  # a prediction without an id has none in its line

    def batch(self, batch: Batch, predicted: Predicted | None) -> bytes:
        """Write a line for each record, in order."""
        return encoder.encode_lines(to_items(batch, predicted, named=True))
