"""The one path that every protocol takes: predict and record, add feedback, find a prediction."""

import time
from functools import partial
from typing import Any

import msgspec

from serving import clock, ids
from serving.errors import (
    ArtefactError,
    JournalError,
    NotRecorded,
    UnknownVersion,
)
from serving.inputs.schema import Rows
from serving.metrics.requests import Metrics
from serving.models.engine import Engine
from serving.models.explaining.explanation import ExplainOptions
from serving.models.predicted import Predicted
from serving.predicting import feedback, lookup
from serving.predicting.context import RequestContext
from serving.predicting.explaining import Explaining
from serving.predicting.feedback_table import Recorder
from serving.predicting.trial import LivePredictions, TrialRunner
from serving.recording.archiving import Archive
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.journal import Journal
from serving.recording.privacy import Privacy
from serving.recording.store import Store
from serving.recording.store.rows import Feedback, Trial
from serving.versions.registry import Registry

LATEST_ARRIVAL = 600_000  # milliseconds after which a prediction must be in the store


class RecordedFeedback(msgspec.Struct, frozen=True):
    """How much feedback was recorded, and the ids of it that no prediction has.

    Attributes
    ----------
    unmatched : list of str, optional
        None if that cannot be known now.
    """

    recorded: int
    unmatched: list[str] | None


