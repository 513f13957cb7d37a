"""One loaded version of a model: rows in, predictions out."""

import logging
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

from serving.artefact import ONNX, Artefact
from serving.backends import Answering, from_onnx, from_pickle
from serving.errors import ArtefactError
from serving.outputs import Predictions, telling
from serving.schema import Matrix, Schema

log = logging.getLogger(__name__)

TOLERANCE = 1e-6


class Agreement(NamedTuple):
    """How far two ways to compute the same model are apart on the same rows.

    Attributes
    ----------
    label_differences : int
        Always 0 for a regression.
    largest_gap : float
        Between probabilities; or between numbers, as a part of the spread (highest less lowest) of
        the recorded answers.
    on_thresholds : int
        How many of the rows stand on or beside a threshold of the model's trees.
    """

    rows: int
    label_differences: int
    largest_gap: float
    on_thresholds: int = 0

    @property
    def holds(self) -> bool:
        """Whether one may answer for the other."""
        return self.label_differences == 0 and self.largest_gap <= TOLERANCE


class Engine:
    """A version of a model, ready to predict.

    Parameters
    ----------
    artefact : Artefact
        As read, with verified contents.

    Attributes
    ----------
    backend : {"onnx", "pickle"}
        What answers: ONNX Runtime, or scikit-learn where ONNX is absent or does not answer as the
        pickle did when it was written.

    Raises
    ------
    ArtefactError
        If the pickle was made by another scikit-learn; or if it must serve and cannot be loaded, or
        does not answer as it did.
    """

    def __init__(self, artefact: Artefact) -> None:
        self.manifest = artefact.manifest
        self.schema = Schema(self.manifest.fields, self.manifest.table)
        _require_same_library(artefact)
        rows, answers = artefact.answers()
        self._tell = telling(self.manifest, answers)
        self._spread = 1.0 if self.manifest.classes else float(np.ptp(answers)) or 1.0
        if ONNX in artefact.contents:
            try:
                self._answers = from_onnx(artefact.contents[ONNX], self.manifest)
                self._check(rows, answers)
            except ArtefactError as error:
                log.error("%s: %s %s", artefact, ONNX, error)  # noqa: TRY400 - the message says it all
            else:
                self.backend = "onnx"
                return
        self._answers = from_pickle(artefact)
        try:
            self._check(rows, answers)
        except ArtefactError as error:
            raise ArtefactError(f"{artefact}: the pickle {error}") from error
        self.backend = "pickle"

    def predict(self, rows: Matrix) -> Predictions:
        """Predict each of the rows, shape (rows, fields).

        Raises
        ------
        InvalidRecords
            For rows that the model has no finite answer to.
        """
        return self._tell(self._answers(rows))

    def compare(self, other: Answering, rows: Matrix) -> Agreement:
        """Hold another way to compute this model against the one that serves."""
        ours, theirs = self._answers(rows), other(rows)
        if ours.shape != theirs.shape:
            return Agreement(len(rows), len(rows), np.inf)
        gap = float(np.abs(ours - theirs).max()) / self._spread
        if not self.manifest.classes:
            return Agreement(len(rows), 0, gap)
        labels = zip(self._tell(ours).values, self._tell(theirs).values, strict=True)
        return Agreement(len(rows), sum(one != another for one, another in labels), gap)

    def _check(self, rows: Matrix, answers: Matrix) -> None:
        try:
            agreement = self.compare(lambda _: answers, rows)
        except Exception as error:  # why: estimators and runtimes have errors of their own
            raise ArtefactError(f"cannot answer the recorded rows: {error!r}") from error
        if not agreement.holds:
            raise ArtefactError(f"does not answer as recorded: {agreement}")


def _require_same_library(artefact: Artefact) -> None:
    made_by = artefact.manifest.libraries.get("scikit-learn", "an unknown version")
    here = version("scikit-learn")
    difference = f"{artefact} was pickled by scikit-learn {made_by}, this is {here}"
    if made_by.split(".")[:2] != here.split(".")[:2]:
        raise ArtefactError(f"{difference}: install scikit-learn {made_by} or train it again")
    if made_by != here:
        log.warning("%s: a release with fixes only, so it is served", difference)
