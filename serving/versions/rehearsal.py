"""A rehearsal before a version serves: it predicts its own example, to the bytes of a response.

What would fail for every request (a label that cannot be written, an example that the model
refuses) is found here, not by the first client.
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
from serving.inputs.exact import in_one_line
from serving.inputs.schema import Rows
from serving.models.artefact import Artefact
from serving.models.engine import Engine
from serving.models.predicted import Predicted
from serving.models.refusals import reason


def rehearse(artefact: Artefact) -> Engine:
    """Load a version, and predict its example in every format of responses.

    Raises
    ------
    ArtefactError
        If it cannot be loaded or cannot predict, for whatever reason.
    """
    try:
        engine = Engine(artefact)
        _rehearse(engine)
    except ArtefactError:
        raise
    except InvalidRecords as error:
        faults = in_one_line(error.faults)
        raise ArtefactError(f"{artefact} refuses its own example: {faults}") from error
    except Exception as error:  # why: it would happen to every request
        raise ArtefactError(
            f"{artefact} cannot predict its own example: {reason(error)}"
        ) from error
    return engine


def _rehearse(engine: Engine) -> None:
    manifest = engine.manifest
    rows = engine.schema.decode(msgspec.json.encode(manifest.example), 1)
    predictions = engine.predict(rows.matrix)
    named = ids.make(manifest.name, manifest.version, clock.now(), 1)
    predicted = Predicted(engine, named, rows, predictions)
    sent = msgspec.json.decode(msgspec.json.encode(to_body(predicted)))
    if sent["prediction"] != predictions.values[0]:
        raise ArtefactError(f"{manifest.name} {manifest.version}: its label is changed by JSON")
    if predictions.probabilities and tuple(sent["probabilities"]) != manifest.classes:
        raise ArtefactError(f"{manifest.name} {manifest.version}: its labels are changed by JSON")
    many = Rows(np.vstack([rows.matrix, rows.matrix]), {}, many=True)
    twice = Predicted(engine, named * 2, many, engine.predict(many.matrix))
    batch = Batch(0, [1, 2], many, {})
    for media_type, make_writer in WRITERS.items():
        writer = make_writer(manifest, Dialect(), ids=True)
        written = writer.head() + writer.batch(batch, twice) + writer.tail()
        if media_type == CSV:
            text = written.decode()
            lines = [len(line) for line in csv.reader(io.StringIO(text, newline=""), strict=True)]
            if len(lines) != 3 or len({*lines}) > 1:  # noqa: PLR2004 - names, and two predictions
                raise ArtefactError(
                    f"{manifest.name} {manifest.version}: its CSV cannot be read back"
                )
