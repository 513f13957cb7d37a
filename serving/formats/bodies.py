"""Predictions as they are sent, whatever asked for them."""

from collections.abc import Callable, Sequence
from functools import cache

import msgspec
from msgspec import UNSET

from serving.inputs.schema import Remark
from serving.models.predicted import Predicted


class Interval(msgspec.Struct, gc=False):
    """Between which numbers the true one lies, and in which share of cases."""

    low: float
    high: float
    coverage: float


class Prediction(msgspec.Struct, gc=False):
    """One prediction as it is sent; in an array, model and version stand once beside it.

    One that is not recorded has no id.
    """

    id: str | msgspec.UnsetType
    prediction: str | float
    probabilities: msgspec.Struct | dict[str, float] | msgspec.UnsetType
    interval: Interval | msgspec.UnsetType
    model: str | msgspec.UnsetType
    version: int | msgspec.UnsetType
    warnings: Sequence[Remark]


class Predictions(msgspec.Struct, gc=False):
    """Many predictions as they are sent, in the order of the records."""

    predictions: list[Prediction]
    model: str
    version: int


def to_body(answer: Predicted) -> Prediction | Predictions:
    """What is sent for an answer: one prediction, or many where an array was sent."""
    manifest, many = answer.engine.manifest, answer.rows.many
    predictions = to_bodies(answer, named=not many)
    return Predictions(predictions, manifest.name, manifest.version) if many else predictions[0]


def to_bodies(answer: Predicted, *, named: bool) -> list[Prediction]:
    """What is sent for each row; `named` says the model and version with each."""
    manifest, (matrix, remarks, _) = answer.engine.manifest, answer.rows
    values, probabilities, intervals = answer.predictions
    labelled = _by_class(manifest.classes)
    coverage = manifest.interval.coverage if manifest.interval else 0.0
    model, version = (manifest.name, manifest.version) if named else (UNSET, UNSET)
    return [
        Prediction(
            answer.ids[row] if answer.ids else UNSET,
            values[row],
            labelled(*probabilities[row]) if probabilities else UNSET,
            Interval(*intervals[row], coverage) if intervals else UNSET,
            model,
            version,
            remarks.get(row, ()),
        )
        for row in range(len(matrix))
    ]


@cache
def _by_class(classes: tuple[str, ...]) -> Callable[..., msgspec.Struct | dict[str, float]]:
    """What is made of one number for each class, sent under the class's own name."""
    attributes = [f"class_{code}" for code in range(len(classes))]
    try:
        return msgspec.defstruct(
            "Probabilities",
            [(attribute, float) for attribute in attributes],
            rename=dict(zip(attributes, classes, strict=True)),
            gc=False,
        )
    except ValueError:  # a struct is faster, and cannot be sent under every name
        return lambda *chances: dict(zip(classes, chances, strict=True))
