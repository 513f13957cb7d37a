"""Rows with their predictions, from which responses and records are made."""

from collections.abc import Sequence
from typing import NamedTuple

from serving.inputs.schema import Rows
from serving.models.engine import Engine
from serving.models.explaining.explanation import Explanation
from serving.models.outputs import Predictions


class Predicted(NamedTuple):
    """Predictions of rows, with an id for each and the engine that computed them.

    Attributes
    ----------
    explanations : sequence of Explanation
        One for each row, if they were requested; else none.
    """

    engine: Engine
    ids: list[str]
    rows: Rows
    predictions: Predictions
    explanations: Sequence[Explanation] = ()
