"""reference.json: the distributions in training, which live traffic is compared with."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.inputs.field import Field
from serving.inputs.schema import Matrix
from serving.models.trained_rows import TrainedRows


class FieldReference(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field's values in training: evenly spaced quantiles of a number, counts of a category.

    Missing values are in neither; `missing` is their share.
    """

    quantiles: tuple[float, ...] = ()
    counts: dict[str, int] = {}
    missing: float = 0.0

    def sample(self, field: Field, rows: int, random: np.random.Generator) -> NDArray[Any]:
        """Draw values of a field, as rows contain them."""
        if field.type == "text":  # no text is kept
            return np.full(rows, "", dtype=object)
        column = np.full(rows, np.nan)
        if any(self.counts.values()):
            counts = np.array([self.counts.get(label, 0) for label in field.categories], float)
            column[:] = random.choice(len(counts), size=rows, p=counts / counts.sum())
        elif self.quantiles:
            grid = np.linspace(0, 1, len(self.quantiles))
            column = np.interp(random.random(rows), grid, self.quantiles)
            is_whole = field.type in {"integer", "boolean"}
            column = column.round() if is_whole else column
        if self.missing:
            column[random.random(rows) < self.missing] = np.nan
        return column


class ReliabilityBin(msgspec.Struct, frozen=True):
    """Held-out rows with similar probabilities: mean probability, share of the label, count."""

    predicted: float
    observed: float
    rows: int


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """The distributions of all fields, and of the predictions on held-out rows.

    `probabilities` by label and the `predictions` of a regression are quantiles on held-out rows.
    `trained` is None for a version of which it is not known, as with texts among its fields.
    """

    rows: int
    fields: dict[str, FieldReference]
    labels: dict[str, int] = {}
    probabilities: dict[str, tuple[float, ...]] = {}
    reliability: tuple[ReliabilityBin, ...] = ()
    predictions: tuple[float, ...] = ()
    trained: TrainedRows | None = None

    def sample(self, fields: tuple[Field, ...], rows: int, seed: int) -> Matrix:
        """Draw rows whose fields are each distributed as in training, independently."""
        random = np.random.default_rng(seed)
        return np.column_stack(
            [self.fields[field.name].sample(field, rows, random) for field in fields]
        )
