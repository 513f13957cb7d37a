"""The coefficients of a fitted linear model, as `serving/models/explaining/linear.py` reads them.

The model may be behind the steps of forest_columns.py. What has no such table is no fault: its
predictions are explained by sampling.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from serving.errors import ArtefactError
from serving.inputs.schema import Matrix
from serving.models.backends import from_estimator, to_features
from serving.models.explaining.contributions import adds_up
from serving.models.explaining.linear import Feature, Linear, Step, from_linear, transformed
from serving.models.forest_tables import EQUALS
from serving.models.manifest import Manifest
from train.onnx.forest import input_columns
from train.onnx.forest_columns import Column, codes_of, columns_after, has_rare
from train.onnx.forest_columns import Step as WrittenStep
from train.onnx.proof import as_served


def to_linear(estimator: Any, manifest: Manifest, rows: Matrix) -> bytes | None:
    """The table of a fitted estimator or Pipeline; None if it is not linear.

    Whatever has coefficients may be; it is linear if they add up to its outputs.

    Parameters
    ----------
    rows : ndarray of float, shape (rows, fields)
        Those of the training data, or some like them, which the estimator accepts.
    """
    model = as_served(estimator, manifest)
    try:
        columns = input_columns(manifest)
        while isinstance(model, Pipeline):
            for _, step in model.steps[:-1]:
                columns = columns_after(step, columns, OTHERS)
            model = model.steps[-1][1]
        content = msgspec.json.encode(_table(model, columns, manifest, rows))
        explained = from_linear(content, manifest)(rows)
    except (NotImplementedError, AttributeError, ValueError, ArtefactError):
        return None
    outputs = from_estimator(estimator, manifest)(rows)
    return content if adds_up(explained, outputs).all() else None


def _table(model: Any, columns: Sequence[Column], manifest: Manifest, rows: Matrix) -> Linear:
    """The table of a model with coefficients.

    Raises
    ------
    AttributeError
        If it has none.
    ValueError
        If they do not belong to the columns.
    """
    coefficients, intercepts = np.atleast_2d(model.coef_), np.ravel(model.intercept_)
    if len(manifest.classes) == 2 and len(coefficients) == 1:  # noqa: PLR2004 - those of the second
        coefficients = np.concatenate([-coefficients, coefficients])
        intercepts = np.concatenate([-intercepts, intercepts])
    given = to_features(manifest.fields, rows)
    features = []
    for column, own in zip(columns, coefficients.T.tolist(), strict=True):
        steps = tuple(
            Step(each.kind, each.a, each.b, tuple(each.numbers.tolist())) for each in column.steps
        )
        feature = Feature(column.field, steps, 0.0, tuple(own))
        mean = float(transformed(feature, given[:, column.field]).mean())
        features.append(msgspec.structs.replace(feature, mean=mean))
    unit: Any = "log-odds" if manifest.classes else "number"
    return Linear(unit, tuple(intercepts.tolist()), tuple(features))


def _one_hot(step: OneHotEncoder, columns: Sequence[Column]) -> list[Column]:
    """As for a forest, but also where labels are dropped or others refused, as the model will."""
    if has_rare(step):
        raise NotImplementedError("one-hot encoding that joins labels")
    dropped = [None] * len(columns) if step.drop_idx_ is None else step.drop_idx_
    return [
        column.then(WrittenStep(EQUALS, code))
        for column, labels, left_out in zip(columns, step.categories_, dropped, strict=True)
        for place, code in enumerate(codes_of(column, labels))
        if place != left_out
    ]


OTHERS = {OneHotEncoder: _one_hot}
