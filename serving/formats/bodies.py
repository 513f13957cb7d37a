"""Predictions as JSON: the bodies of responses, and items of arrays and streams."""

from collections.abc import Callable, Sequence
from functools import cache

import msgspec
from msgspec import UNSET

from serving.inputs.schema import Remark
from serving.models.explaining.explanation import Explanation
from serving.models.predicted import Predicted


class Interval(msgspec.Struct, gc=False):
    """The interval that contains the actual value, with a probability of `coverage`."""

    low: float
    high: float
    coverage: float


class Prediction(msgspec.Struct, gc=False):
    """One prediction; model and version are beside it if it is in an array.

    A prediction that is not recorded has no id.
    """

    id: str | msgspec.UnsetType
    prediction: str | float
    probabilities: msgspec.Struct | dict[str, float] | msgspec.UnsetType
    interval: Interval | msgspec.UnsetType
    model: str | msgspec.UnsetType
    version: int | msgspec.UnsetType
    warnings: Sequence[Remark]
    explanation: Explanation | msgspec.UnsetType = UNSET


class Predictions(msgspec.Struct, gc=False):
    """Many predictions, in the order of the records."""

    predictions: list[Prediction]
    model: str
    version: int


def to_body(predicted: Predicted) -> Prediction | Predictions:
    """Make the body of a response: one prediction, or many if an array was sent."""
    manifest, many = predicted.engine.manifest, predicted.rows.many
    predictions = to_bodies(predicted, named=not many)
    return Predictions(predictions, manifest.name, manifest.version) if many else predictions[0]


def to_bodies(predicted: Predicted, *, named: bool) -> list[Prediction]:
    """Make a prediction for each row; `named` adds model and version to each."""
    manifest, (matrix, remarks, _) = predicted.engine.manifest, predicted.rows
    values, probabilities, intervals = predicted.predictions
    labelled = _by_class(manifest.classes)
    coverage = manifest.interval.coverage if manifest.interval else 0.0
    model, version = (manifest.name, manifest.version) if named else (UNSET, UNSET)
    made = [
        Prediction(
            predicted.ids[row] if predicted.ids else UNSET,
            values[row],
            labelled(*probabilities[row]) if probabilities else UNSET,
            Interval(*intervals[row], coverage) if intervals else UNSET,
            model,
            version,
            remarks.get(row, ()),
        )
        for row in range(len(matrix))
    ]
    if predicted.explanations:
        for prediction, explanation in zip(made, predicted.explanations, strict=True):
            prediction.explanation = explanation
    return made


@cache
def _by_class(classes: tuple[str, ...]) -> Callable[..., msgspec.Struct | dict[str, float]]:
    """Make the function that names one number for each class by its class."""
    attributes = [f"class_{code}" for code in range(len(classes))]
    try:
        return msgspec.defstruct(
            "Probabilities",
            [(attribute, float) for attribute in attributes],
            rename=dict(zip(attributes, classes, strict=True)),
            gc=False,
        )
    except ValueError:  # a struct is faster, but does not accept every name
        return lambda *chances: dict(zip(classes, chances, strict=True))
