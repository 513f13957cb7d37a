"""A chart of a page, as data: static/charts.js draws it, and a table below holds the same."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Required, TypedDict

Point = tuple[float, float]
# Dots mark the points; an estimate is dashed, what is compared with is quiet, an outline is a bar;
# a density is a shaded area on an axis of its own, which is not shown.
Style = Literal["plain", "dots", "dashed", "quiet", "outline", "density"]


class Series(TypedDict, total=False):
    """A line, or a bar for each label; low and high are a band around it, or a line over each bar.

    Points are pairs of x and y; on an axis with labels or times, a y or None for each of these.
    """

    label: Required[str]
    points: Required[Sequence[Any]]
    style: Style
    low: Sequence[float | None]
    high: Sequence[float | None]


class Axis(TypedDict, total=False):
    """An axis of numbers, unless it has labels, or times in milliseconds since 1970, UTC."""

    title: str
    min: float
    max: float
    labels: Sequence[str]
    ticks: Sequence[str]  # what the axis shows of the labels, where these are too long
    times: Sequence[int]
    share: bool  # its numbers are written in per cent
    zero: bool  # 0 is always in view


class Drawing(TypedDict, total=False):
    """Lines, lying bars, or distributions; marks are places on the x axis, each with a text."""

    kind: Required[Literal["line", "bar", "histogram"]]
    x: Required[Axis]
    y: Required[Axis]
    series: Required[Sequence[Series]]
    marks: Sequence[tuple[float, str]]


class Chart(NamedTuple):
    """What the macro of templates/chart.html takes: a drawing, and a table of the same."""

    title: str
    caption: str
    drawing: Drawing
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def square(axes: tuple[str, str], series: Sequence[Series]) -> Drawing:
    """Lines between 0 and 1 on both axes."""
    x, y = (Axis(title=title, min=0, max=1) for title in axes)
    return {"kind": "line", "x": x, "y": y, "series": series}


def straight(label: str, start: Point, end: Point) -> Series:
    """A line to compare a curve with."""
    return {"label": label, "points": [start, end], "style": "quiet"}
