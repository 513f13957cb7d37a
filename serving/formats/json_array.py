"""Predictions as the JSON that answers an array, written piece by piece."""

from collections.abc import Sequence

import msgspec

from serving.errors import Fault
from serving.formats.batch import Batch
from serving.formats.delimited import Dialect
from serving.formats.replies import Prediction, replies
from serving.models.answer import Answer
from serving.models.manifest import Manifest

encoder = msgspec.json.Encoder()


class Refused(msgspec.Struct):
    """What stands in the place of a prediction that there is not."""

    errors: list[Fault]


def sent(batch: Batch, answer: Answer | None, *, named: bool) -> Sequence[Prediction | Refused]:
    """What is sent for each record of a batch; `named` says the model and version with each."""
    predictions = replies(answer, named=named) if answer else []
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

    def batch(self, batch: Batch, answer: Answer | None) -> bytes:
        """An object for each record, in order."""
        comma, self._comma = self._comma, b","
        return comma + encoder.encode(sent(batch, answer, named=False))[1:-1]

    def tail(self) -> bytes:
        """What comes after the last batch."""
        model = encoder.encode(self._manifest.name)
        return b'],"model":%b,"version":%d}' % (model, self._manifest.version)
