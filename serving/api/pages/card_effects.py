"""The charts of a model's card about its fields: mean contributions, and partial dependence."""

from collections.abc import Iterator, Sequence

from serving.api.pages.charts import Axis, Chart, Drawing, Series
from serving.api.pages.words import Words
from serving.inputs.field import Field
from serving.models.card import Card, Dependence
from serving.models.manifest import Manifest

MAX_FIELDS = 20


def mean_contributions(manifest: Manifest, card: Card, words: Words) -> Iterator[Chart]:
    """The mean size of each field's contributions, a bar for each."""
    if not card.contributions:
        return
    t, shown = words.t, card.contributions[:MAX_FIELDS]
    name = t("mean |contribution|, in {unit}", unit=_unit(card.contribution_unit, manifest, words))
    bars: Series = {"label": name, "points": [one.mean for one in shown]}
    x: Axis = {"labels": [one.field for one in shown]}
    yield Chart(
        t("Feature importance (mean contribution)"),
        t(
            "How much a field moves a prediction up or down on average, by the explanations of "
            "training rows. Unlike permutation, this asks what the model uses, not what it needs."
        ),
        {"kind": "bar", "x": x, "y": {"title": name}, "series": [bars]},
        (t("field"), name),
        [(one.field, words.number(one.mean, 3)) for one in shown],
    )


def dependence(manifest: Manifest, card: Card, words: Words) -> list[Chart]:
    """How the predictions depend on each of the fields that contribute most."""
    fields = {field.name: field for field in manifest.fields}
    return [_dependence(fields[each.field], each, manifest, words) for each in card.dependence]


def _dependence(field: Field, found: Dependence, manifest: Manifest, words: Words) -> Chart:
    t, number = words.t, words.number
    title = f"{field.name} ({field.unit})" if field.unit else field.name
    shown = [_value(field, value, words) for value in found.values]
    names = {label: _output(label, manifest, words) for label in found.means}
    written = words.share if manifest.classes else number
    rows = [
        (value, *(written(each[at]) for each in found.means.values()), number(found.rows[at], 9))
        for at, value in enumerate(shown)
    ]
    name = next(iter(names.values())) if len(names) == 1 else ""
    y: Axis = {"title": name, "share": bool(manifest.classes)}
    return Chart(
        title,
        t("Mean prediction, by the value of {field}.", field=field.name),
        _drawing(field, found, names, shown, words) | {"y": y},
        (title, *names.values(), t("rows in training")),
        rows,
    )


def _drawing(
    field: Field, found: Dependence, names: dict[str, str], shown: Sequence[str], words: Words
) -> Drawing:
    """A line over the density of the data for numbers and dates, else a bar for each value."""
    if field.type in {"category", "boolean"}:
        counted = [
            f"{value}: {words.number(n, 9)}" for value, n in zip(shown, found.rows, strict=True)
        ]
        series: list[Series] = [
            {"label": names[label], "points": means} for label, means in found.means.items()
        ]
        return {"kind": "bar", "x": {"labels": counted}, "y": {}, "series": series}
    x: Axis = {"title": field.name}
    placed = [*found.values]
    if field.type == "date":
        x, placed = {"labels": shown, "ticks": shown}, []

    def points(values: Sequence[float]) -> Sequence[float | tuple[float | str, float]]:
        return [*zip(placed, values, strict=True)] if placed else values

    lines: list[Series] = [
        {"label": names[label], "points": points(means)} for label, means in found.means.items()
    ]
    density: Series = {
        "label": words.t("rows in training"),
        "points": points(found.rows),
        "style": "density",
    }
    return {"kind": "line", "x": x, "y": {}, "series": [*lines, density]}


def _output(label: str, manifest: Manifest, words: Words) -> str:
    """The name of what is predicted."""
    if manifest.classes:
        return f"P({label})"
    name = words.t("mean prediction")
    return f"{name} ({manifest.unit})" if manifest.unit else name


def _value(field: Field, value: float | str, words: Words) -> str:
    if isinstance(value, str):
        return value
    if field.type == "boolean":
        return words.t("yes") if value else words.t("no")
    return words.date(value) if field.type == "date" else words.number(value, 6)


def _unit(unit: str, manifest: Manifest, words: Words) -> str:
    """The unit of contributions, in words."""
    t = words.t
    return {
        "probability": t("probability"),
        "log-odds": t("log-odds (logarithms of odds)"),
        "number": manifest.unit or t("units of the target"),
        "logarithm": t("logarithms of the prediction"),
        "logarithm of number + 1": t("logarithms of the prediction + 1"),
    }[unit]
