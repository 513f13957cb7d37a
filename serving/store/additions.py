"""Entries of the journal as rows of the tables."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from msgspec import Raw

from serving.entry import Entry, Learnt, Predicted, Shadowed
from serving.store.layouts import Layout
from serving.store.rows import Feedback, Prediction, json


class Additions(NamedTuple):
    """Rows to add: of predictions in the order of their columns, others by column.

    Attributes
    ----------
    layouts : dict of Layout to int
        Those of the predictions, with their numbers.
    """

    layouts: dict[Layout, int]
    predictions: list[tuple[Any, ...]]
    feedback: list[dict[str, Any]]
    shadows: list[dict[str, Any]]


def additions(entries: Iterable[Entry]) -> Additions:
    """All that some entries add to the tables."""
    found = Additions({}, [], [], [])
    for entry in entries:
        if isinstance(entry, Predicted):
            layout = _layout(entry)
            number = found.layouts.get(layout)
            if number is None:
                number = found.layouts[layout] = layout.number
            found.predictions.extend(_predictions(entry, number))
        elif isinstance(entry, Learnt):
            found.feedback.extend(_feedback(entry))
        else:
            found.shadows.extend(_shadows(entry))
    return found


def sought(
    entries: Iterable[Entry], prediction_id: str
) -> tuple[Prediction | None, list[Feedback]]:
    """One prediction and its feedback, out of entries that are not in the tables yet."""
    found, said = None, []
    for entry in entries:
        if isinstance(entry, Predicted):
            layout = _layout(entry)
            for row in _predictions(entry, layout.number):
                found = Prediction.of(row[:-1], None, layout) if row[0] == prediction_id else found
        elif isinstance(entry, Learnt):
            said += [
                Feedback(prediction_id, Raw(row["actual"]), row["time"], row["request_id"])
                for row in _feedback(entry)
                if row["id"] == prediction_id
            ]
    return found, said


def _layout(entry: Predicted[Any]) -> Layout:
    """What the values of an entry stand for."""
    return Layout(json(entry.fields), json(entry.classes))


def _predictions(entry: Predicted[Any], layout: int) -> Iterator[tuple[Any, ...]]:
    """Rows of `predictions`, in the order of its columns."""
    answers = zip(entry.ids, entry.records, entry.predictions, strict=True)
    for position, (prediction_id, record, prediction) in enumerate(answers):
        probabilities = interval = warnings = None
        if entry.probabilities:
            probabilities = json(entry.probabilities[position])
        if entry.intervals:
            low, high = entry.intervals[position]
            interval = json({"low": low, "high": high})
        if position in entry.warnings:
            warnings = json(entry.warnings[position])
        yield (
            prediction_id,
            entry.time,
            entry.model,
            entry.version,
            entry.request_id,
            entry.duration,
            json(record),
            json(prediction),
            probabilities,
            interval,
            warnings,
            layout,
        )


def _feedback(entry: Learnt) -> Iterator[dict[str, Any]]:
    """Rows of `feedback` by column, but for what only the database knows."""
    for prediction_id, actual in zip(entry.ids, entry.actuals, strict=True):
        yield {
            "id": prediction_id,
            "actual": json(actual),
            "time": entry.time,
            "request_id": entry.request_id,
        }


def _shadows(entry: Shadowed) -> Iterator[dict[str, Any]]:
    """Rows of `shadows` by column."""
    for position, (prediction_id, prediction) in enumerate(
        zip(entry.ids, entry.predictions, strict=True)
    ):
        chances = entry.probabilities[position] if entry.probabilities else None
        yield {
            "id": prediction_id,
            "model": entry.model,
            "version": entry.version,
            "time": entry.time,
            "prediction": json(prediction),
            "probabilities": chances and json(dict(zip(entry.classes, chances, strict=True))),
        }
