"""The trial of a version goes on, whatever happens to some of its rows."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from servers import wait_until

from serving.models import artefact
from serving.models.engine import Engine
from serving.predicting.trial import LivePredictions, TrialRunner


def test_an_unexpected_error_costs_a_trial_only_the_rows_of_that_moment(
    models: Path, caplog: pytest.LogCaptureFixture
):
    engine = Engine(artefact.read(models, "wine", 1))
    recorded: list[Any] = []
    failures = [MemoryError("no memory")]

    def candidate(_: str) -> Engine:
        if failures:
            raise failures.pop()
        return engine

    registry, journal = SimpleNamespace(trial=candidate), SimpleNamespace(append=recorded.append)
    runner = TrialRunner(registry, journal)  # type: ignore[arg-type]
    row = np.zeros((1, len(engine.schema.names)))
    runner.submit(LivePredictions(engine, ["lost"], row))
    wait_until(lambda: not failures)
    runner.submit(LivePredictions(engine, ["kept"], row))
    wait_until(lambda: bool(recorded))
    assert [entry.ids for entry in recorded] == [["kept"]]
    assert "no memory" in caplog.text
