"""The charts of a model's monitor page: distributions, and figures over time."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from serving.api.pages.charts import Chart, Drawing, Series, Style
from serving.api.pages.html import time_element
from serving.api.pages.monitored import History, Row, most_drifted_first
from serving.api.pages.shown import Figures
from serving.monitor.findings import Distribution
from serving.monitor.report import Report

DIGITS = 4  # of a number that becomes a pixel
MAX_LINES = 6  # in one chart
TABLE_ROWS = 24  # the latest checks
MIN_CHECKS = 2  # that make a line

Write = Callable[[float | None], str]


def distribution(found: Distribution, fig: Figures) -> Chart:
    """A field's or an output's distribution, in training and now."""
    t, edges = fig.t, [fig.number(edge, 4) for edge in found.edges]
    labels = [f"{low} … {high}" for low, high in pairwise(edges)] or found.labels
    now: Sequence[float | None] = found.current or [None] * len(found.reference)
    return Chart(
        found.field,
        t("Share of the values, in training and now"),
        {
            "kind": "histogram",
            "x": {"labels": labels, "ticks": edges[:-1] or labels, "title": found.field},
            "y": {"share": True, "title": t("share of the values")},
            "series": [
                {
                    "label": t("in training"),
                    "points": _rounded(found.reference),
                    "style": "outline",
                },
                {"label": t("now"), "points": _rounded(now)},
            ],
        },
        [found.field, t("in training"), t("now")],
        [
            [label, fig.percent(one), fig.percent(other)]
            for label, one, other in zip(labels, found.reference, now, strict=True)
        ],
    )


def of_days(counts: Sequence[tuple[int, int]], fig: Figures) -> Chart | None:
    """The predictions of each 24-hour period, by its end; None if there are none."""
    if not any(count for _, count in counts):
        return None
    t, ends = fig.t, [end for end, _ in counts]
    drawing: Drawing = {
        "kind": "line",
        "x": {"times": ends, "title": t("end of the 24 hours")},
        "y": {"zero": True, "title": t("predictions")},
        "series": [{"label": t("predictions"), "points": [count for _, count in counts]}],
    }
    rows = [[time_element(end), fig.counted(count)] for end, count in reversed(counts)]
    head = [t("end of the 24 hours"), t("predictions")]
    return Chart(t("Predictions in 24 hours"), t("Of all versions"), drawing, head, rows)


def over_time(
    report: Report, metrics: Sequence[Row], history: History, fig: Figures
) -> Iterator[Chart]:
    """Charts of the most changed fields, of each metric and of the traffic, over the checks."""
    if len(history.times) < MIN_CHECKS:
        return
    t, drawn = fig.t, _OverTime(history, fig)
    changed = most_drifted_first([*report.drift.fields, *report.drift.predictions])
    changes = [each or {} for each in history.of("changes")]
    lines = [
        _line(each.field, [of_check.get(each.field) for of_check in changes])
        for each in changed[:MAX_LINES]
    ]
    caption = t("Share of the rows by which each differs from training")
    share = t("share of the rows")
    yield drawn.chart(t("Most changed fields"), caption, share, lines, fig.percent)
    yield from drawn.metrics(report.version, metrics)
    window = t("In the window of each check")
    share = t("share of the predictions")
    plain: Sequence[tuple[str, str, str, str, Write]] = (
        (t("With feedback"), window, share, "with_feedback", fig.percent),
        (t("Median latency"), window, t("milliseconds"), "median_ms", fig.number),
        (t("With warnings"), window, share, "warned", fig.percent),
        (
            t("Failed requests"),
            t("To all models, since the check before"),
            t("requests"),
            "errors",
            fig.whole,
        ),
    )
    for title, caption, unit, figure, write in plain:
        line = _line(title, history.of(figure))
        if any(each is not None for each in line["points"]):
            yield drawn.chart(title, caption, unit, [line], write)


class _OverTime(NamedTuple):
    """Charts whose lines have a point for each check."""

    history: History
    fig: Figures

    def metrics(self, live: int, metrics: Sequence[Row]) -> Iterator[Chart]:
        """For each metric: with feedback and its interval, estimated, and held out of `live`."""
        history, t = self.history, self.fig.t
        realised = [each or {} for each in history.of("realised")]
        estimated = [each or {} for each in history.of("estimated")]
        unknown = [None, None, None]
        for metric, _, held_out, _ in metrics:
            measured = [each.get(metric) or unknown for each in realised]
            value, low, high = (_rounded(each) for each in zip(*measured, strict=True))
            trained = [held_out if version == live else None for version in history.versions]
            lines: list[Series] = [
                {"label": t("with feedback"), "points": value, "low": low, "high": high},
                _line(t("estimated"), [each.get(metric) for each in estimated], "dashed"),
                _line(t("held out"), trained, "quiet"),
            ]
            caption = t("Estimated, without feedback")
            if any(each is not None for each in value):
                caption = t("With feedback, and its 95 % confidence interval")
            name = self.fig.metric(metric)
            yield self.chart(name, caption, name, lines, self.fig.number, zero=False)

    def chart(
        self,
        title: str,
        caption: str,
        unit: str,
        lines: list[Series],
        write: Write,
        *,
        zero: bool = True,
    ) -> Chart:
        """A chart of the lines that have any point; `zero` keeps 0 in view."""
        (times, versions, figures), fig, t = self.history, self.fig, self.fig.t
        known = [line for line in lines if any(each is not None for each in line["points"])]
        drawing: Drawing = {
            "kind": "line",
            "x": {"times": times, "title": t("time of the check")},
            "y": {"share": write == fig.percent, "zero": zero, "title": unit},
            "series": known,
            "marks": [(time, f"{t('version')} {now}") for time, now in self.history.marks],
        }
        rows = [
            [
                time_element(times[at]),
                str(versions[at]),
                fig.term(figures[at]["verdict"]),
                *(write(line["points"][at]) for line in known),
            ]
            for at in reversed(range(max(0, len(times) - TABLE_ROWS), len(times)))
        ]
        head = [t("Check"), t("version"), t("Verdict"), *(line["label"] for line in known)]
        return Chart(title, caption, drawing, head, rows)


def _line(label: str, values: Sequence[Any], style: Style = "plain") -> Series:
    return {"label": label, "points": _rounded(values), "style": style}


def _rounded(values: Sequence[float | None]) -> list[float | None]:
    return [None if each is None else float(f"{each:.{DIGITS}g}") for each in values]
