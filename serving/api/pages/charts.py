"""The charts of a model's card, each as charts.js draws it and as a table."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from serving.api.pages.words import Words
from serving.models.card import Calibration, Card, Point
from serving.models.manifest import Manifest, Reference

LINES = 11  # of the table beside a curve
MOST_FIELDS = 20


class Chart(NamedTuple):
    """What the macro in chart.html takes.

    What is shown, what to see in it, its drawing, and the table that says the same.
    """

    title: str
    caption: str
    spec: dict[str, Any]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def charts(manifest: Manifest, card: Card, reference: Reference, words: Words) -> list[Chart]:
    """Those that there are figures for."""
    return [
        *_importance(card, words),
        *_roc(manifest, card, words),
        *_precision_recall(card, reference, words),
        *_reliability(manifest, card, reference, words),
        *_bins(manifest, card, words),
        *_residuals(manifest, card, words),
    ]


def _importance(card: Card, words: Words) -> Iterator[Chart]:
    if not card.importance:
        return
    say, number = words.say, words.number
    shown = card.importance[:MOST_FIELDS]
    name = say("what is lost of {metric}", metric=words.metric(card.metric))
    yield Chart(
        say("What it goes by"),
        say(
            "How much worse it gets when one field is shuffled. Thin lines: spread over the folds."
        ),
        {
            "kind": "bar",
            "across": True,
            "x": {"labels": [one.field for one in shown]},
            "y": {"title": name},
            "series": [
                {
                    "label": name,
                    "points": [one.mean for one in shown],
                    "low": [one.mean - one.spread for one in shown],
                    "high": [one.mean + one.spread for one in shown],
                }
            ],
        },
        (say("field"), name, say("spread")),
        [(one.field, number(one.mean, 3), number(one.spread, 2)) for one in shown],
    )


def _roc(manifest: Manifest, card: Card, words: Words) -> Iterator[Chart]:
    say = words.say
    if not card.roc:
        return
    more = [_straight(say("chance"), (0, 0), (1, 1))]
    if decided := two_by_two(manifest, card):
        found, others, _ = decided
        more.append({"label": say("as it decides"), "points": [(others, found)], "dots": True})
    yield Chart(
        say("ROC curve"),
        say("What is found of a label, against what else is taken for it, over all thresholds."),
        *_curves(card.roc, more, (say("others taken for it"), say("found")), words),
    )


def _precision_recall(card: Card, reference: Reference, words: Words) -> Iterator[Chart]:
    say, more = words.say, []
    if not card.precision_recall:
        return
    if len(card.precision_recall) == 1 and reference.labels:
        (label,) = card.precision_recall
        share = reference.labels.get(label, 0) / sum(reference.labels.values())
        more = [_straight(say("chance"), (0, share), (1, share))]
    axes = say("recall: found of all there are"), say("precision: right of those said")
    yield Chart(
        say("Precision and recall"),
        say("How many are right of those said to be a label, the more of it is found."),
        *_curves(card.precision_recall, more, axes, words),
    )


def _curves(
    curves: dict[str, tuple[Point, ...]],
    more: list[dict[str, Any]],
    axes: tuple[str, str],
    words: Words,
) -> tuple[dict[str, Any], Sequence[str], Sequence[Sequence[str]]]:
    """Shares over shares, a curve for each label: its drawing and its table."""
    series = [{"label": label, "points": points} for label, points in curves.items()]
    rows = [
        (label, words.number(x, 3), words.number(y, 3))
        for label, points in curves.items()
        for x, y in points[:: max(1, len(points) // LINES)]
    ]
    return _shares(axes, [*series, *more]), (words.say("label"), *axes), rows


def _shares(axes: tuple[str, str], series: list[dict[str, Any]]) -> dict[str, Any]:
    x, y = ({"title": title, "min": 0, "max": 1} for title in axes)
    return {"kind": "line", "x": x, "y": y, "series": series}


def _straight(label: str, start: Point, end: Point) -> dict[str, Any]:
    """What to hold a curve against."""
    return {"label": label, "points": [start, end], "dashed": True, "quiet": True}


def _reliability(
    manifest: Manifest, card: Card, reference: Reference, words: Words
) -> Iterator[Chart]:
    say, number = words.say, words.number
    found = card.calibration
    kept = tuple((one.predicted, one.observed, one.rows) for one in reference.reliability)
    bins = found.curve if found else kept
    if not bins:
        return
    label = next(iter(reference.probabilities), manifest.classes[-1])
    label = label if len(manifest.classes) == 2 else say("the most probable label")  # noqa: PLR2004
    axes = say("probability that was told"), say("share that came true")
    curves = {label: bins}
    if found and found.curve_before:
        curves[say("without calibration")] = found.curve_before
    series: list[dict[str, Any]] = [
        {"label": name, "points": [(x, y) for x, y, _ in shares], "dots": name == label}
        for name, shares in curves.items()
    ]
    caption = say(
        "Of rows with like probabilities of {label}, how many were. On the line it is right.",
        label=label,
    )
    yield Chart(
        say("Calibration"),
        f"{caption} {_calibration_error(found, words)}".strip(),
        _shares(axes, [*series, _straight(say("right"), (0, 0), (1, 1))]),
        (*axes, say("rows")),
        [(number(x, 3), number(y, 3), number(rows)) for x, y, rows in bins],
    )


def _calibration_error(found: Calibration | None, words: Words) -> str:
    if not found:
        return ""
    error, chance = words.number(found.error, 2), words.number(found.by_chance, 2)
    said = words.say(
        "Expected calibration error {error}; right probabilities would have {chance} by chance.",
        error=error,
        chance=chance,
    )
    if found.error_before is None:
        return said
    before, say = words.number(found.error_before, 2), words.say
    methods = {
        "sigmoid": say("sigmoid"),
        "isotonic": say("isotonic"),
        "temperature": say("temperature"),
    }
    return (
        said
        + " "
        + words.say(
            "It is calibrated ({method}); without that it would be {before}.",
            method=methods.get(found.method, found.method),
            before=before,
        )
    )


def _bins(manifest: Manifest, card: Card, words: Words) -> Iterator[Chart]:
    say, number = words.say, words.number
    if not card.bins:
        return
    unit = f" ({manifest.unit})" if manifest.unit else ""
    ends = card.bins[0].predicted, card.bins[-1].predicted
    yield Chart(
        say("Predicted and true"),
        say("Rows in equal parts by what was predicted. Thin lines: 80 % of true values."),
        {
            "kind": "line",
            "x": {"title": say("predicted") + unit},
            "y": {"title": say("true") + unit},
            "series": [
                {
                    "label": say("mean of true values"),
                    "points": [(one.predicted, one.true) for one in card.bins],
                    "low": [one.low for one in card.bins],
                    "high": [one.high for one in card.bins],
                    "dots": True,
                },
                _straight(say("as predicted"), (ends[0], ends[0]), (ends[1], ends[1])),
            ],
        },
        (say("predicted"), say("mean of true values"), say("80 % between"), say("rows")),
        [
            (
                number(one.predicted),
                number(one.true),
                words.between(number(one.low), number(one.high)),
                number(one.rows),
            )
            for one in card.bins
        ],
    )


def _residuals(manifest: Manifest, card: Card, words: Words) -> Iterator[Chart]:
    say, number = words.say, words.number
    if not card.residuals:
        return
    edges, counts = card.residuals.edges, card.residuals.counts
    steps = list(pairwise(edges))
    points = [((low + high) / 2, count) for (low, high), count in zip(steps, counts, strict=True)]
    unit = f" ({manifest.unit})" if manifest.unit else ""
    yield Chart(
        say("How far off it was"),
        say(
            "True less predicted, on held-out rows; the farthest hundredth is counted at the ends."
        ),
        {
            "kind": "bar",
            "x": {"title": say("true less predicted") + unit},
            "y": {"title": say("rows")},
            "series": [{"label": say("rows"), "points": points}],
        },
        (say("true less predicted") + unit, say("rows")),
        [
            (words.between(number(low, 3), number(high, 3)), number(count))
            for (low, high), count in zip(steps, counts, strict=True)
        ],
    )


def two_by_two(manifest: Manifest, card: Card) -> tuple[float, float, float] | None:
    """Of two labels: the shares found of the one looked for, of others taken for it, and right."""
    if len(card.confusion) != len(("it", "other")) or len(card.roc) != 1:
        return None
    (label,) = card.roc
    it = manifest.classes.index(label)
    found, missed = card.confusion[it][it], card.confusion[it][1 - it]
    taken, rest = card.confusion[1 - it][it], card.confusion[1 - it][1 - it]
    return found / (found + missed), taken / (taken + rest), found / max(1, found + taken)
