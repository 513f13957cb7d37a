"""What fields contribute to the sums of a forest, without C: all nodes of a level at once.

`_explain.c` has the formula and its terms; here the points of the quadrature are rows of arrays,
and the nodes of some trees, level by level, their columns.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.inputs.schema import Matrix
from serving.models.explaining.forest_paths import Paths
from serving.models.forest_tables import (
    EQUALS,
    FILL,
    RANK,
    REPLACE,
    SCALE,
    STRETCH,
    Tables,
)

GROUP = 2**14  # nodes of the trees whose arrays stay in the cache together
BITS = 32  # of a word of members

Floats = NDArray[np.float64]
Contribute = Callable[[Matrix], Floats]


def make_contribute(
    tables: Tables, paths: Paths, values: Floats, quadrature: tuple[Floats, Floats], fields: int
) -> Contribute:
    """Make the function that computes contributions to sums, shape (rows, fields, sums).

    Parameters
    ----------
    values : ndarray, shape (nodes, width)
        The means whose leaves are explained.
    quadrature : tuple of ndarray
        Points and weights.
    """
    groups = [_Group(tables, paths, values, quadrature, nodes) for nodes in _grouped(tables)]
    sums = len(tables["start"])

    def contribute(rows: Matrix) -> Floats:
        out = np.zeros((len(rows), fields * sums))
        for row, slots in enumerate(_slots(tables, rows)):
            for group in groups:
                out[row] += group.contributions(slots, fields * sums)
        return out.reshape(len(rows), fields, sums)

    return contribute


class _Group:
    """Some trees, whose nodes are numbered by level here."""

    def __init__(
        self,
        tables: Tables,
        paths: Paths,
        values: Floats,
        quadrature: tuple[Floats, Floats],
        nodes: range,
    ) -> None:
        first, end = nodes.start, nodes.stop
        levels = [level[(level >= first) & (level < end)] for level in paths.levels]
        order = np.concatenate(levels)
        place = np.empty(end - first, np.intp)
        place[order - first] = np.arange(len(order))
        ends = np.cumsum([len(level) for level in levels if len(level)]).tolist()
        self.roots, self.levels = ends[0], list(pairwise(ends))
        self.parent, self.before = (
            place[each[order] - first] for each in (paths.parent, paths.before)
        )
        self.reached = paths.reached[order]
        points, self.weights = quadrature
        self.points = points[:, None]
        self.rest = (1 - self.points) * self.reached

        is_inner = tables["nodes"]["left"][order] != order
        inner = tables["nodes"][order[is_inner]]
        self.slot, self.threshold = inner["slot"].astype(np.intp), inner["threshold"].copy()
        self.among = np.flatnonzero(inner["among"])
        self.bits = self.threshold[self.among].view(np.uint32).astype(np.intp) * BITS
        self.members = tables["members"]

        self.leaves = np.where(is_inner, 0, values[order].T)
        field = tables["features"]["field"][paths.feature[order[self.roots :]]]
        tree = np.searchsorted(tables["trees"]["root"], order[self.roots :], side="right") - 1
        self.cell = field * len(tables["start"]) + tables["trees"]["column"][tree]

    def contributions(self, slots: NDArray[np.float32], cells: int) -> Floats:
        """Contributions to the sums of one row, by field and sum.

        Parameters
        ----------
        slots : ndarray, shape (2 * features,)
            What the nodes compare.
        """
        is_on = self._is_on(slots)
        parts = self.rest + self.points * is_on
        products = parts / parts[:, self.before]
        for begun, ended in self.levels:
            products[:, begun:ended] *= products[:, self.parent[begun:ended]]
        gains = (is_on - self.reached) / parts
        changes = gains[:, self.roots :] - gains[:, self.before[self.roots :]]
        changes *= self.weights[:, None]
        added = np.zeros(cells)
        for value, leaves in enumerate(self.leaves):
            sums = products * leaves
            for begun, ended in reversed(self.levels):
                both = sums[:, begun:ended:2] + sums[:, begun + 1 : ended : 2]
                sums[:, self.parent[begun:ended:2]] = both
            by_node = np.einsum("qn,qn->n", changes, sums[:, self.roots :])
            added += np.bincount(self.cell + value, by_node, cells)
        return added

    def _is_on(self, slots: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Of each node whether the row passes all splits above it on its parent's feature."""
        compared = slots[self.slot]
        is_left = compared <= self.threshold
        if len(self.among):
            bit = self.bits + compared[self.among].astype(np.intp)
            is_left[self.among] = self.members[bit // BITS] >> (bit % BITS).astype(np.uint32) & 1
        is_on = np.ones(len(self.parent), bool)
        is_on[self.roots :: 2], is_on[self.roots + 1 :: 2] = is_left, ~is_left
        for begun, ended in self.levels:
            is_on[begun:ended] &= is_on[self.before[begun:ended]]
        return is_on


def _grouped(tables: Tables) -> Iterator[range]:
    """The nodes of neighbouring trees."""
    ends = [*tables["trees"]["root"][1:].tolist(), len(tables["nodes"])]
    first = 0
    for end, after in zip(ends, [*ends[1:], np.inf], strict=True):
        if after - first > GROUP:
            yield range(first, end)
            first = end


def _slots(tables: Tables, rows: Matrix) -> NDArray[np.float32]:
    """What nodes compare: of each feature a slot for missing values to go right, and left."""
    largest = np.finfo(np.float32).max
    slots = np.empty((len(rows), 2 * len(tables["features"])), np.float32)
    for at, (field, first, end) in enumerate(tables["features"].tolist()):
        values = rows[:, field]
        for step in tables["steps"][first:end]:
            values = _after(step, tables["numbers"], values)
        compared = np.clip(values, -largest, largest).astype(np.float32)
        is_missing = np.isnan(values)
        slots[:, 2 * at] = np.where(is_missing, np.inf, compared)
        slots[:, 2 * at + 1] = np.where(is_missing, -np.inf, compared)
    return slots


# The steps that look nothing up: of the values, and the step's numbers `a` and `b`.
STEPS: dict[int, Callable[[Floats, float, float], Any]] = {
    FILL: lambda values, a, _: np.where(np.isnan(values), a, values),
    REPLACE: lambda values, a, b: np.where(values == a, b, values),
    SCALE: lambda values, a, b: (values - a) / b,
    STRETCH: lambda values, a, b: values * a + b,
    EQUALS: lambda values, a, _: (values == a).astype(np.float64),
}


def _after(step: Any, numbers: Floats, values: Floats) -> Floats:
    kind, first, a, b, count = step.item()
    if kind in STEPS:
        with np.errstate(all="ignore"):
            return np.asarray(STEPS[kind](values, a, b))
    known = numbers[first : first + count]
    place = np.searchsorted(known, values)
    if kind == RANK:
        return np.where(np.isnan(values), values, place)
    found = np.append(numbers[first + count : first + 2 * count], a)
    return np.where(np.append(known, np.nan)[place] == values, found[place], a)
