"""The latest predictions of a version, of which is kept what a check needs, part by part."""

import math
from collections.abc import Iterable

import numpy as np

from serving.models.artefact import Artefact
from serving.models.trained_rows import Known
from serving.monitor.counts import Counts, EvenRows, Floats
from serving.monitor.decoder import Decoder
from serving.monitor.drift.comparison import Comparison
from serving.monitor.performance.bootstrap import Gathered
from serving.monitor.performance.estimate import expected
from serving.monitor.performance.predictions import Classified, one_hot
from serving.monitor.rows import Rows

SAMPLED = 1_000  # rows at most that are kept whole


class Window:
    """What a check needs of the predictions of a window; memory does not grow with their number.

    Attributes
    ----------
    fields : sequence of Field
    rows, warned : int
        How many predictions there are, and how many came with a warning.
    stored : int
        How many of them the store had; the others came from the archive.
    since, until : float
        The times of the first and the last, in milliseconds since 1970, UTC; NaN without any.
    durations, delays : Counts
        Microseconds; milliseconds from a prediction to its feedback.
    labels : ndarray of int, shape (classes,)
        How often each was predicted.
    comparison : Comparison
        The fields and the outputs beside the reference.
    realised, estimated : Gathered
        The predictions whose outcome is known, and all of a classifier with probabilities.
    unrecorded : dict of str to str
        By field: the code of the reason why not all of its values are there.
    trained : TrainedRows or None
        The rows that the version was trained on.
    known : Known
        How many of the rows are among these.
    """

    def __init__(
        self,
        trained: Artefact,
        decoder: Decoder,
        held_out: Iterable[str] = (),
    ) -> None:
        self.decoder, self.fields = decoder, trained.manifest.fields
        self.rows = self.warned = self.stored = 0
        self.since = self.until = math.nan
        self.durations, self.delays = Counts(), Counts()
        self.labels = np.zeros(len(decoder.classes), np.int64)
        self.comparison = Comparison(trained)
        self.realised, self.estimated = Gathered(held_out), Gathered()
        self.unrecorded: dict[str, str] = {}
        self.trained, self.known = trained.reference.trained, Known(0, 0)
        self._reliability = trained.reference.reliability
        texts = any(field.type == "text" for field in self.fields)
        self._can_sample = not texts and (decoder.has_probabilities or not decoder.classes)
        self._even = EvenRows(SAMPLED)

    def add(self, rows: Rows) -> None:
        """Add some of the predictions."""
        if not len(rows):
            return
        self.rows += len(rows)
        self.warned += rows.warned
        self.since = np.fmin(self.since, rows.times.min())
        self.until = np.fmax(self.until, rows.times.max())
        self.durations.add(rows.durations)
        if self.decoder.classes:
            known = rows.predicted[self.decoder.known(rows.predicted)]
            self.labels += np.bincount(known, minlength=len(self.labels))
        self.comparison.add(rows)
        self._sample(rows)
        self._look_for(rows)
        predictions = self.decoder.predictions(rows.predicted, rows.probabilities, rows.actual)
        if isinstance(predictions, Classified) and predictions.probabilities is not None:
            self.estimated.add(predictions, expected(predictions, self._reliability))
        self._add_feedback(rows)

    def sample(self, max_rows: int) -> tuple[Floats, Floats] | None:
        """Return evenly chosen rows as an estimator takes them, and the outputs for them.

        None if not all fields are there as they were sent, as texts never are.
        """
        if self.unrecorded or not self.rows or not self._can_sample:
            return None
        *fields, outputs = self._even.columns()
        kept = len(outputs)
        places = np.linspace(0, kept - 1, min(max_rows, kept)).round().astype(np.intp)
        return np.column_stack(fields)[places], outputs[places]

    def _look_for(self, rows: Rows) -> None:
        """Look for rows that the version was trained on."""
        if self.trained and not self.unrecorded:
            matrix = np.column_stack([rows.fields[field.name] for field in self.fields])
            found = self.trained.find(matrix)
            self.known = Known(self.known.rows + found.rows, self.known.trained + found.trained)

    def _sample(self, rows: Rows) -> None:
        if not self._can_sample or self.unrecorded:
            return
        outputs = rows.probabilities if self.decoder.classes else rows.predicted[:, None]
        if outputs is not None:
            self._even.add([*(rows.fields[field.name] for field in self.fields), outputs])

    def _add_feedback(self, rows: Rows) -> None:
        there = ~np.isnan(rows.feedback_times)
        self.delays.add(np.maximum(rows.feedback_times[there] - rows.times[there], 0.0))
        predictions, actual = self.decoder.with_outcome(
            rows.predicted, rows.probabilities, rows.actual
        )
        if len(actual):
            is_classified = isinstance(predictions, Classified)
            weights = one_hot(actual, len(self.labels)) if is_classified else np.ones(len(actual))
            self.realised.add(predictions, weights)
