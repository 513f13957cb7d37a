"""Some rows and what a pickle returned for them when it was written, as `outputs.npy` has them.

An array with the columns of the rows and then those of the outputs, or JSON if the rows have texts.
The outputs of a classifier are the probabilities in the order of `classes`, the label's code, or
both with the code last, depending on the manifest's `outputs`; those of a regression are one column
of numbers.
"""

import io
from typing import Any

import msgspec
import numpy as np

from serving.inputs.field import Field
from serving.inputs.schema import Matrix
from serving.models.manifest import Manifest


def encode(rows: Matrix, outputs: Matrix) -> bytes:
    """Encode rows and outputs as the content of the file."""
    if rows.dtype == object:
        return msgspec.json.encode([rows.tolist(), outputs.tolist()])  # null for NaN
    content = io.BytesIO()
    np.save(content, np.hstack([rows, outputs]))
    return content.getvalue()


def decode(content: bytes, manifest: Manifest) -> tuple[Matrix, Matrix]:
    """Return the rows and outputs of a file.

    Raises
    ------
    ValueError
        If it is malformed, or does not belong to this model.
    """
    if content.startswith(b"["):
        rows, outputs = _with_texts(content, manifest.fields)
    else:
        try:
            table = np.load(io.BytesIO(content), allow_pickle=False)
        except EOFError as error:
            raise ValueError(str(error)) from error
        rows, outputs = np.hsplit(table, [len(manifest.fields)])
    if not _fits(outputs, manifest):
        raise ValueError("it contains the outputs of another model")
    return rows, outputs


def _with_texts(content: bytes, fields: tuple[Field, ...]) -> tuple[Matrix, Matrix]:
    try:
        rows, outputs = msgspec.json.decode(content, type=tuple[list[list[Any]], list[list[float]]])
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    matrix = np.empty((len(rows), len(fields)), dtype=object)
    for column, field in enumerate(fields):
        missing = None if field.type == "text" else np.nan
        matrix[:, column] = [missing if row[column] is None else row[column] for row in rows]
    return matrix, np.array(outputs, np.float64)


def _fits(outputs: Matrix, manifest: Manifest) -> bool:
    classes, kind = len(manifest.classes), manifest.outputs
    if not outputs.size or not np.isfinite(outputs).all():
        return False
    if not classes:
        return bool(outputs.shape[1] == 1)
    if kind != "probabilities" and not set(outputs[:, -1].tolist()) <= set(range(classes)):
        return False
    wide = {"probabilities": classes, "labels": 1, "both": classes + 1}
    return bool(outputs.shape[1] == wide[kind])
