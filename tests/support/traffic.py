"""Traffic of real rows in a store, checked by the real monitor, at times of our choice."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from serving import ids
from serving.models import artefact
from serving.models.engine import Engine
from serving.monitor.checks import Checks
from serving.recording.entry import FeedbackEntry, PredictionEntry, TrialEntry
from serving.recording.store import Store
from serving.settings import Settings

MINUTE = 60_000  # milliseconds
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_numbers = count()


@contextmanager
def at(time: int) -> Iterator[None]:
    """Make it that time, in milliseconds since 1970, for the service and the monitor."""
    with patch("serving.clock.now", lambda: time):
        yield


class Traffic:
    """Predictions of a version, put into the store as the collector does.

    Parameters
    ----------
    settings : Settings
        Of the service that will show it.
    """

    def __init__(self, settings: Settings, model: str = "wine", version: int = 1) -> None:
        settings.var_dir.mkdir(parents=True, exist_ok=True)
        self.settings, self.store = settings, Store(settings.store_url)
        self.store.migrate()
        self.engine = Engine(artefact.read(settings.models_dir, model, version))

    def come(self, frame: pd.DataFrame, until: int, actual: Sequence[Any] = ()) -> list[str]:
        """Predict each row, a minute apart until a time; the first ones get feedback later.

        Returns
        -------
        list of str
            Their ids.
        """
        manifest = self.engine.manifest
        schema, named, entries = self.engine.schema, [], []
        records = frame[list(schema.names)].astype(object)
        records = records.where(records.notna(), None).to_dict("records")
        for place, record in enumerate(records):
            time = until - (len(records) - place) * MINUTE
            matrix = schema.decode(artefact.pretty(record), 1).matrix
            values, chances, intervals = self.engine.predict(matrix)
            (name,) = ids.make(manifest.name, manifest.version, time, 1)
            named.append(name)
            entries.append(
                PredictionEntry(
                    time=time,
                    model=manifest.name,
                    version=manifest.version,
                    request_id="sent",
                    duration=300 + 7 * place % 400,
                    ids=[name],
                    fields=schema.names,
                    records=schema.values(matrix),
                    predictions=values,
                    classes=manifest.classes,
                    probabilities=chances,
                    intervals=intervals,
                )
            )
        feedback = [
            FeedbackEntry(each.time + 2 * HOUR, "sent", [name], [outcome])
            for name, each, outcome in zip(named, entries, actual, strict=False)
        ]
        self.store.add([*entries, *feedback], {})
        return named

    def tried(self, version: int, named: list[str], predictions: list[Any], time: int) -> None:
        """Store these predictions of a version on trial."""
        model = self.engine.manifest.name
        self.store.add([TrialEntry(time, model, version, named, predictions)], {})

    def check(self, time: int) -> None:
        """Have the monitor check the model."""
        with at(time):
            (checked,) = Checks(self.settings, self.store).run([self.engine.manifest.name])
            assert not checked.failure, checked.failure


def unlike_training(rows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Rows a little off those trained on: of these the model is as unsure as of new ones."""
    random, numbers = np.random.default_rng(seed), rows.select_dtypes("float")
    noise = random.normal(scale=0.1, size=numbers.shape) * numbers.std().to_numpy()
    moved = (numbers + noise).clip(numbers.min(), numbers.max(), axis=1)
    return rows.assign(**moved.round(4))
