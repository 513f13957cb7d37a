"""A fitted model of trees as the table that `serving/models/forest_tables.py` describes.

Forests, extra trees, boosting and single trees, behind the steps of forest_columns.py. What has no
table is no fault: ONNX or the pickle serves then.
"""

import io
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from serving.models.backends import feature_columns
from serving.models.forest_tables import LOGISTIC
from serving.models.manifest import Manifest
from train.onnx.forest_columns import Column, columns_after
from train.onnx.forest_tables import Summand, tables_of
from train.onnx.trees import BOOSTED, BOOSTED_FROM_HISTOGRAMS, FORESTS, trees_of

# What makes a sum of boosted trees the answer, by scikit-learn's name for it.
LINKS = {
    "IdentityLink": [],
    "LogLink": ["exp"],
    "LogitLink": [LOGISTIC],
    "MultinomialLogit": ["softmax"],
}
INVERSES = {np.exp: "exp", np.expm1: "expm1"}


class Sums(NamedTuple):
    """What a model's trees add up to: what each sum starts with, and what is done with them."""

    summands: list[Summand]
    start: list[float]
    divisor: float
    links: list[str]


def to_forest(estimator: Any, manifest: Manifest) -> bytes | None:
    """The table of a fitted estimator or Pipeline; None if there is none."""
    model, links = estimator, list[str]()
    try:
        columns = input_columns(manifest)
        while isinstance(model, Pipeline | TransformedTargetRegressor):
            if isinstance(model, TransformedTargetRegressor):
                links = [INVERSES[model.inverse_func], *links]
                model = model.regressor_
            else:
                for _, step in model.steps[:-1]:
                    columns = columns_after(step, columns)
                model = model.steps[-1][1]
        sums = _sums(model)
        in_double = isinstance(model, BOOSTED_FROM_HISTOGRAMS)
        tables = tables_of(sums.summands, columns, in_double=in_double)
    except (NotImplementedError, KeyError):
        return None
    content = io.BytesIO()
    np.savez_compressed(
        content,
        allow_pickle=False,
        **tables,
        start=np.array(sums.start, "<f8"),
        divisor=np.float64(sums.divisor),
        links=np.array([*sums.links, *links], "<U8"),
    )
    return content.getvalue()


def input_columns(manifest: Manifest) -> list[Column]:
    """The features that the estimator is given.

    Raises
    ------
    NotImplementedError
        If no table can have them.
    """
    kinds = {field.type for field in manifest.fields}
    is_frame = manifest.takes == "frame"
    if manifest.outputs != "probabilities" or "text" in kinds:  # which no matrix of numbers holds
        raise NotImplementedError("labels, or texts")
    if is_frame and ("date" in kinds or manifest.columns):
        raise NotImplementedError("a frame of dates, or of pandas' categories")
    count = sum(map(len, feature_columns(manifest.fields)))
    columns = [Column(place) for place in range(count)]
    for place, field in enumerate(manifest.fields):
        if is_frame and field.type == "category":
            columns[place] = Column(place, field.categories)
    return columns


def _sums(model: Any) -> Sums:
    trees = trees_of(model)
    if isinstance(model, FORESTS):
        # Classes share their trees, so each is walked once; both of two classes are added up.
        values = [one.tree_.value[:, 0, :] for one in getattr(model, "estimators_", [model])]
        pairs = zip(trees, values, strict=False)
        summands = [Summand(0, tree, added) for (_, tree), added in pairs]
        return Sums(summands, [0.0] * values[0].shape[1], len(values), [])
    if isinstance(model, BOOSTED) and model.init in {None, "zero"}:
        start = model._raw_predict_init(np.zeros((1, model.n_features_in_)))
    elif isinstance(model, BOOSTED_FROM_HISTOGRAMS):
        start = model._baseline_prediction
    else:
        raise NotImplementedError(f"a table of {type(model).__name__}")
    sums = np.ravel(start).astype(np.float64).tolist()
    of_two = is_classifier(model) and len(sums) == 1  # then the second is summed up
    summands = [Summand(of_two + at, tree, tree.leaf[:, None]) for at, tree in trees]
    return Sums(summands, [0.0] * of_two + sums, 1.0, LINKS[type(model._loss.link).__name__])
