"""A learning task: what is to be predicted, from which fields, by which estimator."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from serving.inputs.field import Field
from serving.inputs.tables import Table
from train import assemble
from train.evaluation.evaluate import FIVE_BY_THREE, Protocol
from train.task import Task


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be predicted, from which fields, by which estimator.

    Attributes
    ----------
    file : str
        The data's file name, in train/data or in DATA_DIR.
    obtain : str
        Where to get the file, if it is not committed.
    load : callable
        Reads the file into a frame with a column for each field and one, `target`, with labels or
        numbers; a missing value is NaN.
    table : Table or None
        How the file is written, if it is not one of the project's own.
    estimator
        A scikit-learn estimator or Pipeline that takes a matrix: a column for each field,
        categories as their codes, then the calendar features of dates; or `Candidates`, several of
        them to choose from.
    grouped_by : tuple of str
        Fields: rows that are equal in all of them stay on the same side of each split. Equal rows
        do so in any case.
    published : str
        The figure that tutorials publish, and why ours differs.
    """

    name: str
    title: str
    target: str
    task: Task
    fields: tuple[Field, ...]
    table: Table | None = None
    file: str
    obtain: str = ""
    source: str
    licence: str
    load: Callable[[Path], pd.DataFrame]
    estimator: Any
    grouped_by: tuple[str, ...] = ()
    protocol: Protocol = FIVE_BY_THREE
    published: str = ""

    @property
    def steps(self) -> int:
        """How often training reports progress: after each fold, the final fit and what follows."""
        return self.protocol.steps + 1 + assemble.STEPS