class Service:
    """Predicts with the models of a registry, and records predictions and feedback.

    Parameters
    ----------
    journal : Journal or None
        None if nothing is to be recorded.
    store : Store
        The database that the journal is moved into.
    privacy : Privacy
        Which inputs may be recorded.
    metrics : Metrics
        Counts the predictions.
    required : bool
        Whether a prediction that cannot be recorded is an error. The journal decides whether it is
        recorded only when the store has it.
    explaining : Explaining
        How predictions are explained.
    archive : Archive
        Where predictions are moved to when they are old.
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
        archive: Archive,
        explaining: Explaining = Explaining(),  # noqa: B008 - it never changes
    ) -> None:
        self.registry, self.journal, self.store = registry, journal, store
        self.archive = archive
        self._trial_runner = TrialRunner(registry, journal) if journal else None
        self.privacy, self.metrics, self.required = privacy, metrics, required
        self.explaining = explaining

    def predict(self, engine: Engine, rows: Rows, context: RequestContext) -> Predicted:
        """Predict rows that the engine's own schema validated.

        Raises
        ------
        JournalError, StoreError
            If they must be recorded and cannot be.
        TooManyRecords, UnknownLabel
            If they are to be explained.
        """
        predictions = engine.predict(rows.matrix)
        now, manifest, count = clock.now(), engine.manifest, len(rows.matrix)
        prediction_ids = ids.make(manifest.name, manifest.version, now, count)
        predicted = Predicted(engine, prediction_ids, rows, predictions)
        if context.explain:
            predicted = self.explaining.explained(predicted, context.explain)
        if self.journal:
            try:
                changes = self.privacy.changes(manifest.name)
                records = engine.schema.values if changes else engine.schema.encodable
                entry = _entry(predicted, records(rows.matrix), context, now)
                entry.subject = self.privacy.subject(context.subject)
                self.journal.record(self.privacy.apply(entry))
            except JournalError:
                if self.required:
                    raise
                self.journal.count_lost(count)
            if self._trial_runner and self.registry.trial(manifest.name):
                made = LivePredictions(engine, prediction_ids, rows.matrix)
                self._trial_runner.submit(made)
        labels = predictions.values if manifest.classes else ()
        self.metrics.count_predictions(manifest.name, manifest.version, count, labels)
        return predicted

    def predict_unrecorded(
        self, engine: Engine, rows: Rows, explain: ExplainOptions | None = None
    ) -> Predicted:
        """Predict rows without recording or counting them.

        Raises
        ------
        TooManyRecords, UnknownLabel
            If they are to be explained.
        """
        predicted = Predicted(engine, [], rows, engine.predict(rows.matrix))
        return self.explaining.explained(predicted, explain) if explain else predicted

    def add_feedback(
        self, body: bytes, max_records: int, context: RequestContext
    ) -> RecordedFeedback:
        """Record what was really true of earlier predictions.

        Raises
        ------
        NotRecorded, NotJSON, TooManyRecords, InvalidRecords, JournalError
        NotAllowed
            If one is of a model that the caller may not give feedback to.
        StoreError
            If own ids are sent and cannot be looked up, or the store has to commit it and does not.
        """
        journal = self._require_journal()
        find = partial(lookup.named, journal, self.store, models=context.caller.models)
        prediction_ids, actuals = feedback.decode(
            body, max_records, self.registry, context.caller, find
        )
        entry = FeedbackEntry(
            clock.now(), context.request_id, prediction_ids, actuals, context.caller.name
        )
        journal.record(entry)
        return RecordedFeedback(
            len(prediction_ids), lookup.without_prediction(journal, self.store, prediction_ids)
        )

    def recorder(
        self, context: RequestContext, model: str | None, *, is_recorded: bool
    ) -> Recorder:
        """Return what the feedback in a table is read and recorded with.

        Parameters
        ----------
        model : str or None
            The only one whose predictions may get feedback.
        is_recorded : bool
            If not, it is only reported what would be.

        Raises
        ------
        NotRecorded
        """
        journal, caller = self._require_journal(), context.caller
        models = caller.models if model is None else {model}
        return Recorder(
            *(self.registry, caller, context.request_id, model),
            partial(lookup.named, journal, self.store, models=models),
            partial(lookup.without_prediction, journal, self.store),
            journal.record if is_recorded else None,
        )

    def _require_journal(self) -> Journal:
        if not self.journal:
            raise NotRecorded(
                "JOURNAL=off: predictions are not recorded, so no feedback can be recorded"
            )
        return self.journal

    def predict_trials(self) -> None:
        """Predict what waits for the versions on trial, where no thread may do so later."""
        if self._trial_runner:
            self._trial_runner.predict_waiting()

    def trial(self, model: str) -> Trial | None:
        """Compare the version of a model on trial with the live one; None without a trial.

        Raises
        ------
        StoreError
        """
        version = self.registry.trials.get(model)
        if version is None or not self.journal:
            return None
        try:
            numbers = self.registry.manifest(model, version).task == "regression"
        except (UnknownVersion, ArtefactError):  # deleted since; the registry will notice
            return None
        return self.store.trial(model, version, numbers=numbers)

    def unmatched(self, limit: int) -> tuple[int, list[Feedback]]:
        """Count the feedback without a prediction that is too old to get one; return the latest.

        Raises
        ------
        StoreError
        """
        return self.store.unmatched(clock.now() - LATEST_ARRIVAL, limit)


def _entry(
    predicted: Predicted, records: Any, context: RequestContext, now: int
) -> PredictionEntry[Any]:
    engine, prediction_ids, rows, predictions, explanations = predicted
    return PredictionEntry(
        time=now,
        model=engine.manifest.name,
        version=engine.manifest.version,
        request_id=context.request_id,
        duration=(time.perf_counter_ns() - context.since) // 1000,
        ids=prediction_ids,
        fields=engine.schema.names,
        records=records,
        predictions=predictions.values,
        classes=engine.manifest.classes,
        probabilities=predictions.probabilities,
        intervals=predictions.intervals,
        warnings=rows.remarks,
        key=context.caller.name,
        explanations=explanations,
        own_id=context.own_id,
        places=_places(context, len(prediction_ids)) if context.own_id else [],
    )


def _places(context: RequestContext, count: int) -> list[int]:
    """Return the positions in the request of records with an own id; none of a single record."""
    return [*context.places] or ([*range(count)] if count > 1 else [])
