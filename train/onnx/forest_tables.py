"""Trees laid out for the processor: the arrays that `serving/models/forest_tables.py` describes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.models.forest_tables import LOOKUP, MAX_FEATURES, RANK, TYPES
from train.onnx.forest_columns import NO_NUMBERS, Column, Step, codes_of
from train.onnx.trees import Floats, Tree

SINGLE = np.finfo(np.float32)
BITS = 32  # of a word


class Summand(NamedTuple):
    """A tree, and what each of its nodes, as a leaf, adds to some sums from `first` on.

    Attributes
    ----------
    values : ndarray, shape (nodes, sums)
    """

    first: int
    tree: Tree
    values: Floats


def tables_of(
    summands: Sequence[Summand], columns: Sequence[Column], *, in_double: bool
) -> dict[str, NDArray[Any]]:
    """Lay trees out.

    Parameters
    ----------
    columns : sequence of Column
        What the trees compare.
    in_double : bool
        Whether they compare in double precision.

    Raises
    ------
    NotImplementedError
        If they compare too many features.
    """
    summands = [_with_codes(summand, columns) for summand in summands]
    trees = [summand.tree for summand in summands]
    used = _used(trees)
    if len(used) > MAX_FEATURES:
        raise NotImplementedError(f"a table of {len(used)} features")
    thresholds = _by_feature(trees) if in_double else {}
    known = _known(trees)
    compared = [_compared(columns[at], thresholds.get(at), known.get(at)) for at in used]
    slots = {feature: 2 * place for place, feature in enumerate(used)}
    nodes, values, covers, roots, begun = [], [], [], [], 0
    words = [np.zeros(0, np.uint32)]
    for first, tree, added in summands:
        order, depth = _in_pairs(tree)
        made = _nodes(tree, order, begun, slots, thresholds)
        for node, among in tree.members.items():
            place = order.index(node)
            made["among"][place] = 1
            made["threshold"][place : place + 1].view("<u4")[:] = sum(map(len, words))
            words.append(_bits(known[int(tree.feature[node])], among))
        nodes.append(made)
        values.append(np.where((tree.left < 0)[:, None], added, 0.0)[order])
        covers.append(tree.cover[order])
        roots.append((begun, first, depth))
        begun += len(order)
    return {
        "nodes": np.concatenate(nodes),
        "values": np.concatenate(values),
        "covers": np.concatenate(covers),
        "trees": np.array(roots, TYPES["trees"]),
        "members": np.concatenate(words),
        **_features(compared),
    }


def _with_codes(summand: Summand, columns: Sequence[Column]) -> Summand:
    """The tree with the service's codes as members."""
    tree = summand.tree
    members = {
        node: np.array(codes_of(columns[int(tree.feature[node])], among))
        for node, among in tree.members.items()
    }
    return summand._replace(tree=tree._replace(members=members))


def _used(trees: Sequence[Tree]) -> list[int]:
    """The features that are compared; one at least, for leaves must have one too."""
    found = {int(feature) for tree in trees for feature in tree.feature[tree.left >= 0]}
    return sorted(found) or [0]


def _by_feature(trees: Sequence[Tree]) -> dict[int, Floats]:
    """Of each feature all thresholds, in order."""
    numbers = [_has_threshold(tree) for tree in trees]
    pairs = list(zip(trees, numbers, strict=True))
    features = np.concatenate([tree.feature[inner] for tree, inner in pairs])
    thresholds = np.concatenate([tree.threshold[inner] for tree, inner in pairs])
    return {
        feature: np.unique(thresholds[features == feature])
        for feature in np.unique(features).tolist()
    }


def _has_threshold(tree: Tree) -> NDArray[np.bool_]:
    inner = tree.left >= 0
    inner[[*tree.members]] = False
    return np.asarray(inner)


def _known(trees: Sequence[Tree]) -> dict[int, Floats]:
    """Of each feature that is a category all members that a node may ask for, in order."""
    found: dict[int, list[Floats]] = {}
    for tree in trees:
        for node, among in tree.members.items():
            found.setdefault(int(tree.feature[node]), []).append(among)
    return {feature: np.unique(np.concatenate(each)) for feature, each in found.items()}


def _compared(column: Column, thresholds: Floats | None, known: Floats | None) -> Column:
    """A column whose values are places among its thresholds or members, where it has such."""
    if known is not None:
        numbers = np.append(known, np.arange(len(known), dtype=np.float64))
        return column.then(Step(LOOKUP, float(len(known)), numbers=numbers))
    if thresholds is not None:
        return column.then(Step(RANK, numbers=thresholds))
    return column


def _in_pairs(tree: Tree) -> tuple[list[int], int]:
    """The nodes, the two branches of one beside each other, level by level; how many of these."""
    left, right = tree.left.tolist(), tree.right.tolist()
    level, order, depth = [0], [0], 0
    while inner := [node for node in level if left[node] >= 0]:
        level = [side for node in inner for side in (left[node], right[node])]
        order += level
        depth += 1
    return order, depth


def _nodes(
    tree: Tree,
    order: list[int],
    begun: int,
    slots: dict[int, int],
    thresholds: dict[int, Floats],
) -> NDArray[Any]:
    made = np.zeros(len(order), TYPES["nodes"])
    place = np.argsort(order)
    inner = tree.left >= 0
    made["left"] = begun + np.where(inner, place[tree.left], place)[order]
    slot = [slots.get(int(each), 0) for each in tree.feature]
    made["slot"] = np.where(inner, slot + tree.missing_left.astype(int), 0)[order]
    compared = _floors(tree.threshold)
    for feature, numbers in thresholds.items():
        mine = inner & (tree.feature == feature)
        compared[mine] = np.searchsorted(numbers, tree.threshold[mine])
    made["threshold"] = np.where(inner, compared, np.inf)[order]
    return made


def _floors(thresholds: Floats) -> Floats:
    """The largest numbers in single precision that are not above; finite, as those of rows are."""
    with np.errstate(over="ignore"):
        single = thresholds.astype(np.float32)
    above = single > thresholds
    single[above] = np.nextafter(single[above], -np.float32(np.inf))
    return np.minimum(single, SINGLE.max).astype(np.float64)


def _bits(known: Floats, among: Floats) -> NDArray[np.uint32]:
    """A bit for each that is known, and one more for what is not."""
    bits = np.zeros((len(known) // BITS + 1) * BITS, np.uint8)
    bits[np.searchsorted(known, among)] = 1
    return np.asarray(np.packbits(bits, bitorder="little").view(np.uint32))


def _features(columns: Sequence[Column]) -> dict[str, NDArray[Any]]:
    features: list[tuple[int, int, int]] = []
    steps: list[tuple[int, int, float, float, int]] = []
    numbers = [NO_NUMBERS]
    for column in columns:
        features.append((column.field, len(steps), len(steps) + len(column.steps)))
        for kind, a, b, own in column.steps:
            count = len(own) // 2 if kind == LOOKUP else len(own)
            steps.append((kind, sum(map(len, numbers)), a, b, count))
            numbers.append(own)
    return {
        "features": np.array(features, TYPES["features"]),
        "steps": np.array(steps, TYPES["steps"]),
        "numbers": np.concatenate(numbers),
    }
