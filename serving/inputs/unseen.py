"""Warnings about values outside the range seen in training."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from serving.inputs import dates
from serving.inputs.exact import Remark
from serving.inputs.field import Field
from serving.inputs.shown import in_full


class Unseen:
    """Finds what no training row had."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = fields
        seen = [field.seen or (-np.inf, np.inf) for field in fields]
        self._lowest, self._highest = np.array(seen).T

    def find(self, matrix: NDArray[np.float64]) -> dict[int, list[Remark]]:
        """Return a warning for each value outside the range of its field, by row."""
        outside = (matrix < self._lowest) | (matrix > self._highest)
        remarks: dict[int, list[Remark]] = {}
        if outside.any():
            for row, column in np.argwhere(outside).tolist():
                field, value = self._fields[column], matrix[row, column]
                limit = (self._lowest if value < self._lowest[column] else self._highest)[column]
                message = _message(field, value, limit)
                remarks.setdefault(row, []).append(Remark(field.name, message))
        return remarks


def _message(field: Field, value: float, limit: float) -> str:
    if field.type == "boolean":
        return f"{'true' if value else 'false'} was not seen in training"
    if field.type == "date":
        where = "before" if value < limit else "after"
        end = "first" if value < limit else "last"
        return f"{dates.to_iso(value)} is {where} {dates.to_iso(limit)}, the {end} date in training"
    where, end = ("below", "lowest") if value < limit else ("above", "highest")
    return f"{in_full(value)} is {where} {in_full(limit)}, the {end} value seen in training"
