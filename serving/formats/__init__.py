"""How records come and predictions go in streams: a file for each format, batch by batch.

A reader gives the batches of a stream of bytes, a writer makes bytes of each when it is predicted.
The command line and HTTP share them.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from serving.formats import delimited, json_array, json_lines
from serving.formats.batch import Batch, Predict, predict_batch
from serving.formats.delimited import Dialect
from serving.inputs.schema import Schema
from serving.models.manifest import Manifest
from serving.models.predicted import Predicted

__all__ = ["READERS", "WRITERS", "Batch", "Predict", "Reader", "Writer", "predict_batch"]


class Reader(Protocol):
    """Gives the batches of a stream; `unused` names columns that mean nothing to the model."""

    unused: list[str]

    @property
    def dialect(self) -> Dialect:
        """How a table is written, for its predictions to be written so too."""

    def __iter__(self) -> Iterator[Batch]:
        """Read on to the end."""


class Writer(Protocol):
    """Makes bytes of predictions; `mimetype` says what they are."""

    mimetype: str

    def head(self) -> bytes:
        """What comes before the first batch."""

    def batch(self, batch: Batch, answer: Predicted | None) -> bytes:
        """What each record of a batch gets, in order."""

    def tail(self) -> bytes:
        """What comes after the last batch."""


READERS: dict[str, Callable[[BinaryIO, Schema], Reader]] = {
    "text/csv": delimited.Reader,
    "text/tab-separated-values": delimited.Reader,
    "application/x-ndjson": json_lines.Reader,
    "application/jsonl": json_lines.Reader,
}


class Making(Protocol):
    """Makes a writer for a model's predictions, which have ids or not."""

    def __call__(self, manifest: Manifest, dialect: Dialect, /, *, ids: bool) -> Writer: ...


WRITERS: dict[str, Making] = {
    "application/json": json_array.Writer,
    "text/csv": delimited.Writer,
    "text/tab-separated-values": delimited.Writer,
    "application/x-ndjson": json_lines.Writer,
    "application/jsonl": json_lines.Writer,
}
