"""A JSON array of records, and the JSON object of their predictions, written in pieces."""

from collections.abc import Iterator, Sequence

import msgspec

from serving.errors import Fault
from serving.formats.batch import Batch, BatchWriter
from serving.formats.bodies import Prediction, to_bodies
from serving.formats.delimited import Dialect
from serving.inputs import strict_json
from serving.inputs.schema import Schema
from serving.models.explaining.explanation import ExplainOptions
from serving.models.manifest import Manifest
from serving.models.predicted import Predicted

encoder = msgspec.json.Encoder()


class Reader:
    """Reads the records of an array as one batch, some of which may be at fault.

    Iterating raises `NotJSON`, `TooManyRecords` if there are more than `max_records`, and
    `InvalidRecords` if there are none.
    """

    def __init__(self, body: bytes, schema: Schema, max_records: int) -> None:
        self._body, self._schema, self._max_records = body, schema, max_records
        self.unused: list[str] = []  # unknown names of a record are among its own warnings
        self.dialect = Dialect()

    def __iter__(self) -> Iterator[Batch]:
        """Read the array as one batch."""
        records, _ = strict_json.read_records(self._body, self._max_records)
        reader = self._schema.reader()
        rows = [reader.row(place, record) for place, record in enumerate(records)]
        yield Batch.of_rows(0, [msgspec.UNSET] * len(rows), rows, reader, self._schema)


class Refused(msgspec.Struct):
    """The faults of a record, in place of its prediction."""

    errors: list[Fault]


def to_items(
    batch: Batch, predicted: Predicted | None, *, named: bool
) -> Sequence[Prediction | Refused]:
    """Make the prediction or the faults of each record; `named` adds model and version to each."""
    predictions = to_bodies(predicted, named=named) if predicted else []
    if not batch.faults:
        return predictions
    left = iter(predictions)
    return [
        Refused(batch.faults[place]) if place in batch.faults else next(left)
        for place in range(len(batch.lines))
    ]


class Writer(BatchWriter):
    """Writes an array of predictions, with model and version beside it."""

    mimetype = "application/json"

    def __init__(
        self, manifest: Manifest, _: Dialect, *, ids: bool, explain: ExplainOptions | None = None
    ) -> None:
        del ids, explain  # a prediction without an id has none in its object
        self._manifest = manifest
        self._comma = b""

    def head(self) -> bytes:
        """Return the bytes before the first batch."""
        return b'{"predictions":['

    def batch(self, batch: Batch, predicted: Predicted | None) -> bytes:
        """Write an object for each record, in order."""
        comma, self._comma = self._comma, b","
        return comma + encoder.encode(to_items(batch, predicted, named=False))[1:-1]

    def tail(self) -> bytes:
        """Return the bytes after the last batch."""
        model = encoder.encode(self._manifest.name)
        return b'],"model":%b,"version":%d}' % (model, self._manifest.version)
