"""One loaded version of a model: rows in, predictions out."""

import logging
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

from serving.errors import LISTED_FAULTS, ArtefactError, Fault, InvalidRecords
from serving.inputs.schema import Matrix, Schema
from serving.inputs.shown import in_full
from serving.models.artefact import ONNX, Artefact
from serving.models.backends import Compute, from_onnx, from_pickle
from serving.models.outputs import Predictions, make_decoder, margins
from serving.models.refusals import compute_or_refuse

log = logging.getLogger(__name__)

TOLERANCE = 1e-9  # of ONNX against the pickle: what is computed in single precision is not equal
OF_PICKLE = 1e-4  # of a pickle against itself, on a machine with another way of adding up
LISTED_VALUES = 20
TIE = 1e-12  # of probabilities that are equal but for the last bits of double precision
NEAR_ZERO = 1e-3  # of the spread of the answers: a smaller number is held against this


class Agreement(NamedTuple):
    """How far two ways to compute the same model are apart on the same rows.

    Attributes
    ----------
    label_differences : int
        Always 0 for a regression. A row counts that only one of the two refuses, too; one does not
        that stands on the edge between two labels, where the last bit of a sum decides.
    largest_gap : float
        Between probabilities; or between numbers, as a part of the number, or of a thousandth of
        the spread (highest less lowest) of the recorded answers where that is more.
    on_thresholds : int
        How many of the rows stand on or beside a threshold of the model's trees.
    refused : int
        How many of the rows the estimator refuses.
    """

    rows: int
    label_differences: int
    largest_gap: float
    on_thresholds: int = 0
    refused: int = 0

    @property
    def holds(self) -> bool:
        """Whether one may answer for the other."""
        return self.is_within(TOLERANCE)

    def is_within(self, tolerance: float) -> bool:
        """Whether labels are equal, and answers to a tolerance."""
        return self.label_differences == 0 and self.largest_gap <= tolerance


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
        rows, answers = artefact.recorded_outputs()
        self._recorded = rows
        self._decode = make_decoder(self.manifest)
        self._spread = 1.0 if self.manifest.classes else float(np.ptp(answers)) or 1.0
        if ONNX in artefact.contents:
            try:
                self._answers = from_onnx(artefact.contents[ONNX], self.manifest)
                self._check(rows, answers, TOLERANCE)
            except ArtefactError as error:
                log.error("%s: %s %s", artefact, ONNX, error)  # noqa: TRY400 - the message says it all
            else:
                self.backend = "onnx"
                return
        self._answers = from_pickle(artefact)
        try:
            self._check(rows, answers, OF_PICKLE)
        except ArtefactError as error:
            raise ArtefactError(f"{artefact}: the pickle {error}") from error
        self.backend = "pickle"

    def predict(self, rows: Matrix) -> Predictions:
        """Predict each of the rows, shape (rows, fields).

        Raises
        ------
        InvalidRecords
            For rows that the estimator refuses, the first `LISTED_FAULTS` of them, or has no finite
            answer to.
        """
        try:
            answers = self._answers(rows)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 # why: estimators and runtimes have errors of their own
            answers = self._unless_refused(rows)
        return self._decode(answers)

    def _unless_refused(self, rows: Matrix) -> Matrix:
        """The answers to rows that were too much at once, or else the rows that are to blame."""
        self._answers(self._recorded)  # answered before: failing now, no record is to blame
        _, answers, refused = compute_or_refuse(self._answers, rows, LISTED_FAULTS)
        if refused:
            log.info("%s: %d rows are refused", self.manifest.name, len(refused))
            raise InvalidRecords([self._fault(row, rows[row], why) for row, why in refused.items()])
        return answers

    def _fault(self, place: int, row: Matrix, why: str) -> Fault:
        """What is wrong with a refused row: a value that an encoder does not know, if any."""
        for field, value in zip(self.manifest.fields, row.tolist(), strict=True):
            known = self.manifest.known.get(field.name)
            if known and value not in known:
                listed = ", ".join(map(in_full, known[:LISTED_VALUES]))
                more = ", …" if len(known) > LISTED_VALUES else ""
                message = (
                    f"{in_full(value)} is none of the values that the model knows: {listed}{more}"
                )
                return Fault(record=place, field=field.name, message=message, value=value)
        return Fault(record=place, message=why)

    def compare(self, other: Compute, rows: Matrix) -> Agreement:
        """Hold another way to compute this model against the one that serves."""
        places, ours, refused = compute_or_refuse(self._answers, rows)
        also = compute_or_refuse(other, rows[np.array([*refused], np.intp)])[2]
        kept, theirs, more = compute_or_refuse(other, rows[places])
        found = self._agreement(ours[kept], theirs)
        apart = len(refused) - len(also) + len(more)
        return found._replace(
            rows=len(rows),
            label_differences=found.label_differences + apart,
            refused=len(refused),
        )

    def _agreement(self, ours: Matrix, theirs: Matrix) -> Agreement:
        if ours.shape != theirs.shape:
            return Agreement(len(ours), len(ours), np.inf)
        if not self.manifest.classes:
            return Agreement(len(ours), 0, self._gap(ours, theirs))
        labels = zip(self._decode(ours).values, self._decode(theirs).values, strict=True)
        unlike = np.array([one != another for one, another in labels], dtype=bool)
        differences = int((unlike & (margins(self.manifest, ours) > TIE)).sum())
        return Agreement(len(ours), differences, float(np.abs(ours - theirs).max(initial=0.0)))

    def _gap(self, ours: Matrix, theirs: Matrix) -> float:
        """The largest between numbers, as the agreement has it."""
        held_against = np.maximum(np.abs(ours), NEAR_ZERO * self._spread)
        return float((np.abs(ours - theirs) / held_against).max(initial=0.0))

    def _check(self, rows: Matrix, answers: Matrix, tolerance: float) -> None:
        try:
            agreement = self._agreement(self._answers(rows), answers)
        except Exception as error:  # why: estimators and runtimes have errors of their own
            raise ArtefactError(f"cannot answer the recorded rows: {error!r}") from error
        if not agreement.is_within(tolerance):
            raise ArtefactError(f"does not answer as recorded: {agreement}")


def _require_same_library(artefact: Artefact) -> None:
    made_by = artefact.manifest.libraries.get("scikit-learn", "an unknown version")
    here = version("scikit-learn")
    difference = f"{artefact} was pickled by scikit-learn {made_by}, this is {here}"
    if made_by.split(".")[:2] != here.split(".")[:2]:
        raise ArtefactError(f"{difference}: install scikit-learn {made_by} or train it again")
    if made_by != here:
        log.warning("%s: a release with fixes only, so it is served", difference)
