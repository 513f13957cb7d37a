"""The charts of versions over each other: how each did on its held-out rows."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from serving.api.pages.charts import Axis, Chart, Point, Series, square, straight
from serving.api.pages.version_table import Side
from serving.api.pages.words import Words
from serving.models.manifest import Manifest

TABLE_ROWS = 11  # of each version, below a curve
GRID = [place / 50 for place in range(51)]  # false positive rates of a mean curve


def charts(sides: Sequence[Side], words: Words) -> list[Chart]:
    """Every chart that a version has figures for."""
    return [
        *_roc(sides, words),
        *_calibration(sides, words),
        *_predicted(sides, words),
        *_residuals(sides, words),
    ]


def _roc(sides: Sequence[Side], words: Words) -> Iterator[Chart]:
    t, number = words.t, words.number
    curves = {_named(each, words): _curve(each.card.roc) for each in sides if each.card.roc}
    if not curves:
        return
    labels = {label for each in sides for label in each.card.roc}
    caption = t("The mean over all labels, for each version on its own held-out rows.")
    if len(labels) == 1:
        caption = t("Of {label}, for each version on its own held-out rows.", label=labels.pop())
    axes = t("false positive rate"), t("true positive rate")
    series: list[Series] = [{"label": name, "points": curve} for name, curve in curves.items()]
    yield Chart(
        t("ROC curve"),
        caption,
        square(axes, [*series, straight(t("chance"), (0, 0), (1, 1))]),
        (t("version"), *axes),
        [
            (name, number(x, 3), number(y, 3))
            for name, curve in curves.items()
            for x, y in curve[:: max(1, len(curve) // TABLE_ROWS)]
        ],
    )


def _curve(roc: dict[str, tuple[Point, ...]]) -> Sequence[Point]:
    """The curve of the only label, or else the mean of all."""
    if len(roc) == 1:
        return next(iter(roc.values()))
    return [(x, sum(_height(curve, x) for curve in roc.values()) / len(roc)) for x in GRID]


def _height(curve: Sequence[Point], at: float) -> float:
    """The height of a rising curve, between its points in a straight line."""
    if at >= curve[-1][0]:
        return curve[-1][1]
    for (left, low), (right, high) in pairwise(curve):
        if left <= at < right:
            return low + (high - low) * (at - left) / (right - left)
    return curve[0][1]


def _calibration(sides: Sequence[Side], words: Words) -> Iterator[Chart]:
    t, number = words.t, words.number
    bins = {_named(each, words): found for each in sides if (found := _bins(each))}
    if not bins:
        return
    axes = t("predicted probability"), t("observed frequency")
    series: list[Series] = [
        {"label": name, "points": [(x, y) for x, y, _ in found], "style": "dots"}
        for name, found in bins.items()
    ]
    yield Chart(
        t("Calibration"),
        t("The nearer to the diagonal, the more a probability can be taken at its word."),
        square(axes, [*series, straight(t("perfect calibration"), (0, 0), (1, 1))]),
        (t("version"), *axes, t("rows")),
        [
            (name, number(x, 3), number(y, 3), number(rows, 9))
            for name, found in bins.items()
            for x, y, rows in found
        ],
    )


def _bins(side: Side) -> Sequence[tuple[float, float, int]]:
    if side.card.calibration:
        return side.card.calibration.curve
    return [(one.predicted, one.observed, one.rows) for one in side.reference.reliability]


def _predicted(sides: Sequence[Side], words: Words) -> Iterator[Chart]:
    t, number = words.t, words.number
    shown = [each for each in sides if each.card.bins]
    if not shown:
        return
    series: list[Series] = [
        {
            "label": _named(each, words),
            "points": [(one.predicted, one.true) for one in each.card.bins],
            "style": "dots",
        }
        for each in shown
    ]
    places = [one.predicted for each in shown for one in each.card.bins]
    ends = min(places), max(places)
    perfect = straight(t("perfect prediction"), (ends[0], ends[0]), (ends[1], ends[1]))
    x, y = (_axis(title, shown[0].manifest) for title in (t("predicted"), t("actual")))
    yield Chart(
        t("Actual against predicted"),
        t("Held-out rows in equal groups by their prediction: the mean of the actual values."),
        {"kind": "line", "x": x, "y": y, "series": [*series, perfect]},
        (t("version"), t("predicted"), t("mean actual value"), t("80 % interval"), t("rows")),
        [
            (
                _named(each, words),
                number(one.predicted),
                number(one.true),
                words.between(number(one.low), number(one.high)),
                number(one.rows, 9),
            )
            for each in shown
            for one in each.card.bins
        ],
    )


def _residuals(sides: Sequence[Side], words: Words) -> Iterator[Chart]:
    t, number = words.t, words.number
    bars = {
        _named(each, words): [*zip(pairwise(found.edges), found.counts, strict=True)]
        for each in sides
        if (found := each.card.residuals)
    }
    if not bars:
        return
    series: list[Series] = []
    for name, counted in bars.items():
        rows = sum(count for _, count in counted)
        points = [
            ((low + high) / 2, count / rows / (high - low))
            for (low, high), count in counted
            if high > low
        ]
        series.append({"label": name, "points": points})
    x = _axis(t("actual − predicted"), sides[0].manifest)  # noqa: RUF001 - a minus
    yield Chart(
        t("Residuals (actual − predicted)"),  # noqa: RUF001 - a minus
        t("The narrower and the nearer to 0, the better; the area below each line is 1."),
        {"kind": "line", "x": x, "y": {"title": t("density"), "zero": True}, "series": series},
        (t("version"), x["title"], t("rows")),
        [
            (name, words.between(number(low, 3), number(high, 3)), number(count, 9))
            for name, counted in bars.items()
            for (low, high), count in counted
        ],
    )


def _named(side: Side, words: Words) -> str:
    return f"{words.t('version')} {side.version}"


def _axis(title: str, manifest: Manifest) -> Axis:
    """An axis of the target, with its unit."""
    return {"title": f"{title} ({manifest.unit})" if manifest.unit else title}
