"""The process that reads one Parquet file, from standard input, and writes its columns as msgpack.

Only the columns of fields are unpacked, some rows at a time, and within limits of memory and of
processor time, whatever the file declares about itself.
"""

import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import parquet, types

from serving.formats.parquet import Read, Refused, Request, Value
from serving.inputs.decimals import shortest
from serving.inputs.names import LISTED_NAMES, Names
from serving.inputs.shown import shown

MAX_MEMORY = 2**28  # bytes, besides what the libraries take
MAX_RESULT = 2**26  # bytes
MAX_SECONDS = 20  # of the processor
MAX_COLUMNS = 10_000  # a footer that lists more is not read
ROWS = 1_000  # that are unpacked together
INDEX = "__index_level_"  # pandas' name for an index that has none
KINDS = "numbers, texts, booleans, dates"
READ = (
    *(types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_null),
    *(types.is_date, types.is_timestamp, types.is_string, types.is_large_string),
    *(types.is_string_view, types.is_binary, types.is_large_binary),
)

TOO_LARGE = Refused(
    f"the file unpacks to more than {MAX_MEMORY >> 20} MB; send fewer records", is_large=True
)


class Unreadable(Exception):
    """A column has values that are not read."""


def main() -> None:
    """Read a request and write what was found."""
    request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Request)
    _limit()
    try:
        result: Read | Refused = read(request)
        written = msgspec.msgpack.encode(result)
    except MemoryError:
        result, written = TOO_LARGE, msgspec.msgpack.encode(TOO_LARGE)
    except Unreadable as error:
        written = msgspec.msgpack.encode(Refused(str(error)))
    except Exception as error:  # noqa: BLE001 - pyarrow raises whatever its parsers do
        first = str(error).partition("\n")[0]
        written = msgspec.msgpack.encode(
            Refused(f"the body is no Parquet that can be read: {first}")
        )
    sys.stdout.buffer.write(
        written if len(written) <= MAX_RESULT else msgspec.msgpack.encode(TOO_LARGE)
    )


def read(request: Request) -> Read | Refused:
    """Read the columns of fields.

    Raises
    ------
    Unreadable, MemoryError
        And whatever pyarrow raises for what is not Parquet.
    """
    limit = request.max_records
    file = parquet.ParquetFile(
        pa.BufferReader(request.content),
        thrift_container_size_limit=MAX_COLUMNS,
        thrift_string_size_limit=max(1, len(request.content)),
    )
    if file.metadata.num_rows > limit:
        return _too_many(f"{file.metadata.num_rows}", limit)
    schema = file.schema_arrow
    names = [each for each in schema.names if not each.startswith(INDEX)]
    matched = Names(request.names, request.others).match([*dict.fromkeys(names)])
    wanted = [
        *matched.fields.values(),
        *(each for some in matched.rivals.values() for each in some),
    ]
    counts = Counter(names)
    for name in wanted:
        if counts[name] > 1:
            raise Unreadable(
                f"the column {shown(name)} is there {counts[name]} times; send it once"
            )
        _require_flat(name, schema.field(name).type)
    columns: dict[str, list[Value]] = {name: [] for name in wanted}
    count = 0
    for batch in file.iter_batches(ROWS, columns=wanted, use_threads=False) if wanted else ():
        count += batch.num_rows
        if count > limit:  # the footer may be wrong
            return _too_many(f"{count} or more", limit)
        for name in wanted:
            columns[name] += _read(name, batch.column(name))
    return Read(columns, matched.unknown[:LISTED_NAMES])


def _too_many(count: str, limit: int) -> Refused:
    return Refused(f"{count} records in one request; send at most {limit}", is_large=True)


def _require_flat(name: str, kind: Any) -> None:
    kind = kind.value_type if types.is_dictionary(kind) else kind
    if not any(is_of(kind) for is_of in READ):
        raise Unreadable(f"the column {shown(name)} has values of the type {kind}; send {KINDS}")


def _read(name: str, column: Any) -> list[Any]:
    try:
        return _values(column)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"the column {shown(name)} has a value that is not UTF-8: {error.object[:20]!r}"
        ) from None


def _values(column: Any) -> list[Any]:
    """Return a column's values as a record of JSON has them, None for null."""
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if types.is_float16(kind) or types.is_float32(kind):
        rounded: list[float] = shortest(column.to_numpy(zero_copy_only=False)).tolist()
        return rounded  # NaN for null
    if types.is_date(kind) or types.is_timestamp(kind):
        return _dates(column.to_numpy(zero_copy_only=False))
    values: list[Any] = column.to_pylist()
    if types.is_decimal(kind):
        return [None if each is None else float(each) for each in values]
    return [each.decode() if isinstance(each, bytes) else each for each in values]


def _dates(dates: Any) -> list[Any]:
    """Write dates in ISO 8601, in UTC, without a time where all are at midnight."""
    days = dates.astype("M8[D]")
    is_missing = np.isnat(dates)
    is_day = (days == dates) | is_missing
    texts = np.datetime_as_string(days if is_day.all() else dates.astype("M8[us]"))
    return [
        None if missing else text
        for text, missing in zip(texts.tolist(), is_missing.tolist(), strict=True)
    ]


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
