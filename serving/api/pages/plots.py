"""The monitor's charts: a title, what static/monitor.js draws, and the same as a table.

A line is {"label", "style": "plain", "dashed" or "level", "values", "low", "high"}, with a place
for each pass; `low` and `high` are the edges of a band around it, if it has one.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from serving.api.pages.charts import Chart
from serving.api.pages.monitored import Passes, Row, most_changed_first
from serving.api.pages.shown import Figures
from serving.monitor.findings import Distribution
from serving.monitor.report import Report

DIGITS = 4  # of a number that becomes a pixel
MOST_LINES = 6  # in one chart
MOST_ROWS = 24  # passes in a table, the latest

Line = dict[str, Any]
Written = Callable[[float | None], str]


def shares(found: Distribution, fig: Figures) -> Chart:
    """A field's or an output's distribution, in training and now."""
    say, edges = fig.say, [fig.number(edge, 4) for edge in found.edges]
    ranges = [f"{low} … {high}" for low, high in pairwise(edges)]
    labels = ranges or found.labels
    then = found.reference
    now: Sequence[float | None] = found.current or [None] * len(then)
    of_each = zip(labels, then, now, strict=True)
    return Chart(
        found.field,
        say("Share of the values, in training and now"),
        {
            "kind": "shares",
            "labels": labels,
            "short": edges[:-1] or labels,
            "reference": {"label": say("in training"), "values": _rounded(then)},
            "current": {"label": say("now"), "values": _rounded(now)},
        },
        [found.field, say("in training"), say("now")],
        [[label, fig.percent(one), fig.percent(other)] for label, one, other in of_each],
    )


def over_time(
    report: Report, figures: Sequence[Row], passes: Passes, fig: Figures
) -> Iterator[Chart]:
    """A chart for what comes in, for each metric of some figures, and for traffic."""
    say, drawn = fig.say, _OverTime(passes, fig)
    changed = most_changed_first([*report.drift.fields, *report.drift.predictions])
    changes = [each or {} for each in passes.of("changes")]
    lines = [
        _line(each.field, [of_pass.get(each.field) for of_pass in changes])
        for each in changed[:MOST_LINES]
    ]
    caption = say("Share of the rows by which each differs from training")
    yield drawn.chart(say("Changed fields"), caption, lines, fig.percent)
    yield from drawn.metrics(report.version, figures)
    plain: Sequence[tuple[str, str, str, Written]] = (
        (say("With feedback"), say("Share of the predictions"), "with_feedback", fig.percent),
        (say("Predictions an hour"), say("Over the window of each pass"), "per_hour", fig.number),
        (say("Half answered within"), say("Milliseconds"), "median_ms", fig.number),
        (say("With warnings"), say("Share of the predictions"), "warned", fig.percent),
        (
            say("Requests answered with an error"),
            say("To all models, between two reports"),
            "errors",
            fig.count,
        ),
    )
    for title, caption, figure, written in plain:
        lines = [_line(title, passes.of(figure))]
        if any(each is not None for each in lines[0]["values"]):
            yield drawn.chart(title, caption, lines, written)


class _OverTime(NamedTuple):
    """Charts whose lines have a place for each pass."""

    passes: Passes
    fig: Figures

    def metrics(self, live: int, figures: Sequence[Row]) -> Iterator[Chart]:
        """One for each metric: realised with its interval, estimated, and held out of the live."""
        passes, say = self.passes, self.fig.say
        realised = [each or {} for each in passes.of("realised")]
        estimated = [each or {} for each in passes.of("estimated")]
        unknown = [None, None, None]
        for metric, _, trained, _ in figures:
            measured = [each.get(metric) or unknown for each in realised]
            value, low, high = (list(each) for each in zip(*measured, strict=True))
            level = [trained if version == live else None for version in passes.versions]
            lines = [
                _line(say("with feedback"), value) | {"low": _rounded(low), "high": _rounded(high)},
                _line(say("estimated"), [each.get(metric) for each in estimated], "dashed"),
                _line(say("held out, in training"), level, "level"),
            ]
            caption = say("Estimated, without feedback")
            if any(each is not None for each in value):
                caption = say("With feedback, between the limits of 95 % of the cases")
            yield self.chart(self.fig.metric(metric), caption, lines, self.fig.number, whole=False)

    def chart(
        self, title: str, caption: str, lines: list[Line], written: Written, *, whole: bool = True
    ) -> Chart:
        """A chart of those lines that are known anywhere, whole if it is to show where 0 is."""
        (times, versions, figures), fig, say = self.passes, self.fig, self.fig.say
        known = [line for line in lines if any(each is not None for each in line["values"])]
        spec = {
            "kind": "lines",
            "unit": "share" if written == fig.percent else "number",
            "whole": whole,
            "times": times,
            "marks": [[time, f"{say('version')} {now}"] for time, now in self.passes.marks],
            "lines": known,
        }
        rows = [
            [
                fig.clock(times[at]),
                str(versions[at]),
                fig.term(figures[at]["verdict"]),
                *(written(line["values"][at]) for line in known),
            ]
            for at in reversed(range(max(0, len(times) - MOST_ROWS), len(times)))
        ]
        head = [say("Pass"), say("version"), say("Verdict"), *(line["label"] for line in known)]
        return Chart(title, caption, spec, head, rows)


def _line(label: str, values: Sequence[Any], style: str = "plain") -> Line:
    return {"label": label, "style": style, "values": _rounded(values)}


def _rounded(values: Sequence[Any]) -> list[float | None]:
    return [None if each is None else float(f"{each:.{DIGITS}g}") for each in values]
