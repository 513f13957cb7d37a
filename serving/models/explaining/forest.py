"""What each field contributes to the outputs of a model of trees, exactly.

These are the Shapley values of the features that the trees compare. Where only a set S of these is
known, a row takes both branches of a split on any other, each with the share of the training rows
that went there; v(S) is the mean of the leaves that it comes to in this way. A feature contributes
what it adds to v(S), averaged over all orders in which features may become known. With n features,
and |S| of them in S:

    phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! * (v(S with i) - v(S))

A field contributes the sum of its features, such as the columns that a category is encoded to.

Lundberg et al. (2020), From local explanations to global understanding with explainable AI for
trees, Nature Machine Intelligence 2, 56-67, call these *path-dependent*. `_explain.c` has the
formula by which they are computed, without a sum over sets: by quadrature over the trees, as in
Linear TreeSHAP (Yu et al. 2022, NeurIPS 35) with the points of Gauss and Legendre in place of its
interpolation. Without a compiler forest_levels.py does the same, some ten times more slowly.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.inputs.schema import Matrix
from serving.models.backends import feature_columns, make_input_converter
from serving.models.explaining.contributions import Contributions, Explain, Unit
from serving.models.explaining.forest_levels import Contribute, make_contribute
from serving.models.explaining.forest_paths import Paths, edges_of, paths_of
from serving.models.forest_tables import LOGISTIC, Tables, check_covers, read
from serving.models.manifest import Manifest

try:
    from serving.models.explaining import _explain
except ImportError:
    _explain = None  # type: ignore[assignment]

METHOD = "trees"
MAX_FEATURES = 128  # on one path: more would take more points than NumPy computes well
MAX_NUMBERS = 2**25  # 256 MB: what is computed of all nodes of a tree at once
EQUAL = 1e-12  # between the sums of probabilities of leaves, all of which should be 1
# What is explained, by what is done with the sums afterwards.
UNITS: dict[tuple[str, ...], Unit] = {
    (LOGISTIC,): "log-odds",
    ("softmax",): "log-odds",
    ("exp",): "logarithm",
    ("expm1",): "logarithm of number + 1",
}

Floats = NDArray[np.float64]


def is_compiled() -> bool:
    """Whether forests are explained in C here."""
    return _explain is not None


def from_forest(content: bytes, manifest: Manifest) -> Explain | None:
    """Make the function that explains rows; it takes a moment, which predictions need not wait for.

    None if the trees cannot be explained: the file is of a release that did not record covers yet,
    there are two links, a path has more than `MAX_FEATURES` features, or a tree is too large.

    Raises
    ------
    ArtefactError
        If the table is malformed.
    """
    columns = feature_columns(manifest.fields)
    width = sum(map(len, columns))
    tables, covers, divisor, links = read(content, width)
    unit = UNITS.get(tuple(links)) if links else "probability" if manifest.classes else "number"
    if covers is None or unit is None:
        return None
    check_covers(tables, covers)
    paths = paths_of(tables, covers)
    if paths.features > MAX_FEATURES or _numbers(tables, paths) > MAX_NUMBERS:
        return None
    is_probability = _is_probability(tables)  # then the last is what the others leave of 1
    values = paths.means[:, :-1] if is_probability else paths.means
    contribute = _make_contribute(tables, paths, np.ascontiguousarray(values), width)
    base = _base(tables, paths) / divisor
    if LOGISTIC in links:
        base[0] = -base[1]
    features = make_input_converter(msgspec.structs.replace(manifest, takes="matrix"))

    def explain(rows: Matrix) -> Contributions:
        given = np.ascontiguousarray(features(rows), np.float64)
        if given.shape[1] != width:  # the C code takes any bytes
            raise ValueError(f"rows have {given.shape[1]} columns, not {width}")
        found = contribute(given) / divisor
        if is_probability:
            found[..., -1] = -found[..., :-1].sum(axis=-1)
        if LOGISTIC in links:
            found[..., 0] = -found[..., 1]
        if width > len(columns):  # a date's contribution is also that of its calendar
            found = np.stack([found[:, each].sum(axis=1) for each in columns], axis=1)
        return Contributions(base, found, None, METHOD, unit)

    return explain


def quadrature(features: int) -> tuple[Floats, Floats]:
    """Points and weights that integrate over [0, 1] what a path of so many features needs.

    The integrand's degree is one less; n points are exact up to degree 2n - 1. Their number is
    even, as the processor computes two at a time.
    """
    points, weights = np.polynomial.legendre.leggauss(max(2, -(-features // 4) * 2))
    return (points + 1) / 2, weights / 2


def _make_contribute(tables: Tables, paths: Paths, values: Floats, width: int) -> Contribute:
    points, weights = quadrature(paths.features)
    if not is_compiled():
        return make_contribute(tables, paths, values, (points, weights), width)
    contents = tuple(each.tobytes() for each in {**tables, "values": values}.values())
    edges, parts = (each.tobytes() for each in edges_of(tables, paths))
    by_point = np.stack([points, 1 - points, weights]).tobytes()
    explain, sums = _explain.explain, len(tables["start"])

    def contribute(rows: Matrix) -> Floats:
        out = np.zeros((len(rows), width, sums))
        explain(contents, edges, parts, by_point, width, rows, out)
        return out

    return contribute


def _numbers(tables: Tables, paths: Paths) -> int:
    """How many numbers the largest tree takes."""
    largest = np.diff([*tables["trees"]["root"], len(tables["nodes"])]).max()
    return int(largest * (3 + paths.means.shape[1]) * len(quadrature(paths.features)[0]))


def _is_probability(tables: Tables) -> bool:
    """Whether the values of each leaf add up to 1: the probabilities of all classes."""
    is_leaf = tables["nodes"]["left"] == np.arange(len(tables["nodes"]))
    values = tables["values"][is_leaf]
    return values.shape[1] > 1 and bool((np.abs(values.sum(axis=1) - 1) <= EQUAL).all())


def _base(tables: Tables, paths: Paths) -> Floats:
    """The sums of a row of which no field is known."""
    base = tables["start"].copy()
    for root, column, _ in tables["trees"].tolist():
        base[column : column + paths.means.shape[1]] += paths.means[root]
    return base
