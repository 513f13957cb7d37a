"""The one path that every protocol takes from validated rows to predictions."""

import os
import time
from typing import NamedTuple

from serving.engine import Engine, Predictions
from serving.registry import Registry
from serving.schema import Rows


class Answer(NamedTuple):
    """Predictions with what identifies them: one id per row, and the engine that made them."""

    engine: Engine
    ids: list[str]
    rows: Rows
    predictions: Predictions


class Service:
    """Predict with the models of a registry."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def predict(self, engine: Engine, rows: Rows) -> Answer:
        """Predict rows that the engine's own schema validated."""
        predictions = engine.predict(rows.matrix)
        return Answer(engine, new_ids(len(rows.matrix)), rows, predictions)


def new_ids(count: int) -> list[str]:
    """Unique ids that sort by time: milliseconds, 64 random bits, and a number within a batch."""
    stem = f"{time.time_ns() // 1_000_000:011x}{os.urandom(8).hex()}"
    return [stem] if count == 1 else [f"{stem}-{position}" for position in range(count)]
