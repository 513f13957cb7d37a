"""The rows on which a compiled model is compared with its pickle: where they differ first."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.inputs.schema import Matrix
from serving.models.backends import from_estimator, make_input_converter
from serving.models.manifest import Manifest
from serving.models.reference import Reference
from serving.models.refusals import compute_or_refuse
from train.onnx.parts import Behind, deciding
from train.onnx.trees import Tree, trees_of

SEED = 1
FEW_ROWS = 2_000  # of an estimator that refuses some, because finding these takes many calls
STRAY_ROWS = 50  # with a value that an encoder was not fitted on
MAX_EXAMINED = 400  # rows that show how a step transforms a field
EXACT = 1e-9  # of a column's range: how exactly a step must be a linear function of a field
ULPS = 3

# Of a tree's feature: the field, its factor, what is added.
Sources = dict[int, tuple[int, float, float]]


class ProofRows(NamedTuple):
    """The rows of a proof.

    Attributes
    ----------
    on_thresholds : int
        How many of them are on or next to a threshold of the model's trees.
    refused : dict of int to str
        The rows that the estimator refuses, by position, and why.
    left_out : int
        How many more it refuses, which are not among the rows.
    """

    rows: Matrix
    on_thresholds: int
    refused: dict[int, str]
    left_out: int

    @property
    def accepted(self) -> Matrix:
        """The rows that the estimator accepts."""
        return np.delete(self.rows, [*self.refused], axis=0)


def draw(manifest: Manifest, reference: Reference, estimator: Any, count: int) -> ProofRows:
    """Draw rows distributed as in training, half of them moved onto thresholds of the trees.

    Where an encoder refuses values that it was not fitted on, the rows have none of these, except a
    few rows that both ways to compute the model must refuse. Of the rows that the estimator refuses
    for another reason, at most as many are kept.
    """
    rows = reference.sample(manifest.fields, count, SEED)
    random = np.random.default_rng(SEED)
    names = [field.name for field in manifest.fields]
    for name, known in manifest.known.items():
        column = rows[:, names.index(name)]
        there = column == column  # noqa: PLR0124 - as NaN is not
        column[there] = random.choice(known, int(there.sum()))
    half = count // 2
    try:
        has_text = rows.dtype == object  # which have no thresholds
        moved = rows[half:] if has_text else _moved(manifest, estimator, rows[half:])
    except Exception:  # noqa: BLE001 # why: a step may refuse what was drawn, as the estimator may
        moved = rows[half:]
    is_moved = np.append(np.zeros(half, bool), _differ(moved, rows[half:]))
    rows[half:] = moved
    for place, (name, known) in enumerate(manifest.known.items()):
        stray = random.choice(half, STRAY_ROWS, replace=False)[place :: len(manifest.known)]
        rows[stray, names.index(name)] = max(known) + 1 + place
    if manifest.takes == "frame":  # whose integer columns hold whole numbers only
        whole = [field.type in {"integer", "boolean"} for field in manifest.fields]
        rows[:, whole] = np.rint(rows[:, whole].astype(np.float64))
    return _checked(from_estimator(estimator, manifest), rows, is_moved)


def _differ(some: Matrix, others: Matrix) -> NDArray[np.bool_]:
    """Which rows are different; values that are missing in both are equal."""
    both_missing = (some != some) & (others != others)  # noqa: PLR0124 - as only NaN is not itself
    return np.asarray(~((some == others) | both_missing).all(axis=1))


def _checked(compute: Any, rows: Matrix, is_moved: Any) -> ProofRows:
    try:
        if np.isfinite(compute(rows)).all():
            return ProofRows(rows, int(is_moved.sum()), {}, 0)
    except Exception:  # noqa: BLE001, S110 # why: whatever it is, it is found below
        pass
    step = len(rows) // FEW_ROWS or 1
    rows, is_moved = rows[::step], is_moved[::step]
    _, _, refused = compute_or_refuse(compute, rows)
    left_out = [*refused][STRAY_ROWS:]
    kept = np.delete(np.arange(len(rows)), left_out)
    places = {row: place for place, row in enumerate(kept.tolist())}
    shown = {places[row]: why for row, why in refused.items() if row in places}
    return ProofRows(rows[kept], int(is_moved[kept].sum()), shown, len(left_out))


def _moved(manifest: Manifest, estimator: Any, rows: Matrix) -> Matrix:
    """The rows, each moved onto a threshold if the model has trees."""
    moved = rows.copy()
    forests = [(trees, each) for each in deciding(estimator) if (trees := _trees(each.estimator))]
    given = make_input_converter(manifest)
    for number, (trees, behind) in enumerate(forests):
        mine = np.arange(number, len(rows), len(forests))
        compared = _compared(behind, given(rows[mine]))
        kinds = {"number", "integer", "date"}
        numeric = [at for at, field in enumerate(manifest.fields) if field.type in kinds]
        sources = _sources(rows[mine], compared, numeric) if behind.steps else None
        moved[mine] = rows_on_thresholds(trees, rows[mine], SEED, compared, sources)
    return moved


def _trees(model: Any) -> list[Tree]:
    return [tree for _, tree in trees_of(model)]


def _compared(behind: Behind, given: Any) -> Matrix:
    """The values that the trees compare: the rows after the steps before them."""
    for step in behind.steps:
        given = step.transform(given)
    dense = given.toarray() if hasattr(given, "toarray") else given
    return np.asarray(dense, np.float64)


def _sources(rows: Matrix, compared: Matrix, numeric: Sequence[int]) -> Sources:
    """Which features of the trees are linear functions of a field."""
    rows, compared = rows[:MAX_EXAMINED], compared[:MAX_EXAMINED]
    found: Sources = {}
    for feature, values in enumerate(compared.T):
        for field in numeric:
            there = np.isfinite(rows[:, field]) & np.isfinite(values)
            given, made = rows[there, field], values[there]
            if len(given) < 2 or not np.ptp(given) or not np.ptp(made):  # noqa: PLR2004
                continue
            low, high = given.argmin(), given.argmax()
            factor = (made[high] - made[low]) / (given[high] - given[low])
            added = made[low] - factor * given[low]
            if factor and np.abs(factor * given + added - made).max() <= EXACT * np.ptp(made):
                found[feature] = field, float(factor), float(added)
                break
    return found


def rows_on_thresholds(
    trees: Sequence[Tree],
    rows: Matrix,
    seed: int,
    compared: Matrix | None = None,
    sources: Sources | None = None,
) -> Matrix:
    """Move each row onto, just below or just above a threshold on its path through the trees.

    One value of each row is replaced: at a random node of its path through a random tree, by the
    node's threshold or one of its neighbours in single or double precision. These are the rows on
    which two implementations of the same trees differ first.

    Parameters
    ----------
    compared : ndarray of float, shape (rows, features), optional
        The features of the trees, if they are not the rows.
    sources : dict, optional
        The fields that these are functions of; rows at other nodes stay as they are.
    """
    random = np.random.default_rng(seed)
    moved = rows.copy()
    compared = rows if compared is None else compared
    if sources is None:
        sources = {field: (field, 1.0, 0.0) for field in range(rows.shape[1])}
    owner = random.integers(len(trees), size=len(rows))
    for number, tree in enumerate(trees):
        mine = np.flatnonzero(owner == number)
        for row, path in zip(mine, tree.paths(compared[mine]), strict=True):
            known = [node for node in path if int(tree.feature[node]) in sources]
            if known:
                node = random.choice(known)
                field, factor, added = sources[int(tree.feature[node])]
                threshold = float(tree.threshold[node])
                moved[row, field] = random.choice(_around((threshold - added) / factor))
    return moved


def _around(threshold: float) -> list[float]:
    single = np.float32(threshold)
    near = [threshold]
    below = above = threshold
    for _ in range(ULPS):
        below, above = np.nextafter(below, -np.inf), np.nextafter(above, np.inf)
        near += [float(below), float(above)]
    return [
        *near,
        float(single),
        float(np.nextafter(single, np.float32(-np.inf))),
        float(np.nextafter(single, np.float32(np.inf))),
    ]
