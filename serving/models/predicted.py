"""Rows with their predictions, from which responses and records are made."""

from typing import NamedTuple

from serving.inputs.schema import Rows
from serving.models.engine import Engine
from serving.models.outputs import Predictions


class Predicted(NamedTuple):
    """Predictions of rows, with an id for each and the engine that computed them."""

    engine: Engine
    ids: list[str]
    rows: Rows
    predictions: Predictions
