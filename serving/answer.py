"""Predictions with all that a reply tells of them."""

from typing import NamedTuple

from serving.engine import Engine
from serving.outputs import Predictions
from serving.schema import Rows


class Answer(NamedTuple):
    """Predictions with what identifies them: one id per row, and the engine that made them."""

    engine: Engine
    ids: list[str]
    rows: Rows
    predictions: Predictions
