"""The tables of a forest, in `forest.npz`: NumPy arrays, and what must hold before they are walked.

nodes     The branches of a node are next to each other, the left one first; the branch of a leaf
          is the leaf itself. A row goes left if the value is not above the threshold; where `among`
          is set, if it is one of the members, whose bits begin at the number that is stored in
          place of the threshold. `slot` is twice the feature, plus 1 if a missing value goes left.
values    What each node adds to `width` neighbouring sums, if it is a leaf.
trees     The first node, the first of the sums, and the depth. A tree ends where the next begins.
features  The field, and the range of the steps that turn its value into the feature's.
steps     One of the kinds below, with its numbers `a` and `b` and a range of `numbers`.
numbers   What RANK and LOOKUP look up.
members   Bits.
start     What each sum starts with.
divisor   Of the sums: the number of a forest's trees, 1 for boosting.
links     What is done with the sums in the end, by the names in `LINKS`.
covers    The training rows that came to each node, by their weights, for explanations. Tables of
          older releases do not have it.

`train/onnx/forest.py` makes them, `_walk.c` walks them, `_explain.c` explains what comes of it.
"""

import io
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.errors import ArtefactError

TYPES: Mapping[str, np.dtype[Any]] = {
    "nodes": np.dtype([("threshold", "<f4"), ("left", "<i4"), ("slot", "<u2"), ("among", "<u2")]),
    "values": np.dtype("<f8"),
    "trees": np.dtype([("root", "<i4"), ("column", "<i4"), ("depth", "<i4")]),
    "features": np.dtype([("field", "<i4"), ("first", "<i4"), ("end", "<i4")]),
    "steps": np.dtype(
        [("kind", "<i4"), ("first", "<i4"), ("a", "<f8"), ("b", "<f8"), ("count", "<i8")]
    ),
    "numbers": np.dtype("<f8"),
    "members": np.dtype("<u4"),
    "start": np.dtype("<f8"),
}
# The kinds of steps turn x into: a if it is NaN; b if it is a; (x - a) / b; x * a + b; 1 if it is
# a, else 0; the number that belongs to x, else a; how many numbers are below x. The last is for
# models that compare in double precision: what it returns is exact in single precision.
FILL, REPLACE, SCALE, STRETCH, EQUALS, LOOKUP, RANK = range(7)
LOGISTIC = "logistic"  # of two sums the second becomes a probability, and the first the rest to 1
LINKS = LOGISTIC, "softmax", "exp", "expm1"
MAX_NODES, MAX_FEATURES, MAX_MEMBERS = 2**31 - 2, 2**15, 2**16
ROUNDED = 1e-6  # of a node's cover: how far those of its branches may be from adding up to it
RAREST = 1e-100  # of the largest cover; shares of it are still far from the smallest numbers

Tables = Mapping[str, NDArray[Any]]


class ForestTables(NamedTuple):
    """What the file contains; `covers` is None in files of older releases."""

    tables: Tables
    covers: NDArray[np.float64] | None
    divisor: float
    links: list[str]


