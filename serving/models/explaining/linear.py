"""Exact contributions of the fields to a linear model, from `linear.json`.

A feature contributes its coefficient times its value less the mean in the training data: the
Shapley value if features are independent. Features of the same field are added up.
`train/onnx/linear.py` writes the file.
"""

import msgspec
import numpy as np

from serving.errors import ArtefactError
from serving.inputs.schema import Matrix
from serving.models.backends import feature_columns, to_features
from serving.models.explaining.contributions import Contributions, Explain, Unit
from serving.models.explaining.steps import STEPS, Column, apply_step
from serving.models.manifest import Manifest


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is done with a value: one of the kinds of forest_tables.py."""

    kind: int
    a: float = 0.0
    b: float = 0.0
    numbers: tuple[float, ...] = ()


class Feature(msgspec.Struct, frozen=True):
    """A feature of the linear model.

    Attributes
    ----------
    column : int
        In what `to_features` returns.
    steps : tuple of Step
        What turns the column into the feature.
    mean : float
        Of the feature in the training data.
    coefficients : tuple of float
        For each output.
    """

    column: int
    steps: tuple[Step, ...]
    mean: float
    coefficients: tuple[float, ...]


class Linear(msgspec.Struct, frozen=True):
    """A linear model: what its features are added to, and what they are made of.

    Attributes
    ----------
    unit : {"log-odds", "number"}
        Of the sums.
    """

    unit: Unit
    intercepts: tuple[float, ...]
    features: tuple[Feature, ...]


def from_linear(content: bytes, manifest: Manifest) -> Explain:
    """Load the table of a linear model.

    Raises
    ------
    ArtefactError
        If it is malformed.
    """
    try:
        return _explainer(msgspec.json.decode(content, type=Linear), manifest)
    except ValueError as error:
        raise ArtefactError(f"cannot be loaded: {error}") from error


def _explainer(model: Linear, manifest: Manifest) -> Explain:
    """Make the function that explains rows; raises ValueError if the model is another one's."""
    outputs = len(manifest.classes) or 1
    features, fields = model.features, feature_columns(manifest.fields)
    owners = {column: field for field, columns in enumerate(fields) for column in columns}
    means = np.array([each.mean for each in features])
    coefficients = np.array([each.coefficients for each in features]).reshape(len(features), -1)
    if coefficients.shape[1] != outputs or len(model.intercepts) != outputs:
        raise ValueError(f"it is not of {outputs} outputs")
    if not all(each.column in owners for each in features):
        raise ValueError("a feature's column is missing")
    if not all(step.kind in STEPS for each in features for step in each.steps):
        raise ValueError("a step is of no known kind")
    belongs = np.zeros((len(features), len(fields)))
    belongs[np.arange(len(features)), [owners[each.column] for each in features]] = 1
    base = np.array(model.intercepts) + means @ coefficients
    by_field = belongs[:, :, None] * coefficients[:, None, :]

    def explain(rows: Matrix) -> Contributions:
        given = to_features(manifest.fields, rows)
        made = [transformed(each, given[:, each.column]) for each in features]
        deviations = np.array(made).T - means
        values = np.einsum("rf,fko->rko", deviations, by_field)
        return Contributions(base, values, None, "linear", model.unit)

    return explain


def transformed(feature: Feature, column: Column) -> Column:
    """Return the values of a feature, made of those of its column."""
    for step in feature.steps:
        column = apply_step(step.kind, column, step.a, step.b, np.array(step.numbers))
    return column
