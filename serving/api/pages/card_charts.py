"""The charts of a model's card: how the model did on held-out rows."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from serving.api.pages.card_effects import mean_contributions
from serving.api.pages.charts import Axis, Chart, Drawing, Point, Series, square, straight
from serving.api.pages.words import Words
from serving.models.card import Calibration, Card
from serving.models.manifest import Manifest
from serving.models.metrics import metric
from serving.models.reference import Reference

BINARY = 2  # labels
TABLE_ROWS = 11  # of the table below a curve
MAX_FIELDS = 20


class Rates(NamedTuple):
    """Shares of rows at the decision threshold, for the positive one of two labels."""

    true_positive: float
    false_positive: float
    precision: float


def rates(manifest: Manifest, card: Card) -> Rates | None:
    """The rates by the confusion matrix; None unless one of two labels is the positive one."""
    if len(card.confusion) != BINARY or len(card.roc) != 1:
        return None
    (label,) = card.roc
    at = manifest.classes.index(label)
    found, missed = card.confusion[at][at], card.confusion[at][1 - at]
    false, rest = card.confusion[1 - at][at], card.confusion[1 - at][1 - at]
    return Rates(found / (found + missed), false / (false + rest), found / max(1, found + false))


def charts(manifest: Manifest, card: Card, reference: Reference, words: Words) -> list[Chart]:
    """Every chart that the card has figures for."""
    return [
        *_importance(card, words),
        *mean_contributions(manifest, card, words),
        *_roc(manifest, card, words),
        *_precision_recall(card, reference, words),
        *_calibration(manifest, card, reference, words),
        *_predicted(manifest, card, words),
        *_residuals(manifest, card, words),
    ]


def _importance(card: Card, words: Words) -> Iterator[Chart]:
    if not card.importance:
        return
    t, number, title = words.t, words.number, words.metric(card.metric)
    name = t("decrease in {metric}", metric=title)
    if metric(card.metric).better == "lower":
        name = t("increase in {metric}", metric=title)
    shown = card.importance[:MAX_FIELDS]
    bars: Series = {
        "label": name,
        "points": [one.mean for one in shown],
        "low": [one.mean - one.spread for one in shown],
        "high": [one.mean + one.spread for one in shown],
    }
    x: Axis = {"labels": [one.field for one in shown]}
    yield Chart(
        t("Feature importance (permutation)"),
        t(
            "How much worse {metric} gets on held-out rows when the values of a field are "
            "shuffled. Thin lines: ± spread.",
            metric=title,
        ),
        {"kind": "bar", "x": x, "y": {"title": name}, "series": [bars]},
        (t("field"), name, t("spread")),
        [(one.field, number(one.mean, 3), number(one.spread, 2)) for one in shown],
    )


def _roc(manifest: Manifest, card: Card, words: Words) -> Iterator[Chart]:
    if not card.roc:
        return
    t = words.t
    more = [straight(t("chance"), (0, 0), (1, 1))]
    if at := rates(manifest, card):
        point = [(at.false_positive, at.true_positive)]
        more.append({"label": t("decision threshold"), "points": point, "style": "dots"})
    caption = t(
        "Share of a label's rows that is found, against the share of other rows taken for it."
    )
    axes = t("false positive rate"), t("true positive rate")
    yield Chart(t("ROC curve"), caption, *_curves(card.roc, more, axes, words))


def _precision_recall(card: Card, reference: Reference, words: Words) -> Iterator[Chart]:
    if not card.precision_recall:
        return
    t, more = words.t, []
    if len(card.precision_recall) == 1 and reference.labels:
        (label,) = card.precision_recall
        share = reference.labels.get(label, 0) / sum(reference.labels.values())
        more = [straight(t("chance"), (0, share), (1, share))]
    caption = t(
        "Share of a label's predictions that is right, against the share of its rows found."
    )
    axes = t("recall"), t("precision")
    curves = _curves(card.precision_recall, more, axes, words)
    yield Chart(t("Precision-recall curve"), caption, *curves)


def _curves(
    curves: dict[str, tuple[Point, ...]],
    more: Sequence[Series],
    axes: tuple[str, str],
    words: Words,
) -> tuple[Drawing, Sequence[str], Sequence[Sequence[str]]]:
    """A curve for each label: the drawing, and the head and the rows of its table."""
    series: list[Series] = [{"label": label, "points": points} for label, points in curves.items()]
    rows = [
        (label, words.number(x, 3), words.number(y, 3))
        for label, points in curves.items()
        for x, y in points[:: max(1, len(points) // TABLE_ROWS)]
    ]
    return square(axes, [*series, *more]), (words.t("label"), *axes), rows


def _calibration(
    manifest: Manifest, card: Card, reference: Reference, words: Words
) -> Iterator[Chart]:
    t, number, measured = words.t, words.number, card.calibration
    kept = tuple((one.predicted, one.observed, one.rows) for one in reference.reliability)
    bins = measured.curve if measured else kept
    if not bins:
        return
    label = t("the most probable label")
    if len(manifest.classes) == BINARY:
        label = next(iter(reference.probabilities), manifest.classes[-1])
    points = [(x, y) for x, y, _ in bins]
    series: list[Series] = [{"label": label, "points": points, "style": "dots"}]
    if measured and measured.curve_before:
        before = [(x, y) for x, y, _ in measured.curve_before]
        series.append({"label": t("without calibration"), "points": before})
    series.append(straight(t("perfect calibration"), (0, 0), (1, 1)))
    caption = t("How often {label} was true, by its predicted probability.", label=label)
    axes = t("predicted probability"), t("observed frequency")
    yield Chart(
        t("Calibration"),
        " ".join([caption, *_calibration_error(measured, words)]),
        square(axes, series),
        (*axes, t("rows")),
        [(number(x, 3), number(y, 3), number(rows)) for x, y, rows in bins],
    )


def _calibration_error(measured: Calibration | None, words: Words) -> Iterator[str]:
    if not measured:
        return
    t, number = words.t, words.number
    error, chance = number(measured.error, 2), number(measured.by_chance, 2)
    yield t(
        "Expected calibration error: {error}; {chance} by chance if calibration were perfect.",
        error=error,
        chance=chance,
    )
    if measured.error_before is not None:
        methods = {
            "sigmoid": t("sigmoid"),
            "isotonic": t("isotonic"),
            "temperature": t("temperature"),
        }
        yield t(
            "Calibrated ({method}); without that the error would be {before}.",
            method=methods.get(measured.method, measured.method),
            before=number(measured.error_before, 2),
        )


def _predicted(manifest: Manifest, card: Card, words: Words) -> Iterator[Chart]:
    if not card.bins:
        return
    t, number, bins = words.t, words.number, card.bins
    first, last = bins[0].predicted, bins[-1].predicted
    means: Series = {
        "label": t("mean actual value"),
        "points": [(one.predicted, one.true) for one in bins],
        "low": [one.low for one in bins],
        "high": [one.high for one in bins],
        "style": "dots",
    }
    x, y = (Axis(title=_measured(title, manifest)) for title in (t("predicted"), t("actual")))
    perfect = straight(t("perfect prediction"), (first, first), (last, last))
    yield Chart(
        t("Actual against predicted"),
        t("Held-out rows in equal groups by their prediction. Band: 80 % of the actual values."),
        {"kind": "line", "x": x, "y": y, "series": [means, perfect]},
        (t("predicted"), t("mean actual value"), t("80 % interval"), t("rows")),
        [
            (
                number(one.predicted),
                number(one.true),
                words.between(number(one.low), number(one.high)),
                number(one.rows),
            )
            for one in bins
        ],
    )


def _residuals(manifest: Manifest, card: Card, words: Words) -> Iterator[Chart]:
    if not card.residuals:
        return
    t, number, counts = words.t, words.number, card.residuals.counts
    bins = list(pairwise(card.residuals.edges))
    middles = [(low + high) / 2 for low, high in bins]
    title = _measured(t("actual − predicted"), manifest)  # noqa: RUF001 - a minus
    bars: Series = {"label": t("rows"), "points": [*zip(middles, counts, strict=True)]}
    yield Chart(
        t("Residuals (actual − predicted)"),  # noqa: RUF001 - a minus
        t("Of held-out rows. The most extreme 1 % are counted in the first and the last bin."),
        {"kind": "histogram", "x": {"title": title}, "y": {"title": t("rows")}, "series": [bars]},
        (title, t("rows")),
        [
            (words.between(number(low, 3), number(high, 3)), number(count))
            for (low, high), count in zip(bins, counts, strict=True)
        ],
    )


def _measured(title: str, manifest: Manifest) -> str:
    """A title with the unit of the target."""
    return f"{title} ({manifest.unit})" if manifest.unit else title