def read(content: bytes, fields: int) -> ForestTables:
    """Read a file and check its tables, all but the covers.

    Parameters
    ----------
    fields : int
        The columns of the rows that will be given.

    Raises
    ------
    ArtefactError
        If it is malformed.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            tables = {name: file[name] for name in TYPES}
            covers = file.get("covers")
            divisor, links = float(file["divisor"]), file["links"].tolist()
        check(tables, fields)
        _check_links(links, len(tables["start"]))
    except Exception as error:  # why: NumPy and zipfile raise whatever they meet in such a file
        raise ArtefactError(f"cannot be loaded: {error}") from error
    return ForestTables(tables, covers, divisor, links)


def check(tables: Tables, fields: int) -> None:
    """Check all that keeps a walk within the tables, and lets it end.

    Parameters
    ----------
    fields : int
        The columns of the rows that will be given.

    Raises
    ------
    ValueError
    """
    for name, kind in TYPES.items():
        if tables[name].dtype != kind or tables[name].ndim != 1 + (name == "values"):
            raise ValueError(f"{name} are of another type or shape")
    (count, width), sums = tables["values"].shape, len(tables["start"])
    _require(0 < count == len(tables["nodes"]) <= MAX_NODES, "a node has no values")
    _require(0 < width <= sums, "there are more values than sums")
    _check_features(tables, fields)
    roots = tables["trees"]["root"].astype(np.int64)
    ends = np.append(roots[1:], count)
    _require(len(roots) > 0 and roots[0] == 0 and bool((roots < ends).all()), "a tree has no nodes")
    _require(_within(tables["trees"]["column"], 0, sums - width + 1), "a tree's sums are missing")
    _check_branches(tables, roots, ends)
    _check_members(tables)


def check_covers(tables: Tables, covers: NDArray[Any]) -> None:
    """Check what explanations need in addition: one way to each node, and shares of rows on it.

    Raises
    ------
    ArtefactError
    """
    try:
        _check_covers(tables, covers)
    except ValueError as error:
        raise ArtefactError(f"cannot be explained: {error}") from error


def _check_covers(tables: Tables, covers: NDArray[Any]) -> None:
    count = len(tables["nodes"])
    _require(covers.dtype == "<f8" and covers.shape == (count,), "a node has no cover")
    _require(bool(np.isfinite(covers).all()), "a cover is not finite")
    _require(bool((covers > RAREST * covers.max()).all()), "a cover is not positive")
    left = tables["nodes"]["left"].astype(np.int64)
    inner = np.flatnonzero(left != np.arange(count))
    left = left[inner]
    ways = np.bincount(np.concatenate([tables["trees"]["root"], left, left + 1]), minlength=count)
    _require(bool((ways == 1).all()), "a node is not the branch of one node")
    added = covers[left] + covers[left + 1]
    _require(
        bool((np.abs(added - covers[inner]) <= ROUNDED * covers[inner]).all()),
        "a node's cover is not that of its branches",
    )


def _check_links(links: list[str], sums: int) -> None:
    _require({*links} <= {*LINKS}, "a link is of no known name")
    _require(LOGISTIC not in links[1:], "the logistic link is not the first")
    _require(LOGISTIC not in links or sums == 2, "the logistic link is not of two sums")  # noqa: PLR2004


def _check_features(tables: Tables, fields: int) -> None:
    features, steps, room = tables["features"], tables["steps"], len(tables["numbers"])
    _require(_within(steps["kind"], FILL, RANK + 1), "a step is of no known kind")
    _require(_within(steps["count"], 0, room + 1), "a step's numbers are missing")
    taken = steps["count"] * np.where(steps["kind"] == LOOKUP, 2, 1)
    _require(_within(steps["first"], 0, room - taken + 1), "a step's numbers are missing")
    _require(0 < len(features) <= MAX_FEATURES, "features are missing, or too many")
    _require(_within(features["field"], 0, fields), "a feature's field is missing")
    _require(_within(features["end"], 0, len(steps) + 1), "a feature's steps are missing")
    _require(_within(features["first"], 0, features["end"] + 1), "a feature's steps are missing")


def _check_branches(tables: Tables, roots: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
    nodes = tables["nodes"]
    place, left = np.arange(len(nodes)), nodes["left"].astype(np.int64)
    is_leaf = left == place
    stays = np.isposinf(nodes["threshold"]) & (nodes["among"] == 0)
    _require(bool(stays[is_leaf].all()), "a leaf has branches")
    is_forward = (left > place) & (left + 1 < np.repeat(ends, ends - roots))
    _require(bool(is_forward[~is_leaf].all()), "a branch is not after its node, in its tree")
    _require(_within(nodes["slot"], 0, 2 * len(tables["features"])), "a node's feature is missing")
    tree, depth = np.repeat(np.arange(len(roots)), ends - roots), np.zeros(len(roots), np.int64)
    last = np.empty(len(nodes), np.int64)
    level, reached = 0, roots
    while len(reached := reached[~is_leaf[reached]]):
        level += 1
        depth[tree[reached]] = level
        branches = np.concatenate([left[reached], left[reached] + 1])
        order = np.arange(len(branches))
        last[branches] = order
        reached = branches[last[branches] == order]  # each once, even if several nodes have it
    _require(np.array_equal(depth, tables["trees"]["depth"]), "a tree has another depth")


def _check_members(tables: Tables) -> None:
    nodes = tables["nodes"][tables["nodes"]["among"] != 0]
    ranges = tables["features"][["first", "end"]].tolist()
    highest = np.array([_highest_member(tables, *each) for each in ranges])[nodes["slot"] // 2]
    _require(bool((highest >= 0).all()), "a node has members of a feature that has none")
    first = np.ascontiguousarray(nodes["threshold"]).view(np.uint32).astype(np.int64)
    room = len(tables["members"]) - highest // 32
    _require(_within(first, 0, room), "a node's members are missing")


def _highest_member(tables: Tables, first: int, end: int) -> int:
    """The highest value of a feature whose last step looks up members; -1 if it does not."""
    if first == end or tables["steps"]["kind"][end - 1] != LOOKUP:
        return -1
    step = tables["steps"][end - 1]
    found = tables["numbers"][step["first"] + step["count"] :][: step["count"]]
    values = np.append(found, step["a"])
    if not (_within(values, 0, MAX_MEMBERS) and np.array_equal(values, np.rint(values))):
        return -1
    return int(values.max())


def _require(holds: bool, fault: str) -> None:  # noqa: FBT001 - a name would say nothing
    if not holds:
        raise ValueError(fault)


def _within(numbers: NDArray[Any], low: int, end: Any) -> bool:
    return bool(((numbers >= low) & (numbers < end)).all())
