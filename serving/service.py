"""The one path that every protocol takes: predict and record, learn what was true, look it up."""

import os
import time
from operator import attrgetter
from typing import NamedTuple

from serving import feedback
from serving.engine import Engine, Predictions
from serving.entry import Learnt, Predicted
from serving.errors import JournalError, NotRecorded, StoreError, UnknownPrediction
from serving.journal import Journal
from serving.registry import Registry
from serving.schema import Rows
from serving.store import Store
from serving.stored import Feedback, Prediction, sought


class Asked(NamedTuple):
    """What a request is known by, and when it came by `time.perf_counter_ns`."""

    request_id: str
    since: int


class Answer(NamedTuple):
    """Predictions with what identifies them: one id per row, and the engine that made them."""

    engine: Engine
    ids: list[str]
    rows: Rows
    predictions: Predictions


class Service:
    """Predict with the models of a registry, and keep a record.

    Parameters
    ----------
    journal : Journal or None
        None where no record is to be kept.
    store : Store
        Where the journal is moved.
    required : bool
        Whether a prediction that cannot be recorded may not be answered.
    """

    def __init__(
        self, registry: Registry, journal: Journal | None, store: Store, *, required: bool
    ) -> None:
        self.registry, self.journal, self.store, self.required = registry, journal, store, required

    def predict(self, engine: Engine, rows: Rows, asked: Asked) -> Answer:
        """Predict rows that the engine's own schema validated.

        Raises
        ------
        JournalError
            If they must be recorded and cannot be.
        """
        predictions = engine.predict(rows.matrix)
        now = time.time_ns() // 1_000_000
        answer = Answer(engine, new_ids(engine, now, len(rows.matrix)), rows, predictions)
        if self.journal:
            try:
                self.journal.append(_entry(answer, asked, now))
            except JournalError:
                if self.required:
                    raise
                self.journal.lose(len(answer.ids))
        return answer

    def learn(self, body: bytes, most: int, asked: Asked) -> int:
        """Record what was really true of earlier predictions; count them.

        Raises
        ------
        NotRecorded, NotJSON, TooManyRecords, InvalidRecords, JournalError
        """
        if not self.journal:
            raise NotRecorded("JOURNAL=off: predictions are not recorded, so nothing is learnt")
        ids, actuals = feedback.decode(body, most, self.registry)
        self.journal.append(Learnt(time.time_ns() // 1_000_000, asked.request_id, ids, actuals))
        return len(ids)

    def recall(self, prediction_id: str) -> tuple[Prediction, list[Feedback]]:
        """A prediction and all that was learnt of it, the latest first.

        What was recorded a moment ago is found in the journal; so is all of it, while the store is
        down.

        Raises
        ------
        UnknownPrediction, StoreError
        """
        entries = self.journal.find(prediction_id) if self.journal else []
        recent, said = sought(entries, prediction_id)
        try:
            stored = self.store.prediction(prediction_id)
        except StoreError:
            if not recent:
                raise
            stored = None
        prediction = stored[0] if stored else recent
        if not prediction:
            raise UnknownPrediction(f"no prediction {prediction_id!r} is recorded here")
        said += stored[1] if stored else []
        latest = {bytes(each.actual): each for each in sorted(said, key=attrgetter("time"))}
        return prediction, sorted(latest.values(), key=attrgetter("time"), reverse=True)


def new_ids(engine: Engine, now: int, count: int) -> list[str]:
    """Unique ids that tell their model, version and time.

    They are `NAME.VERSION.` and, in hexadecimal, the milliseconds since 1970 and 64 random bits; in
    a batch, its position follows.
    """
    stem = f"{engine.manifest.name}.{engine.manifest.version}.{now:011x}{os.urandom(8).hex()}"
    return [stem] if count == 1 else [f"{stem}.{position}" for position in range(count)]


def _entry(answer: Answer, asked: Asked, now: int) -> Predicted:
    engine, ids, rows, predictions = answer
    return Predicted(
        time=now,
        model=engine.manifest.name,
        version=engine.manifest.version,
        request_id=asked.request_id,
        duration=(time.perf_counter_ns() - asked.since) // 1000,
        ids=ids,
        fields=engine.schema.names,
        records=engine.schema.values(rows.matrix),
        predictions=predictions.labels,
        classes=engine.manifest.classes,
        probabilities=predictions.probabilities,
        warnings=rows.remarks,
    )
