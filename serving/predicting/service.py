"""The one path that every protocol takes: predict and record, learn what was true, look it up."""

import time
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from serving import clock, ids
from serving.errors import (
    ArtefactError,
    JournalError,
    NotRecorded,
    StoreError,
    UnknownPrediction,
    UnknownVersion,
)
from serving.inputs.schema import Rows
from serving.metrics.families import Metrics
from serving.models.engine import Engine
from serving.models.predicted import Predicted
from serving.predicting import feedback
from serving.predicting.trial import LivePredictions, TrialRunner
from serving.recording import collector
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.journal import Journal
from serving.recording.privacy import Privacy
from serving.recording.store import Store
from serving.recording.store.additions import find
from serving.recording.store.rows import Feedback, Prediction, Trial
from serving.versions.registry import Registry

FAR_BEHIND = 64 * 2**20  # bytes of the journal; more is not read for the sake of an answer
LATEST_ARRIVAL = 600_000  # milliseconds after which a prediction's own record should have arrived


class RequestContext(NamedTuple):
    """The id of a request, and its arrival by `time.perf_counter_ns`."""

    request_id: str
    since: int


class RecordedFeedback(msgspec.Struct, frozen=True):
    """Feedback that is recorded: how much, and the ids that fit no prediction.

    Attributes
    ----------
    unmatched : list of str, optional
        None where that cannot be known now.
    """

    recorded: int
    unmatched: list[str] | None


class Service:
    """Predict with the models of a registry, and keep a record.

    Parameters
    ----------
    journal : Journal or None
        None where no record is to be kept.
    store : Store
        Where the journal is moved.
    privacy : Privacy
        What of the inputs may be recorded.
    metrics : Metrics
        Counts what is predicted.
    required : bool
        Whether a prediction that cannot be recorded may not be answered.
    """

    def __init__(
        self,
        registry: Registry,
        journal: Journal | None,
        store: Store,
        privacy: Privacy,
        metrics: Metrics,
        *,
        required: bool,
    ) -> None:
        self.registry, self.journal, self.store = registry, journal, store
        self._trial_runner = TrialRunner(registry, journal) if journal else None
        self.privacy, self.metrics, self.required = privacy, metrics, required

    def predict(self, engine: Engine, rows: Rows, context: RequestContext) -> Predicted:
        """Predict rows that the engine's own schema validated.

        Raises
        ------
        JournalError
            If they must be recorded and cannot be.
        """
        predictions = engine.predict(rows.matrix)
        now, manifest = clock.now(), engine.manifest
        named = ids.make(manifest.name, manifest.version, now, len(rows.matrix))
        answer = Predicted(engine, named, rows, predictions)
        if self.journal:
            try:
                self.journal.append(self.privacy.apply(_entry(answer, context, now)))
            except JournalError:
                if self.required:
                    raise
                self.journal.count_lost(len(answer.ids))
            if self._trial_runner and self.registry.trial(manifest.name):
                self._trial_runner.submit(LivePredictions(engine, named, rows.matrix))
        labels = predictions.values if manifest.classes else ()
        self.metrics.count_predictions(manifest.name, manifest.version, len(named), labels)
        return answer

    def predict_unrecorded(self, engine: Engine, rows: Rows) -> Predicted:
        """Predict rows that nobody asks about: they are neither recorded nor counted."""
        return Predicted(engine, [], rows, engine.predict(rows.matrix))

    def add_feedback(
        self, body: bytes, max_records: int, context: RequestContext
    ) -> RecordedFeedback:
        """Record what was really true of earlier predictions.

        Raises
        ------
        NotRecorded, NotJSON, TooManyRecords, InvalidRecords, JournalError
        """
        if not self.journal:
            raise NotRecorded(
                "JOURNAL=off: predictions are not recorded, so no feedback can be recorded"
            )
        named, actuals = feedback.decode(body, max_records, self.registry)
        self.journal.append(FeedbackEntry(clock.now(), context.request_id, named, actuals))
        return RecordedFeedback(len(named), self._unknown(self.journal, named))

    def _unknown(self, journal: Journal, named: list[str]) -> list[str] | None:
        """Those of some ids that no prediction is recorded under; None where that cannot be known.

        What is not in the store must be in the journal: so the store is asked how far it is, then
        the journal is read from there on, and what is found in neither is asked of the store.
        """
        status = collector.read_status(journal.folder)
        if status and (status.reason or status.waiting > FAR_BEHIND):
            return None
        try:
            positions = self.store.positions()
            recent = journal.predicted({name: at.read for name, at in positions.items()})
            left = [each for each in dict.fromkeys(named) if each not in recent]
            stored = self.store.existing(left)
        except (StoreError, OSError):
            return None
        return [each for each in left if each not in stored]

    def trial(self, model: str) -> Trial | None:
        """How the version of a model that is tried does, if one is.

        Raises
        ------
        StoreError
        """
        version = self.registry.trials.get(model)
        if version is None or not self.journal:
            return None
        try:
            numbers = self.registry.manifest(model, version).task == "regression"
        except (UnknownVersion, ArtefactError):  # gone since, as the registry will see
            return None
        return self.store.trial(model, version, numbers=numbers)

    def unmatched(self, limit: int) -> tuple[int, list[Feedback]]:
        """Feedback that fits no prediction and hardly will: how much, and the latest of it.

        Raises
        ------
        StoreError
        """
        return self.store.unmatched(clock.now() - LATEST_ARRIVAL, limit)

    def find(self, prediction_id: str) -> tuple[Prediction, list[Feedback]]:
        """A prediction and all that was learnt of it, the latest first.

        What was recorded a moment ago is found in the journal; so is all of it, while the store is
        down.

        Raises
        ------
        UnknownPrediction, StoreError
        """
        unknown = UnknownPrediction(f"no prediction {prediction_id!r} is recorded here")
        if not ids.PredictionId.read(prediction_id):
            raise unknown
        entries = self.journal.find(prediction_id) if self.journal else []
        recent, said = find(entries, prediction_id)
        try:
            stored = self.store.prediction(prediction_id)
        except StoreError:
            if not recent:
                raise
            stored = None
        prediction = stored[0] if stored else recent
        if not prediction:
            raise unknown
        said += stored[1] if stored else []
        latest = {bytes(each.actual): each for each in sorted(said, key=attrgetter("time"))}
        return prediction, sorted(latest.values(), key=attrgetter("time"), reverse=True)


def _entry(answer: Predicted, context: RequestContext, now: int) -> PredictionEntry[Any]:
    engine, named, rows, predictions = answer
    return PredictionEntry(
        time=now,
        model=engine.manifest.name,
        version=engine.manifest.version,
        request_id=context.request_id,
        duration=(time.perf_counter_ns() - context.since) // 1000,
        ids=named,
        fields=engine.schema.names,
        records=engine.schema.values(rows.matrix),
        predictions=predictions.values,
        classes=engine.manifest.classes,
        probabilities=predictions.probabilities,
        intervals=predictions.intervals,
        warnings=rows.remarks,
    )
