"""How much memory the parts of a training need, in bytes.

`python -m bench memory` compares it with what trainings took; docs/training.md has the figures.
"""

from collections.abc import Sequence
from typing import NamedTuple

from serving.inputs.field import Field

NUMBER = 8  # of a float64
CSV_CELL, CELL = 68, 56  # while columns are read: of CSV, of Parquet
CSV_TEXTS, TEXTS = 1.7, 4  # times the bytes of texts are held: of CSV, of Parquet
PLAIN, ENCODED = 1.5, (3.2, 4.8)  # times a fit holds columns: as they are; encoded, with labels
LIBRARIES = 40_000_000  # that are loaded on the way, with the rows of the proof
ONE_HOT = 50  # labels up to which a category is a column for each label
LEAF, LABEL = 768, 450  # of a leaf with its node above, and of each label, while it is compiled
LEAVES = 0.65  # of the rows of a tree, which are drawn with replacement, over the rows of a leaf


class Shape(NamedTuple):
    """What is trained on.

    Attributes
    ----------
    rows, labels : int
        Labels are 1 for numbers.
    fields : sequence of Field
    folds, repeats : int
    trees, min_leaf : int
        Of the largest forest that may be chosen; no trees if none may.
    """

    rows: int
    labels: int
    fields: Sequence[Field]
    folds: int
    repeats: int
    trees: int
    min_leaf: int


def of_reading(rows: int, columns: int, text: int, *, is_csv: bool) -> int:
    """What reading takes, until a frame is left of it.

    Parameters
    ----------
    text : int
        The bytes of a row's texts; of CSV, where every cell is one, as Python has them.
    """
    cell, times = (CSV_CELL, CSV_TEXTS) if is_csv else (CELL, TEXTS)
    return int(rows * (columns * cell + text * times))


def of_training(shape: Shape) -> int:
    """What training takes, besides the frame that was read."""
    dates = sum(field.type == "date" for field in shape.fields)
    columns = len(shape.fields) + 3 * dates  # with the calendar
    encoded = sum(map(_width, shape.fields)) + 3 * dates
    is_encoded = encoded > columns
    fitted = encoded * (ENCODED[shape.labels > 1] if is_encoded else PLAIN)
    share = 1 - 1 / shape.folds
    held = len(shape.fields) + (columns if dates else 0)  # rows, and those with the calendar
    matrix = NUMBER * shape.rows * (held + max(share * (columns + fitted), fitted))
    outputs = NUMBER * shape.rows * (shape.labels + 1) * (shape.repeats + 4)
    return int(LIBRARIES + matrix + outputs + _of_forest(shape))


def _of_forest(shape: Shape) -> float:
    leaves = LEAVES * shape.rows / shape.min_leaf
    return shape.trees * leaves * (LEAF + LABEL * shape.labels)


def _width(field: Field) -> int:
    """How many columns an estimator is given for a field at most."""
    labels = len(field.categories)
    return labels + 1 if field.type == "category" and 2 < labels <= ONE_HOT else 1  # noqa: PLR2004
