"""The labels that the encoders within a fitted estimator know."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline


def known_labels(estimator: Any, columns: Sequence[str]) -> dict[str, list[Any]]:
    """What each column that an encoder was fitted on may hold, without missing values.

    Encoders are looked for in Pipelines and ColumnTransformers, behind steps that keep their
    columns, such as imputers.
    """
    return dict(_known(estimator, list(columns)))


def _known(estimator: Any, columns: list[str]) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(estimator, ColumnTransformer):
        for _, transformer, chosen in estimator.transformers_:
            yield from _known(transformer, _names(chosen, columns))
    elif isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            yield from _known(step, columns)
    else:
        categories = getattr(estimator, "categories_", [])
        if len(categories) == len(columns):
            for column, labels in zip(columns, categories, strict=True):
                yield column, [label for label in labels.tolist() if not _is_missing(label)]


def _names(chosen: Any, columns: list[str]) -> list[str]:
    """The columns that a ColumnTransformer gives to one of its parts: by name, place or mask."""
    wanted = chosen if isinstance(chosen, slice) else np.atleast_1d(chosen)
    if isinstance(wanted, slice) or wanted.dtype.kind in "biu":
        wanted = np.array(columns)[wanted]
    names: list[str] = wanted.tolist()
    return names


def _is_missing(label: Any) -> bool:
    return label is None or (isinstance(label, float) and np.isnan(label))
