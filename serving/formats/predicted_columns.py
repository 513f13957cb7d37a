"""Predictions as columns of numbers and texts, of which Arrow's formats are made."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from serving.formats.batch import Batch
from serving.formats.column_names import column_names, names_between
from serving.formats.explained import NUMBERS, Columns
from serving.inputs.exact import in_one_line
from serving.inputs.schema import Remark
from serving.models.explaining.explanation import ExplainOptions, Explanation
from serving.models.manifest import Manifest
from serving.models.output_arrays import OutputArrays
from serving.models.predicted import Predicted


class Labels(NamedTuple):
    """A column of texts that are among a few, by their positions."""

    codes: NDArray[np.intp]
    labels: tuple[str, ...]


Column = NDArray[np.float64] | list[str | None] | Labels  # NaN or None where there is nothing


class PredictedColumns(NamedTuple):
    """The predictions of a batch.

    Attributes
    ----------
    columns : dict of str to Column
        A value for each valid record, in order; those of `ColumnMaker`, without `error`.
    errors : dict of int to str
        Of the others, by their position in the batch.
    records : int
        How many there are in all.
    """

    columns: dict[str, Column]
    errors: dict[int, str]
    records: int


class Made(NamedTuple):
    """What was predicted of rows, with an id or an explanation for each if there are any."""

    arrays: OutputArrays
    ids: Sequence[str] = ()
    explanations: Sequence[Explanation] = ()

    @classmethod
    def of(cls, predicted: Predicted) -> Self:
        """Take what is predicted as lists."""
        arrays = OutputArrays.of(predicted.predictions, predicted.engine.manifest)
        return cls(arrays, predicted.ids, predicted.explanations)


class ColumnMaker:
    """Makes the columns of predictions.

    Parameters
    ----------
    ids : bool
        Whether the predictions have ids.
    explain : ExplainOptions, optional
        What is explained.

    Attributes
    ----------
    names : list of str
        The columns, the last of which is `error`.
    numbers : set of str
        Those of numbers; the others are of texts.
    """

    def __init__(
        self, manifest: Manifest, *, ids: bool, explain: ExplainOptions | None = None
    ) -> None:
        self._explained = (
            Columns([field.name for field in manifest.fields], explain) if explain else None
        )
        self._between, self._has_ids = names_between(manifest), ids
        self._classes = manifest.classes
        self.names = column_names(manifest, self._explained, ids=ids)
        self.numbers = {*self._between, *([] if manifest.classes else ["prediction"])}
        if self._explained:
            self.numbers |= {each for each in self._explained.names if NUMBERS.match(each)}

    def make(self, batch: Batch, made: Made | None) -> PredictedColumns:
        """Make the columns of a batch; `made` is of its valid records, if there are any."""
        errors = {place: in_one_line(faults) for place, faults in batch.faults.items()}
        columns = self._columns(made, batch.rows.remarks) if made else {}
        return PredictedColumns(columns, errors, len(batch.lines))

    def _columns(self, made: Made, remarks: Mapping[int, Sequence[Remark]]) -> dict[str, Column]:
        values, between = made.arrays
        count = len(values)
        columns: dict[str, Column] = {"id": [*made.ids]} if self._has_ids else {}
        columns["prediction"] = (
            Labels(values.astype(np.intp, copy=False), self._classes)
            if self._classes
            else values.astype(np.float64, copy=False)
        )
        if not between.shape[1]:
            between = np.full((count, len(self._between)), np.nan)
        columns |= dict(zip(self._between, between.T, strict=True))
        if self._explained:
            cells = zip(*map(self._explained.cells, made.explanations), strict=True)
            for name, column in zip(self._explained.names, cells, strict=True):
                columns[name] = self._cells(name, column)
        warnings: list[str | None] = [None] * count
        for row, found in remarks.items():
            warnings[row] = in_one_line(found)
        columns["warnings"] = warnings
        return columns

    def _cells(self, name: str, column: Sequence[str | float]) -> Column:
        """Return what explanations have in a column, nothing where there is no explanation."""
        if name in self.numbers:
            return np.array([np.nan if each == "" else each for each in column], np.float64)
        return [str(each) or None for each in column]
