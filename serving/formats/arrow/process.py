"""The process that reads or writes one body of Parquet or Arrow; see `messages`.

Only the columns of fields are unpacked, some rows at a time, and within limits of memory and of
processor time, whatever the body declares about itself.
"""

import os
import resource
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
from pyarrow import ipc, parquet

from serving.errors import InvalidRecords, NotATable
from serving.formats import apart
from serving.formats.arrow import PARQUET, STREAM
from serving.formats.arrow.messages import (
    Header,
    Refused,
    Request,
    ToRead,
    ToWrite,
    framed,
    frames,
    to_columns,
    to_rows,
)
from serving.formats.arrow.reading import ArrowReader
from serving.formats.arrow.writing import joined, make_batch, make_schema, parquet_writer
from serving.formats.batch import MAX_RECORDS
from serving.inputs.names import LISTED_NAMES
from serving.inputs.schema import Schema

MAX_MEMORY = 2**28  # bytes, besides what the libraries take
MAX_SECONDS = 60  # of the processor
MAX_COLUMNS = 10_000  # a footer that lists more is not read
MAX_TEXTS = 2**26  # characters of the texts of a batch
BATCH_NUMBERS = 2**19  # of a batch
BUFFER = 2**16  # bytes of a column that are read ahead
GROUP_ROWS, GROUP_BYTES = 2**17, 2**24  # of a row group that is written
INDEX = "__index_level_"  # pandas' name for an index that has none
NAMES = {PARQUET: "Parquet", STREAM: "stream of Arrow"}


class TooLarge(Exception):
    """A body has more than it may."""


def main() -> None:
    """Carry out the request on the standard input, and write what is made."""
    apart.reporting()
    request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Request)
    _limit()
    source, out = os.fdopen(request.descriptor, "rb"), sys.stdout.buffer
    source.seek(0)
    match request.task:
        case ToRead():
            for message in read_or_refuse(request.task, source):
                out.write(message)
        case ToWrite():
            write(request.task, source, out)
    out.flush()
    os._exit(0)  # all is written; what libraries do at the end of a process may fail for its limits


def read_or_refuse(task: ToRead, source: BinaryIO) -> Iterator[bytes]:
    """Read a body, and yield messages; the last may be why the rest is not read."""
    limit = f"the file unpacks to more than {MAX_MEMORY >> 20} MB; send fewer records"
    try:
        yield from read(task, source)
    except MemoryError:
        yield framed(Refused(limit, is_large=True))
    except TooLarge as error:
        yield framed(Refused(str(error), is_large=True))
    except InvalidRecords as error:
        yield framed(Refused(str(error), faults=error.faults))
    except NotATable as error:
        yield framed(Refused(str(error)))
    except Exception as error:  # noqa: BLE001 - pyarrow raises whatever its parsers do
        first = str(error).partition("\n")[0]
        yield framed(Refused(f"the body is no {_name(task)} that can be read: {first}"))


def read(task: ToRead, source: BinaryIO) -> Iterator[bytes]:
    """Read the columns of fields, and yield the messages of their batches.

    Raises
    ------
    TooLarge, NotATable, InvalidRecords, MemoryError
        And whatever pyarrow raises for what is none of its formats.
    """
    schema, limit = Schema(task.fields, task.table), task.max_records
    data, batches = (_parquet if task.media_type == PARQUET else _arrow)(task, source)
    reader = ArrowReader(schema, data)
    unused = [name for name in reader.unused if not name.startswith(INDEX)]
    yield framed(Header(unused[:LISTED_NAMES]))
    first = size = 0
    rows = max(1, min(MAX_RECORDS, BATCH_NUMBERS // len(task.fields)))
    for batch in batches(rows, [*reader.columns.values()]):
        if first + batch.num_rows > limit:  # a footer may be wrong
            raise TooLarge(_too_many(f"{first + batch.num_rows} or more", limit))
        sent = to_rows(reader.batch(first, batch), schema)
        if sum(len(text) for texts in sent.texts.values() for text in texts if text) > MAX_TEXTS:
            raise MemoryError  # one text may stand for many, and take memory only when written
        message = framed(sent)
        first, size = first + batch.num_rows, size + len(message)
        if size > task.max_bytes:
            raise TooLarge(
                f"the records unpack to more than {task.max_bytes >> 20} MB; send fewer at once"
            )
        yield message


def _name(task: ToRead) -> str:
    return NAMES.get(task.media_type, "file of Arrow")


def _parquet(task: ToRead, source: BinaryIO) -> Any:
    """Return the schema of a body of Parquet, and what reads its columns."""
    size = max(1, os.fstat(source.fileno()).st_size)
    file = parquet.ParquetFile(
        source,
        thrift_container_size_limit=MAX_COLUMNS,
        thrift_string_size_limit=size,
        buffer_size=BUFFER,
        pre_buffer=False,
    )
    if file.metadata.num_rows > task.max_records:
        raise TooLarge(_too_many(str(file.metadata.num_rows), task.max_records))
    return file.schema_arrow, partial(_of_parquet, file)


def _of_parquet(file: Any, rows: int, columns: list[str]) -> Iterable[pa.RecordBatch]:
    found: Iterable[pa.RecordBatch] = file.iter_batches(rows, columns=columns, use_threads=False)
    return found


def _arrow(task: ToRead, source: BinaryIO) -> Any:
    """Return the schema of a body of Arrow, and what reads its columns."""
    open_body = ipc.open_stream if task.media_type == STREAM else ipc.open_file
    try:
        data = open_body(source).schema
    except MemoryError:
        raise NotATable(
            f"the body is no {_name(task)} that can be read: it does not begin as one"
        ) from None

    def batches(rows: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
        source.seek(0)
        places = [data.get_field_index(name) for name in columns]
        options = ipc.IpcReadOptions(use_threads=False, included_fields=places)
        body = open_body(source, options=options)
        each_batch = (
            body
            if task.media_type == STREAM
            else map(body.get_batch, range(body.num_record_batches))
        )
        for batch in each_batch:
            batch.validate(full=True)  # offsets may point anywhere
            for first in range(0, batch.num_rows, rows):
                yield batch.slice(first, rows)

    return data, batches


def _too_many(count: str, limit: int) -> str:
    return f"{count} records in one request; send at most {limit}"


def write(task: ToWrite, source: BinaryIO, out: BinaryIO) -> None:
    """Write the predictions of all messages as a body."""
    schema = make_schema(task.names, {*task.numbers}, task.model, task.version)
    sink = _Counting(out)
    batches = (make_batch(schema, to_columns(content)) for content in frames(source))
    if task.media_type == PARQUET:
        with parquet_writer(sink, schema) as writer:
            for group in joined(batches, GROUP_ROWS, GROUP_BYTES):
                writer.write_table(group, row_group_size=group.num_rows or 1)
        return
    new = ipc.new_stream if task.media_type == STREAM else ipc.new_file
    with new(pa.PythonFile(sink, mode="w"), schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


class _Counting:
    """A pipe that has a position, which is what is written so far."""

    closed = False

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._place = out, 0

    def write(self, content: Any) -> int:
        self._out.write(content)
        self._place += len(content)
        return len(content)

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        self.flush()


def _limit() -> None:
    """Limit what the process may take from here on; the libraries are loaded by now."""
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + MAX_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main()
