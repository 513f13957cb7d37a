"""Predictions with all that a reply tells of them."""

from typing import NamedTuple

from serving.inputs.schema import Rows
from serving.models.engine import Engine
from serving.models.outputs import Predictions


class Predicted(NamedTuple):
    """Predictions with what identifies them: one id per row, and the engine that made them."""

    engine: Engine
    ids: list[str]
    rows: Rows
    predictions: Predictions
