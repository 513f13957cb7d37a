"""What a worker and the process that reads and writes Arrow send each other: rows and predictions.

A stream of messages in msgpack, each after its length. Matrices are the bytes of their numbers.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET

from serving.errors import Fault, InvalidRecords, NotATable, TooManyRecords
from serving.formats.batch import Batch, BatchWriter
from serving.formats.delimited import Dialect
from serving.formats.predicted_columns import ColumnMaker, Labels, Made, PredictedColumns
from serving.inputs.exact import Remark
from serving.inputs.field import Field
from serving.inputs.schema import Rows, Schema
from serving.inputs.tables import Table
from serving.models.explaining.explanation import ExplainOptions
from serving.models.manifest import Manifest
from serving.models.predicted import Predicted

LENGTH = 4  # bytes of the length of a message
DAMAGED = "the file cannot be read: its content is damaged, or unpacks to too much"


class ToRead(msgspec.Struct, tag=True):
    """What the process is to read: a body, of which it makes `Header` and `SentRows`.

    Or `Refused`, as the last message.

    Attributes
    ----------
    max_records : int
        How many there may be.
    max_bytes : int
        How many bytes their columns may have, unpacked.
    """

    media_type: str
    fields: Sequence[Field]
    table: Table | None
    max_records: int
    max_bytes: int


class ToWrite(msgspec.Struct, tag=True):
    """What the process is to write: `SentColumns`, of which it makes a body."""

    media_type: str
    names: Sequence[str]
    numbers: Sequence[str]
    model: str
    version: int


class Request(msgspec.Struct):
    """What the process is to do with the file of which it inherits the descriptor."""

    task: ToRead | ToWrite
    descriptor: int


class Header(msgspec.Struct, tag=True):
    """The columns that are not fields; the first message."""

    unused: list[str]


class SentRows(msgspec.Struct, tag=True):
    """A batch: `Batch` without its lines, of which there are none.

    Attributes
    ----------
    matrix : bytes
        The numbers of the valid records; NaN for texts.
    texts : dict of int to list
        The texts, by their column.
    """

    first: int
    records: int
    matrix: bytes
    texts: dict[int, list[str | None]]
    remarks: dict[int, list[Remark]]
    faults: dict[int, list[Fault]]


class Refused(msgspec.Struct, tag=True):
    """Why a body is not read; `is_large`: it has, or needs, more than it may. The last message."""

    message: str
    is_large: bool = False
    faults: list[Fault] = []


class SentColumns(msgspec.Struct):
    """A batch of predictions: `PredictedColumns`."""

    records: int
    numbers: dict[str, bytes]
    texts: dict[str, list[str | None]]
    errors: dict[int, str]


Message = Header | SentRows | Refused
Kind = TypeVar("Kind")

encode = msgspec.msgpack.Encoder().encode
_decode_message = msgspec.msgpack.Decoder[Message](Message).decode
_decode_columns = msgspec.msgpack.Decoder(SentColumns).decode


def framed(message: msgspec.Struct) -> bytes:
    """Encode a message after its length."""
    content = encode(message)
    return len(content).to_bytes(LENGTH, "big") + content


def frames(stream: BinaryIO) -> Iterator[bytes]:
    """Read the messages of a stream; raises NotATable for half a message."""
    while length := stream.read(LENGTH):
        content = stream.read(size := int.from_bytes(length, "big"))
        if len(length) < LENGTH or len(content) < size:
            raise NotATable(DAMAGED)
        yield content


def to_rows(batch: Batch, schema: Schema) -> SentRows:
    """Make the message of a batch."""
    matrix = batch.rows.matrix
    texts = [place for place, field in enumerate(schema.fields) if field.type == "text"]
    return SentRows(
        batch.first,
        len(batch.lines),
        schema.numbers(matrix).tobytes(),
        {place: matrix[:, place].tolist() for place in texts},
        batch.rows.remarks,
        batch.faults,
    )


def to_columns(content: bytes) -> PredictedColumns:
    """Make the columns of a message."""
    sent = _decode_columns(content)
    numbers = {name: np.frombuffer(each, np.float64) for name, each in sent.numbers.items()}
    return PredictedColumns({**numbers, **sent.texts}, sent.errors, sent.records)


class Reader:
    """Reads the batches that the process has made of a body.

    Raises
    ------
    NotATable, TooManyRecords, InvalidRecords
        Also while it is iterated over.
    """

    def __init__(self, stream: BinaryIO, schema: Schema) -> None:
        self._schema = schema
        self._messages = map(_decode_message, frames(stream))
        header = self._next()
        if not isinstance(header, Header):
            raise NotATable(DAMAGED)
        self.unused = header.unused
        self.dialect = Dialect()

    def _next(self) -> Message | None:
        message = next(self._messages, None)
        if not isinstance(message, Refused):
            return message
        if message.faults:
            raise InvalidRecords(message.faults)
        raise (TooManyRecords if message.is_large else NotATable)(message.message)

    def __iter__(self) -> Iterator[Batch]:
        """Read to the end of the stream."""
        is_empty = True
        while isinstance(message := self._next(), SentRows):
            is_empty = False
            yield self._batch(message)
        if is_empty:
            empty = "the table is empty; send at least one record"
            raise InvalidRecords([Fault(record=0, message=empty)])

    def _batch(self, sent: SentRows) -> Batch:
        fields = len(self._schema.fields)
        matrix = np.frombuffer(sent.matrix, np.float64).reshape(-1, fields)
        if sent.texts:
            matrix = matrix.astype(object)
            for place, texts in sent.texts.items():
                matrix[:, place] = texts
        rows = Rows(matrix, sent.remarks, many=True)
        return Batch(sent.first, [UNSET] * sent.records, rows, sent.faults)


class Writer(BatchWriter):
    """Writes predictions as messages, of which the process makes a body of a media type.

    Attributes
    ----------
    task : ToWrite
        For the process.
    """

    def __init__(
        self,
        mimetype: str,
        manifest: Manifest,
        _: Dialect,
        *,
        ids: bool,
        explain: ExplainOptions | None = None,
    ) -> None:
        self.mimetype = mimetype
        self._maker = ColumnMaker(manifest, ids=ids, explain=explain)
        names, numbers = self._maker.names, [*self._maker.numbers]
        self.task = ToWrite(mimetype, names, numbers, manifest.name, manifest.version)

    def batch(self, batch: Batch, predicted: Predicted | None) -> bytes:
        """Write a message."""
        made = self._maker.make(batch, Made.of(predicted) if predicted else None)
        sent = SentColumns(made.records, {}, {}, made.errors)
        for name, column in made.columns.items():
            if isinstance(column, Labels):
                sent.texts[name] = [column.labels[code] for code in column.codes.tolist()]
            elif isinstance(column, list):
                sent.texts[name] = column
            else:
                sent.numbers[name] = column.tobytes()
        return framed(sent)
