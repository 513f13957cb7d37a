"""The version that is tried: what it would have answered, asked beside and after the answers.

Rows wait in memory and are asked many at once by one thread, which rests nine times as long as it
works: a trial takes a tenth of a worker at most. What comes faster than that is left out.
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
REST = 9  # times the work
MOST_WAITING = 2_000  # rows


class Seen(NamedTuple):
    """What the live version answered: ids of the predictions, and their rows."""

    engine: Engine
    ids: list[str]
    matrix: Matrix


class TrialRunner:
    """Asks the tried versions of a registry's models, and records what they answer."""

    def __init__(self, registry: Registry, journal: Journal) -> None:
        self.registry, self.journal = registry, journal
        self._waiting: deque[Seen] = deque()
        self._rows = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def see(self, seen: Seen) -> None:
        """Take rows that the live version has answered, or leave them out where many wait."""
        with self._lock:
            if self._rows + len(seen.ids) > MOST_WAITING:
                return
            self._rows += len(seen.ids)
            self._waiting.append(seen)
            if self._thread is None:  # not before a fork
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(PAUSE)
            began = time.perf_counter()
            self._ask()
            time.sleep(REST * (time.perf_counter() - began))

    def _ask(self) -> None:
        with self._lock:
            waiting, self._waiting, self._rows = self._waiting, deque(), 0
        by_engine: dict[Engine, list[Seen]] = {}
        for seen in waiting:
            by_engine.setdefault(seen.engine, []).append(seen)
        for live, rows in by_engine.items():
            tried = self.registry.trial(live.manifest.name)
            if tried is not None:
                named = [prediction_id for seen in rows for prediction_id in seen.ids]
                self._record(tried, live, named, np.vstack([seen.matrix for seen in rows]))

    def _record(self, tried: Engine, live: Engine, named: list[str], matrix: Matrix) -> None:
        manifest, rows = tried.manifest, np.arange(len(matrix))
        try:
            given = _rows_for(tried, live, matrix)
            while len(rows):
                try:
                    said = tried.predict(given[rows])
                except InvalidRecords as error:  # of rows that are missing in the comparison alone
                    log.warning(
                        "%s %d refuses some rows: %s", manifest.name, manifest.version, error
                    )
                    rows = np.delete(rows, [fault.record for fault in error.faults])
                else:
                    kept = [named[row] for row in rows]
                    known = (clock.now(), manifest.name, manifest.version, kept, said.values)
                    self.journal.append(TrialEntry(*known, manifest.classes, said.probabilities))
                    return
        except (InvalidRecords, JournalError) as error:
            # Missing in the comparison, whose rows are counted; the answers are out already.
            log.warning("%s %d cannot be tried: %s", manifest.name, manifest.version, error)


def _rows_for(tried: Engine, live: Engine, matrix: Matrix) -> Matrix:
    """Rows of the live version's fields as those of the tried one's."""
    if _shape(tried) == _shape(live):
        return matrix
    names = live.schema.names
    records = [dict(zip(names, row, strict=True)) for row in live.schema.values(matrix)]
    return tried.schema.decode(msgspec.json.encode(records), len(records)).matrix


def _shape(engine: Engine) -> list[tuple[str, str, tuple[str, ...]]]:
    """What a column means: equal of two engines, rows fit both."""
    return [(field.name, field.type, field.categories) for field in engine.schema.fields]
