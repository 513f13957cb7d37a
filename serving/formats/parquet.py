"""Reads Parquet in a process of its own, which may take so much memory and time and no more.

pyarrow is an optional dependency, and a large library in C++ that hostile files have crashed
before. In a process of its own it costs the workers no memory, and whatever a file does to it, the
service goes on.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec

import msgspec

from serving.errors import NotATable, TooManyRecords
from serving.inputs.schema import Rows, Schema
from serving.inputs.shown import listed
from serving.settings import ROOT

MAX_SECONDS = 60  # until the process is stopped; it may compute for less

Value = str | float | int | bool | None


class Request(msgspec.Struct):
    """What the process is to read.

    Attributes
    ----------
    names : sequence of str
        The model's fields.
    others : sequence of str
        Columns of the training file that are no fields.
    """

    names: Sequence[str]
    others: Sequence[str]
    max_records: int
    content: bytes


class Read(msgspec.Struct, tag=True):
    """What the process has read; `unused` are the columns that stand for no field."""

    columns: dict[str, list[Value]]
    unused: list[str]


class Refused(msgspec.Struct, tag=True):
    """Why the process does not read a file; `is_large`: it has, or needs, more than it may."""

    message: str
    is_large: bool = False


decoder = msgspec.msgpack.Decoder[Read | Refused](Read | Refused)
_one_at_a_time = threading.Lock()  # so that a worker's files take the memory of one


def is_installed() -> bool:
    """Whether pyarrow can be imported."""
    return find_spec("pyarrow") is not None


def read(schema: Schema, content: bytes, max_records: int) -> tuple[Rows, list[str]]:
    """Read a file; return rows, and the columns that are not fields.

    Raises
    ------
    NotATable, TooManyRecords, InvalidRecords
    """
    others = schema.table.columns if schema.table else ()
    found = _ask(Request(schema.names, others, max_records, content))
    if isinstance(found, Refused):
        raise (TooManyRecords if found.is_large else NotATable)(found.message)
    if not found.columns:
        names = listed(schema.names)
        raise NotATable(f"no column is a field of this model; its fields are {names}")
    return schema.rows(found.columns, max_records), found.unused


def _ask(request: Request) -> Read | Refused:
    """Have a file read by the process."""
    environment = os.environ | {
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # others reserve more than they use
        "MALLOC_ARENA_MAX": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    with _one_at_a_time:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "serving.formats.parquet_process"],
                input=msgspec.msgpack.encode(request),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
                env=environment,
                timeout=MAX_SECONDS,
                check=True,
            )
            found: Read | Refused = decoder.decode(done.stdout)
        except (subprocess.SubprocessError, msgspec.DecodeError):
            found = Refused(
                "the file cannot be read: its content is damaged, or unpacks to too much"
            )
    return found
