"""What the encoders in a fitted estimator were fitted on: the labels or words of each column."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.pipeline import Pipeline

from train.onnx.parts import wrapped

COUNT_WORDS = (CountVectorizer, HashingVectorizer)  # and TF-IDF


def known_labels(estimator: Any, columns: Sequence[str]) -> dict[str, list[Any]]:
    """The labels of each column that an encoder was fitted on, without missing values."""
    return {
        column: [label for label in labels.tolist() if not _is_missing(label)]
        for encoder, given in _parts(estimator, list(columns))
        for column, labels in _of_columns(encoder, given)
    }


def strict_values(estimator: Any, columns: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """The numbers of each column that an encoder was fitted on, where it refuses all others."""
    return {
        column: tuple(sorted(float(label) for label in labels.tolist() if not _is_missing(label)))
        for encoder, given in _parts(estimator, list(columns))
        if getattr(encoder, "handle_unknown", "") == "error"
        for column, labels in _of_columns(encoder, given)
        if labels.dtype.kind in "biuf"
    }


def read_as_text(estimator: Any, columns: Sequence[str]) -> set[str]:
    """The columns whose words are counted, so that they may hold any text."""
    return {
        column
        for part, given in _parts(estimator, list(columns))
        if isinstance(part, COUNT_WORDS)
        for column in given
    }


def takes_texts(estimator: Any) -> bool:
    """Whether an estimator takes texts instead of a table, because it begins by counting words."""
    if isinstance(estimator, Pipeline):
        return takes_texts(estimator.steps[0][1])
    return isinstance(estimator, COUNT_WORDS) or any(map(takes_texts, wrapped(estimator)[:1]))


def takes_none(estimator: Any, columns: Sequence[str]) -> set[str]:
    """The columns in which a missing value is None and not NaN, by the first step that shows it."""
    is_none: dict[str, bool] = {}
    for part, given in _parts(estimator, list(columns)):
        if hasattr(part, "missing_values"):
            for column in given:
                is_none.setdefault(column, part.missing_values is None)
        for column, labels in _of_columns(part, given):
            if missing := [label for label in labels.tolist() if _is_missing(label)]:
                is_none.setdefault(column, None in missing)
    return {column for column, found in is_none.items() if found}


def _parts(estimator: Any, columns: list[str]) -> Iterator[tuple[Any, list[str]]]:
    """The parts of an estimator, each with the columns that it is given.

    Parts are found in Pipelines, ColumnTransformers and wrappers of an estimator, also after steps
    that keep their columns, such as imputers.
    """
    if isinstance(estimator, ColumnTransformer):
        for _, transformer, chosen in estimator.transformers_:
            yield from _parts(transformer, _names(chosen, columns))
    elif isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            yield from _parts(step, columns)
    else:
        for inner in wrapped(estimator)[:1]:
            yield from _parts(inner, columns)
        yield estimator, columns


def _of_columns(encoder: Any, columns: list[str]) -> Iterator[tuple[str, Any]]:
    """The categories of each column that an encoder was fitted on; none for any other part."""
    categories = getattr(encoder, "categories_", [])
    if len(categories) == len(columns):
        yield from zip(columns, map(np.asarray, categories), strict=True)


def _names(chosen: Any, columns: list[str]) -> list[str]:
    """The columns that a ColumnTransformer gives to one of its parts: by name, position or mask."""
    wanted = chosen if isinstance(chosen, slice) else np.atleast_1d(chosen)
    if isinstance(wanted, slice) or wanted.dtype.kind in "biu":
        wanted = np.array(columns)[wanted]
    names: list[str] = wanted.tolist()
    return names


def _is_missing(label: Any) -> bool:
    return label is None or (isinstance(label, float) and np.isnan(label))
