"""Computes a model's outputs from a table of its trees, walked in C.

Values are compared in single precision and leaves added in double precision, in the order of the
trees, as scikit-learn does; so the outputs are equal to the last bit. `forest_tables` describes the
table. The C code is compiled when the project is installed; without a compiler it is left out.
"""

import io
from collections.abc import Callable

import msgspec
import numpy as np

from serving.errors import ArtefactError
from serving.inputs.schema import Matrix
from serving.models.backends import Compute, feature_columns, make_input_converter
from serving.models.forest_tables import TYPES, check
from serving.models.manifest import Manifest

try:
    from serving.models import _walk
except ImportError:
    _walk = None  # type: ignore[assignment]

LOGISTIC = "logistic"  # of two sums the second becomes a probability, in C


def _softmax(sums: Matrix) -> Matrix:
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


LINKS: dict[str, Callable[[Matrix], Matrix]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "softmax": _softmax,
}


def is_available() -> bool:
    """Whether forests can be walked here."""
    return _walk is not None


def from_forest(content: bytes, manifest: Manifest) -> Compute:
    """Load a table of trees, to be walked on the calling thread alone.

    Raises
    ------
    ArtefactError
        If the table is malformed.
    """
    fields = sum(map(len, feature_columns(manifest.fields)))
    try:
        tables = np.load(io.BytesIO(content), allow_pickle=False)
        arrays = {name: tables[name] for name in TYPES}
        check(arrays, fields)
        divisor, names = float(tables["divisor"]), tables["links"].tolist()
        is_logistic = names[:1] == [LOGISTIC] and len(arrays["start"]) == 2  # noqa: PLR2004
        links = [LINKS[name] for name in names[is_logistic:]]
    except Exception as error:  # why: NumPy and zipfile raise whatever they meet in such a file
        raise ArtefactError(f"cannot be loaded: {error}") from error
    contents = tuple(array.tobytes() for array in arrays.values())
    walk, columns = _walk.predict, len(arrays["start"])
    features = make_input_converter(msgspec.structs.replace(manifest, takes="matrix"))

    def compute(rows: Matrix) -> Matrix:
        given = np.ascontiguousarray(features(rows), np.float64)
        if given.shape[1] != fields:  # the C code takes any bytes
            raise ValueError(f"rows have {given.shape[1]} columns, not {fields}")
        sums = np.empty((len(given), columns))
        walk(contents, fields, divisor, is_logistic, given, sums)
        return sums

    def compute_linked(rows: Matrix) -> Matrix:
        outputs = compute(rows)
        with np.errstate(all="ignore"):  # infinity is refused later, for its record alone
            for link in links:
                outputs = link(outputs)
        return outputs

    return compute_linked if links else compute
