"""What a version must do before it serves: answer its own example, to the last byte.

Whatever would fail for every request (a label that cannot be written, an example that the model
refuses) is found here, and not by the first client.
"""

import csv
import io

import msgspec
import numpy as np

from serving import clock, ids
from serving.errors import ArtefactError, InvalidRecords
from serving.formats import WRITERS, Batch
from serving.formats.bodies import to_body
from serving.formats.delimited import Dialect
from serving.formats.files import CSV
from serving.inputs.schema import Rows
from serving.models.artefact import Artefact
from serving.models.engine import Engine
from serving.models.predicted import Predicted
from serving.models.refusals import reason


def rehearse(artefact: Artefact) -> Engine:
    """Load a version, and answer its example as JSON and in every format that replies have.

    Raises
    ------
    ArtefactError
        If it cannot be loaded or does not answer, for whatever reason.
    """
    try:
        engine = Engine(artefact)
        _rehearse(engine)
    except ArtefactError:
        raise
    except InvalidRecords as error:
        named = ((f"{each.field}: " if each.field else "", each.message) for each in error.faults)
        faults = "; ".join(map("".join, named))
        raise ArtefactError(f"{artefact} refuses its own example: {faults}") from error
    except Exception as error:  # why: whatever it is, it would meet every request
        raise ArtefactError(f"{artefact} cannot answer its own example: {reason(error)}") from error
    return engine


def _rehearse(engine: Engine) -> None:
    manifest = engine.manifest
    rows = engine.schema.decode(msgspec.json.encode(manifest.example), 1)
    predictions = engine.predict(rows.matrix)
    named = ids.make(manifest.name, manifest.version, clock.now(), 1)
    answer = Predicted(engine, named, rows, predictions)
    sent = msgspec.json.decode(msgspec.json.encode(to_body(answer)))
    if sent["prediction"] != predictions.values[0]:
        raise ArtefactError(f"{manifest.name} {manifest.version}: its reply reads otherwise")
    if predictions.probabilities and tuple(sent["probabilities"]) != manifest.classes:
        raise ArtefactError(f"{manifest.name} {manifest.version}: its labels read otherwise")
    many = Rows(np.vstack([rows.matrix, rows.matrix]), {}, many=True)
    twice = Predicted(engine, named * 2, many, engine.predict(many.matrix))
    batch = Batch(0, [1, 2], many, {})
    for media_type, making in WRITERS.items():
        writer = making(manifest, Dialect(), ids=True)
        text = (writer.head() + writer.batch(batch, twice) + writer.tail()).decode()
        if media_type == CSV:
            lines = [len(line) for line in csv.reader(io.StringIO(text, newline=""), strict=True)]
            if len(lines) != 3 or len({*lines}) > 1:  # noqa: PLR2004 - names, and two predictions
                raise ArtefactError(f"{manifest.name} {manifest.version}: its CSV reads otherwise")
