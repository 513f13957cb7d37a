"""Predictions of the version on trial, made after the response and at low load.

Rows wait in memory until one thread predicts many at once. After its work, the thread pauses nine
times as long, so a trial takes at most a tenth of a worker; rows that exceed the queue are skipped.
"""

import logging
import threading
import time
from collections import deque
from typing import NamedTuple

import msgspec
import numpy as np

from serving import clock
from serving.errors import InvalidRecords, JournalError
from serving.inputs.schema import Matrix
from serving.models.engine import Engine
from serving.recording.entry import TrialEntry
from serving.recording.journal import Journal
from serving.versions.registry import Registry

log = logging.getLogger(__name__)

PAUSE = 0.2  # seconds in which rows gather
REST = 9  # times the duration of the work
MAX_WAITING = 2_000  # rows


class LivePredictions(NamedTuple):
    """The rows of a request that the live version predicted, with the ids of the predictions."""

    engine: Engine
    ids: list[str]
    matrix: Matrix


class TrialRunner:
    """Predicts live traffic with the versions on trial and records the results."""

    def __init__(self, registry: Registry, journal: Journal) -> None:
        self.registry, self.journal = registry, journal
        self._waiting: deque[LivePredictions] = deque()
        self._rows = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, made: LivePredictions) -> None:
        """Queue rows for the trial; skip them if the queue is full."""
        with self._lock:
            if self._rows + len(made.ids) > MAX_WAITING:
                return
            self._rows += len(made.ids)
            self._waiting.append(made)
            if self._thread is None:  # not before a fork
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(PAUSE)
            began = time.perf_counter()
            self.predict_waiting()
            time.sleep(REST * (time.perf_counter() - began))

    def predict_waiting(self) -> None:
        """Predict and record what waits, now and in this thread."""
        try:
            self._predict_waiting()
        except Exception:  # why: neither a response nor a further row on trial may fail by it
            log.exception("the trial lost some rows")

    def _predict_waiting(self) -> None:
        with self._lock:
            waiting, self._waiting, self._rows = self._waiting, deque(), 0
        by_engine: dict[Engine, list[LivePredictions]] = {}
        for made in waiting:
            by_engine.setdefault(made.engine, []).append(made)
        for live, parts in by_engine.items():
            candidate = self.registry.trial(live.manifest.name)
            if candidate is not None:
                ids = [prediction_id for made in parts for prediction_id in made.ids]
                matrix = np.vstack([made.matrix for made in parts])
                self._predict_and_record(candidate, live, ids, matrix)

    def _predict_and_record(
        self, candidate: Engine, live: Engine, ids: list[str], matrix: Matrix
    ) -> None:
        manifest, rows = candidate.manifest, np.arange(len(matrix))
        try:
            inputs = _convert(matrix, live, candidate)
            while len(rows):
                try:
                    made = candidate.predict(inputs[rows])
                except InvalidRecords as error:  # these rows are missing in the comparison only
                    log.warning(
                        "%s %d refuses some rows: %s", manifest.name, manifest.version, error
                    )
                    rows = np.delete(rows, [fault.record for fault in error.faults])
                else:
                    kept = [ids[row] for row in rows]
                    keys = (clock.now(), manifest.name, manifest.version, kept, made.values)
                    self.journal.append(TrialEntry(*keys, manifest.classes, made.probabilities))
                    return
        except (InvalidRecords, JournalError) as error:
            # Missing in the comparison, which counts its rows; the responses were sent before.
            log.warning("the trial of %s %d failed: %s", manifest.name, manifest.version, error)


def _convert(matrix: Matrix, live: Engine, candidate: Engine) -> Matrix:
    """Convert rows of the live version's schema to rows of the candidate's."""
    if _shape(candidate) == _shape(live):
        return matrix
    names = live.schema.names
    records = [dict(zip(names, row, strict=True)) for row in live.schema.values(matrix)]
    return candidate.schema.decode(msgspec.json.encode(records), len(records)).matrix


def _shape(engine: Engine) -> list[tuple[str, str, tuple[str, ...]]]:
    """Describe the columns of a row; rows fit both engines if these are equal."""
    return [(field.name, field.type, field.categories) for field in engine.schema.fields]
