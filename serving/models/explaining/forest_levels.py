"""What fields contribute to the sums of a forest, without C: all nodes of a level at once.

`_explain.c` has the formula and its terms; here the points of the quadrature are rows of arrays,
and the nodes of some trees, level by level, their columns.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from serving.inputs.schema import Matrix
from serving.models.explaining.forest_paths import Paths
from serving.models.explaining.steps import apply_step
from serving.models.forest_tables import LOOKUP, Tables

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
        for start, end in self.levels:
            products[:, start:end] *= products[:, self.parent[start:end]]
        gains = (is_on - self.reached) / parts
        changes = gains[:, self.roots :] - gains[:, self.before[self.roots :]]
        changes *= self.weights[:, None]
        added = np.zeros(cells)
        for value, leaves in enumerate(self.leaves):
            sums = products * leaves
            for start, end in reversed(self.levels):
                both = sums[:, start:end:2] + sums[:, start + 1 : end : 2]
                sums[:, self.parent[start:end:2]] = both
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
        for start, end in self.levels:
            is_on[start:end] &= is_on[self.before[start:end]]
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
    for at, (field, begin, end) in enumerate(tables["features"].tolist()):
        values = rows[:, field]
        for step in tables["steps"][begin:end]:
            kind, first, a, b, count = step.item()
            taken = 2 * count if kind == LOOKUP else count
            values = apply_step(kind, values, a, b, tables["numbers"][first : first + taken])
        compared = np.clip(values, -largest, largest).astype(np.float32)
        is_missing = np.isnan(values)
        slots[:, 2 * at] = np.where(is_missing, np.inf, compared)
        slots[:, 2 * at + 1] = np.where(is_missing, -np.inf, compared)
    return slots
