"""What the paths through a forest have in common, whatever row is explained.

A path is described edge by edge, from a node to one of its branches; so each node but the roots
stands for the edge that leads to it, and for the feature that its parent splits on.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.models.forest_tables import Tables

EDGE = np.dtype(
    [
        ("share", "<f8"),
        ("parent", "<i4"),
        ("before", "<i4"),
        ("node", "<i4"),
        ("feature", "<i4"),
    ]
)
PART = np.dtype(
    [("splits", "<i8"), ("splits_count", "<i8"), ("leaves", "<i8"), ("leaves_count", "<i8")]
)

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


class Paths(NamedTuple):
    """Of each node, by its position in the table.

    Attributes
    ----------
    levels : list of ndarray of int
        The nodes by depth, the roots first; the two branches of a node are side by side, in the
        order of these nodes.
    parent : ndarray of int
        A root's is the root itself.
    feature : ndarray of int
        What the parent splits on; -1 for a root.
    before : ndarray of int
        The nearest node above whose parent splits on the same feature; the root if there is none.
    reached : ndarray
        The share of the training rows that passes all splits above on that feature.
    means : ndarray, shape (nodes, width)
        The mean of the leaves below, by their training rows.
    features : int
        The most different features on one path.
    """

    levels: list[Places]
    parent: Places
    feature: Places
    before: Places
    reached: Floats
    means: Floats
    features: int


def paths_of(tables: Tables, covers: Floats) -> Paths:
    """Describe the paths of tables that have been checked, covers included."""
    nodes = tables["nodes"]
    place, left = np.arange(len(nodes)), nodes["left"].astype(np.intp)
    levels = [tables["trees"]["root"].astype(np.intp)]
    while len(inner := levels[-1][left[levels[-1]] != levels[-1]]):
        levels.append(_pairs(left[inner]))
    inner = np.flatnonzero(left != place)
    parent, feature, shares = place.copy(), np.full(len(nodes), -1), np.ones(len(nodes))
    for branch in (left[inner], left[inner] + 1):
        parent[branch] = inner
        feature[branch] = nodes["slot"][inner] // 2
        shares[branch] = covers[branch] / (covers[left[inner]] + covers[left[inner] + 1])
    before = _before(parent, feature)
    means = tables["values"].copy()
    for level in reversed(levels[1:]):
        weighted = shares[level, None] * means[level]
        means[parent[level[::2]]] = weighted[::2] + weighted[1::2]
    features, reached = np.zeros(len(nodes), int), shares.copy()
    for level in levels[1:]:
        is_first = parent[before[level]] == before[level]
        features[level] = features[parent[level]] + is_first
        reached[level] *= reached[before[level]]
    return Paths(levels, parent, feature, before, reached, means, int(features.max()))


def _pairs(left: Places) -> Places:
    return np.stack([left, left + 1], axis=1).ravel()


def _before(parent: Places, feature: Places) -> Places:
    """All nodes climb at once, until they meet their feature or the root."""
    before = parent.copy()
    climbing = np.flatnonzero(parent != np.arange(len(parent)))
    while len(climbing):
        reached = before[climbing]
        climbing = climbing[(feature[reached] != feature[climbing]) & (feature[reached] >= 0)]
        before[climbing] = parent[before[climbing]]
    return before


def edges_of(tables: Tables, paths: Paths) -> tuple[NDArray[Any], NDArray[Any]]:
    """The edges to nodes that split, then those to leaves; and which of them are of each tree.

    As `_explain.c` takes them: nodes that split are numbered within their tree, and a root has an
    edge from itself to itself.
    """
    nodes, roots = tables["nodes"], tables["trees"]["root"]
    splits = nodes["left"] != np.arange(len(nodes))
    number = np.cumsum(splits) - 1
    tree = np.searchsorted(roots, np.arange(len(nodes)), side="right") - 1
    number -= number[roots][tree]
    leaves = ~splits & (paths.feature >= 0)
    order = np.concatenate([np.flatnonzero(splits), np.flatnonzero(leaves)])
    edges = np.zeros(len(order), EDGE)
    edges["share"], edges["node"] = paths.reached[order], order
    edges["parent"], edges["before"] = number[paths.parent[order]], number[paths.before[order]]
    edges["feature"] = np.maximum(paths.feature[order], 0)
    parts = np.zeros(len(roots), PART)
    for name, which in (("splits", splits), ("leaves", leaves)):
        ends = np.append(0, np.cumsum(np.bincount(tree[which], minlength=len(roots))))
        parts[name], parts[f"{name}_count"] = ends[:-1], np.diff(ends)
    parts["leaves"] += splits.sum()
    return edges, parts
