"""Formats of records and predictions in streams, one module each, read and written in batches.

A reader splits a stream of bytes into batches; a writer encodes each batch when it is predicted.
The command line and HTTP share them.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, Protocol

from serving.formats import arrow, delimited, json_array, json_lines, workbook
from serving.formats.arrow import messages
from serving.formats.batch import Batch, BatchWriter, Predict, predict_batch
from serving.formats.delimited import Dialect
from serving.inputs.schema import Schema
from serving.models.explaining.explanation import ExplainOptions
from serving.models.manifest import Manifest

__all__ = ["READERS", "WRITERS", "Batch", "BatchWriter", "Predict", "Reader", "predict_batch"]


class Reader(Protocol):
    """Reads the batches of a stream; `unused` lists columns that are not fields of the model."""

    unused: list[str]

    @property
    def dialect(self) -> Dialect:
        """The format of a table, in which its predictions are written too."""

    def __iter__(self) -> Iterator[Batch]:
        """Read to the end of the stream."""


READERS: dict[str, Callable[[BinaryIO, Schema], Reader]] = {
    "text/csv": delimited.Reader,
    "text/tab-separated-values": delimited.Reader,
    "application/x-ndjson": json_lines.Reader,
    "application/jsonl": json_lines.Reader,
    **dict.fromkeys(workbook.MEDIA_TYPES, delimited.Reader),  # of the CSV that is made of them
    **dict.fromkeys(arrow.MEDIA_TYPES, messages.Reader),  # of what the process has made
}


class MakeWriter(Protocol):
    """Makes a writer of a model's predictions, with or without ids and explanations."""

    def __call__(
        self,
        manifest: Manifest,
        dialect: Dialect,
        /,
        *,
        ids: bool,
        explain: ExplainOptions | None = None,
    ) -> BatchWriter: ...


WRITERS: dict[str, MakeWriter] = {
    "application/json": json_array.Writer,
    "text/csv": delimited.Writer,
    "text/tab-separated-values": delimited.Writer,
    "application/x-ndjson": json_lines.Writer,
    "application/jsonl": json_lines.Writer,
    **{each: partial(messages.Writer, each) for each in arrow.MEDIA_TYPES},  # for the process
}
