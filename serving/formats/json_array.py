"""A JSON array of records, and the JSON that answers it, written piece by piece."""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from serving.errors import Fault
from serving.formats.batch import Batch
from serving.formats.bodies import Prediction, to_bodies
from serving.formats.delimited import Dialect
from serving.inputs import strict_json
from serving.inputs.schema import Schema
from serving.models.manifest import Manifest
from serving.models.predicted import Predicted

encoder = msgspec.json.Encoder()


class Reader:
    """The records of an array as one batch, be some of them faulty.

    Iterating raises `NotJSON`, `TooManyRecords` where there are more than `most`, and
    `InvalidRecords` where there are none.
    """

    def __init__(self, body: bytes, schema: Schema, most: int) -> None:
        self._body, self._schema, self._most = body, schema, most
        self.unused: list[str] = []  # what a record has too much is among its own warnings
        self.dialect = Dialect()

    def __iter__(self) -> Iterator[Batch]:
        """Read them all."""
        records, _ = strict_json.read_records(self._body, self._most)
        reader = self._schema.reader()
        rows = [reader.row(place, record) for place, record in enumerate(records)]
        faults: dict[int, list[Fault]] = {}
        for fault in reader.faults:
            faults.setdefault(fault.record, []).append(fault)
        valid = [place for place in range(len(records)) if place not in faults]
        matrix = np.array([rows[place] for place in valid], self._schema.dtype)
        matrix = matrix.reshape(len(valid), len(self._schema.fields))
        remarks = self._schema.unseen(matrix)
        for row, place in enumerate(valid):
            if more := reader.remarks.get(place):
                remarks.setdefault(row, []).extend(more)
        lines = [msgspec.UNSET] * len(records)  # which mean nothing in an array
        yield Batch.of(0, lines, matrix, remarks)._replace(faults=faults)


class Refused(msgspec.Struct):
    """What stands in the place of a prediction that there is not."""

    errors: list[Fault]


def sent(batch: Batch, answer: Predicted | None, *, named: bool) -> Sequence[Prediction | Refused]:
    """What is sent for each record of a batch; `named` says the model and version with each."""
    predictions = to_bodies(answer, named=named) if answer else []
    if not batch.faults:
        return predictions
    left = iter(predictions)
    return [
        Refused(batch.faults[place]) if place in batch.faults else next(left)
        for place in range(len(batch.lines))
    ]


class Writer:
    """An array of predictions, with the model and version beside it."""

    mimetype = "application/json"

    def __init__(self, manifest: Manifest, _: Dialect, *, ids: bool) -> None:
        del ids  # a prediction without an id has none in its object
        self._manifest = manifest
        self._comma = b""

    def head(self) -> bytes:
        """What comes before the first batch."""
        return b'{"predictions":['

    def batch(self, batch: Batch, answer: Predicted | None) -> bytes:
        """An object for each record, in order."""
        comma, self._comma = self._comma, b","
        return comma + encoder.encode(sent(batch, answer, named=False))[1:-1]

    def tail(self) -> bytes:
        """What comes after the last batch."""
        model = encoder.encode(self._manifest.name)
        return b'],"model":%b,"version":%d}' % (model, self._manifest.version)
