"""Values far from all others, which may be sentinels for missing values: -200, 0, 999."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.figures import counted
from train.tables.column import Column, shown
from train.tables.options import quoted

MIN_OTHERS = 10  # different values, to define what far is
FAR_OF_FEW = 10  # times as far as fewer others reach, for nines
NEAREST = 10  # distances between others, the largest of which is the measure
FAR, PART = 3, 0.1  # times that distance, and share of the distance to their median
REPEATED, SHARE = 2, 0.001  # in so many rows, or so many of them
MINUS = 0.01  # of the rows, if -1 is the only number below zero
MAX_SENTINELS = 3  # of a column
NINES = re.compile(r"-?9+(?:\.9+)?")


class Sentinel(NamedTuple):
    """A value far from the others of its column, which reach from `low` to `high`."""

    value: float
    rows: int
    low: float
    high: float


def sentinels(values: NDArray[np.float64]) -> list[Sentinel]:
    """The lowest and highest values that are far from all others, and often there.

    A value is far if the distance to the nearest of the others is three times the largest that
    those near it have among themselves, and a tenth of that to their median, so that an income of
    0 is not asked about. It must also look like a sentinel (0, the only negative number, nines),
    or be farther from the others than they are from each other. Among few others, only nines that
    are ten times as far from them as their range are asked about.
    """
    present, rows = np.unique(values[np.isfinite(values)], return_counts=True)
    found: list[Sentinel] = []
    while len(found) < MAX_SENTINELS and len(present) > 2:  # noqa: PLR2004 - two others
        for others, at in ((slice(1, None), 0), (slice(None, -1), -1)):
            if _is_sentinel(present[at], rows[at], present[others], rows[others]):
                low, high = present[others][[0, -1]]
                found.append(Sentinel(float(present[at]), int(rows[at]), float(low), float(high)))
                present, rows = present[others], rows[others]
                break
        else:
            break
    # A sentinel that is found later is among the others of those found before.
    return [each._replace(low=float(present[0]), high=float(present[-1])) for each in found]


def _is_sentinel(
    value: float, rows: int, others: NDArray[np.float64], their_rows: NDArray[np.intp]
) -> bool:
    share = rows / (rows + their_rows.sum())
    if rows < REPEATED and share < SHARE:
        return False
    is_nines = abs(value) > 9 and bool(NINES.fullmatch(f"{value:.12g}"))  # noqa: PLR2004 - 9 is as good as 8
    if len(others) < MIN_OTHERS:
        gap = np.abs(value - others).min()
        return bool(is_nines and gap >= FAR_OF_FEW * np.ptp(others))
    if value == -1 and others[0] >= 0 and (others == np.rint(others)).all():
        return bool(share >= MINUS)
    near = others[: NEAREST + 1] if value < others[0] else others[::-1][: NEAREST + 1]
    gap = abs(value - near[0])
    median = others[np.searchsorted(np.cumsum(their_rows), their_rows.sum() / 2)]
    if gap < max(FAR * np.abs(np.diff(near)).max(), PART * abs(median - value)):
        return False
    is_sign = value == 0 or value < 0 <= others[0]  # the only one on that side of the others
    return bool(is_sign or is_nines or gap > np.ptp(others))


def questions(columns: Iterable[Column]) -> list[str]:
    """Remarks that ask about possible sentinels, one for each value that columns share."""
    columns = [column for column in columns if column.kind != "text"]
    found: dict[str, dict[str, Sentinel]] = {}
    for column in columns:
        for each in sentinels(column.content.to_numpy()):
            found.setdefault(shown(each.value, column), {})[column.name] = each
    return [_question(text, where, columns) for text, where in found.items()]


def _question(text: str, where: dict[str, Sentinel], columns: list[Column]) -> str:
    kinds = {column.name: column for column in columns}
    places = ", ".join(_place(each, kinds[name]) for name, each in where.items())
    elsewhere = any(
        column.name not in where and (column.content == next(iter(where.values())).value).any()
        for column in columns
    )
    forms = [f"{name}={text}" for name in where] if elsewhere else [text]
    options = " ".join(f"--missing {quoted(form)}" for form in forms)
    return (
        f"{text} is far from all other values of {places}: does it stand for a missing value? "
        f"Then train with {options}"
    )


def _place(found: Sentinel, column: Column) -> str:
    rows = counted(found.rows, "row")
    low, high = shown(found.low, column), shown(found.high, column)
    return f"{column.name!r} ({rows}, the others {low} to {high})"
