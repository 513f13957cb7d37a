"""Computes a model's outputs from a table of its trees, walked in C.

Values are compared in single precision and leaves added in double precision, in the order of the
trees, as scikit-learn does; so the outputs are equal to the last bit. `forest_tables` describes the
table. The C code is compiled when the project is installed; without a compiler it is left out.
"""

from collections.abc import Callable

import msgspec
import numpy as np

from serving.inputs.schema import Matrix
from serving.models.backends import Compute, feature_columns, make_input_converter
from serving.models.forest_tables import LOGISTIC, read
from serving.models.manifest import Manifest

try:
    from serving.models import _walk
except ImportError:
    _walk = None  # type: ignore[assignment]


def softmax(sums: Matrix) -> Matrix:
    """Turn sums, shape (rows, classes), into probabilities."""
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


LINKS: dict[str, Callable[[Matrix], Matrix]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "softmax": softmax,
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
    tables, _, divisor, names = read(content, fields)
    is_logistic = names[:1] == [LOGISTIC]
    links = [LINKS[name] for name in names[is_logistic:]]
    contents = tuple(array.tobytes() for array in tables.values())
    walk, columns = _walk.predict, len(tables["start"])
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
