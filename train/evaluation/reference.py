"""The distributions of a model's training data, for its reference."""

import re
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from serving.inputs import dates
from serving.inputs.field import Field
from serving.inputs.schema import Matrix
from serving.models.reference import FieldReference
from serving.models.trained_rows import TrainedRows

QUANTILES = 101
WORD, WORDS = re.compile(r"\w\w+"), 5


def field_references(frame: pd.DataFrame, fields: tuple[Field, ...]) -> dict[str, FieldReference]:
    """The distribution of each field's values, and the share of missing ones."""
    return {field.name: _field_reference(frame[field.name], field) for field in fields}


def _field_reference(column: "pd.Series[Any]", field: Field) -> FieldReference:
    present = column.dropna()
    missing = round(1 - len(present) / len(column), 6)
    if field.type == "text":  # whose content is not stored
        return FieldReference(missing=missing)
    if field.type != "category":
        grid = quantiles(present) if len(present) else ()
        return FieldReference(quantiles=grid, missing=missing)
    counted = counts(present)
    unseen = {label: 0 for label in field.categories if label not in counted}
    return FieldReference(counts=counted | unseen, missing=missing)


def trained_rows(rows: Matrix) -> TrainedRows | None:
    """The rows of the training data as hashes; None with texts, which the monitor does not read."""
    return None if rows.dtype == object or not len(rows) else TrainedRows.of(rows)


def counts(column: "pd.Series[Any]") -> dict[str, int]:
    """How often each label occurs, the most frequent first."""
    return {str(label): int(count) for label, count in column.value_counts().items()}


def quantiles(values: ArrayLike) -> tuple[float, ...]:
    """Evenly spaced quantiles, including the lowest and the highest value."""
    at = np.quantile(np.asarray(values, dtype=np.float64), np.linspace(0, 1, QUANTILES))
    return tuple(float(f"{value:.6g}") for value in at)


def few_of(rows: int) -> int:
    """How many of the rows count as the most typical: a twentieth, but at least 20 if there are."""
    return min(rows, max(20, rows // 20))


def typical(frame: pd.DataFrame, fields: tuple[Field, ...]) -> dict[str, Any]:
    """A record that nobody sent: each number's median, each category's most frequent label.

    A text consists of the most frequent words.
    """
    return {field.name: _typical(frame[field.name], field) for field in fields}


def _typical(column: "pd.Series[Any]", field: Field) -> Any:
    if field.type == "category":
        return column.mode()[0]
    if field.type == "text":
        texts = column.dropna()
        words = Counter(word for text in texts for word in {*WORD.findall(text.lower())})
        return " ".join(sorted(words, key=lambda word: (-words[word], word))[:WORDS])
    median = float(column.quantile(0.5, interpolation="lower"))
    if field.type == "date":
        return dates.to_iso(median)
    return {"integer": int, "boolean": bool}.get(field.type, float)(median)
