"""A loaded version of a model, which predicts rows."""

import logging
import math
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

from serving.errors import LISTED_FAULTS, ArtefactError, Fault, InvalidRecords
from serving.inputs.schema import Matrix, Schema
from serving.inputs.shown import in_full
from serving.models import forest
from serving.models.artefact import FOREST, ONNX, Artefact
from serving.models.backends import Compute, from_onnx, from_pickle
from serving.models.explaining.explainer import Explainer
from serving.models.explaining.explanation import ExplainOptions, Explanation, make_explanations
from serving.models.manifest import Manifest
from serving.models.outputs import Predictions, make_decoder, margins
from serving.models.refusals import compute_or_refuse

log = logging.getLogger(__name__)

TOLERANCE = 1e-9  # between what is compiled and the pickle; single precision would exceed it
OF_PICKLE = 1e-4  # between a pickle and itself on a machine that adds in another order
LISTED_VALUES = 20
TIE = 1e-12  # between probabilities that differ only in the last bits of double precision
NEAR_ZERO = 1e-3  # of the range of the outputs; gaps of smaller numbers are relative to this


class Agreement(NamedTuple):
    """How far two ways to compute the same model differ on the same rows.

    Attributes
    ----------
    label_differences : int
        Always 0 for a regression. Rows that only one of the two refuses count too; rows on the
        border between two labels, where the last bit of a sum decides, do not.
    largest_gap : float
        Between probabilities; or between numbers, relative to the number, or to a thousandth of
        the range (highest less lowest) of the recorded outputs if that is more.
    on_thresholds : int
        How many of the rows are on or next to a threshold of the model's trees.
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
        """Whether one may replace the other."""
        return self.is_within(TOLERANCE)

    def is_within(self, tolerance: float) -> bool:
        """Whether labels are equal, and other outputs equal within a tolerance."""
        return self.label_differences == 0 and self.largest_gap <= tolerance


class Engine:
    """A version of a model, ready to predict.

    Parameters
    ----------
    artefact : Artefact
        As read, with verified contents.

    Attributes
    ----------
    backend : {"forest", "onnx", "pickle"}
        What predicts: the table of the forest, ONNX Runtime or scikit-learn. It is the first that
        is present and reproduces the recorded outputs of the pickle.
    unfit : list of str
        The compiled files that do not reproduce them.
    decode : callable
        Turns raw outputs into predictions; raises InvalidRecords for those that are not finite.

    Raises
    ------
    ArtefactError
        If the pickle was made by another scikit-learn; or if it is needed and cannot be loaded, or
        does not reproduce its recorded outputs.
    """

    def __init__(self, artefact: Artefact) -> None:
        self.manifest = artefact.manifest
        self.schema = Schema(self.manifest.fields, self.manifest.table)
        _require_same_library(artefact)
        rows, outputs = artefact.recorded_outputs()
        self._recorded = rows
        self.decode = make_decoder(self.manifest)
        self._range = 1.0 if self.manifest.classes else float(np.ptp(outputs)) or 1.0
        self.unfit: list[str] = []
        self.backend = self._load(artefact, outputs)
        self._explainer = Explainer(artefact, self._compute, rows, self.unfit)

    def _load(self, artefact: Artefact, outputs: Matrix) -> str:
        """Load what is to predict; return its name."""
        rows = self._recorded
        for file, (backend, load) in _compiled().items():
            if file not in artefact.contents:
                continue
            try:
                self._compute = load(artefact.contents[file], self.manifest)
                self._check(rows, outputs, TOLERANCE)
            except ArtefactError as error:
                log.error("%s: %s %s", artefact, file, error)  # noqa: TRY400 - the message is enough
                self.unfit.append(file)
            else:
                return backend
        self._compute = from_pickle(artefact)
        try:
            self._check(rows, outputs, OF_PICKLE)
        except ArtefactError as error:
            raise ArtefactError(f"{artefact}: the pickle {error}") from error
        return "pickle"

    def predict(self, rows: Matrix) -> Predictions:
        """Predict each of the rows, shape (rows, fields).

        Raises
        ------
        InvalidRecords
            For rows that the estimator refuses, the first `LISTED_FAULTS` of them, or whose
            output is not finite.
        """
        return self.decode(self.outputs(rows))

    def outputs(self, rows: Matrix) -> Matrix:
        """Compute the raw outputs of rows; see `backends`.

        Raises
        ------
        InvalidRecords
            For rows that the estimator refuses, the first `LISTED_FAULTS` of them.
        """
        try:
            return self._compute(rows)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 # why: estimators and runtimes have errors of their own
            return self._without_refused(rows)

    def explain(
        self,
        rows: Matrix,
        predictions: Predictions,
        options: ExplainOptions,
        samples: int,
        seconds: float = math.inf,
    ) -> list[Explanation]:
        """Explain the predictions of rows.

        Parameters
        ----------
        samples : int
            How many orders of the fields are drawn for a model that has no exact explanation.
        seconds : float, optional
            How long that may take; rows that are left then are not explained.
        """
        explained = self._explainer.explain(rows, samples, seconds)
        names, records = self.schema.names, self.schema.values(rows)
        classes, labels = self.manifest.classes, predictions.values
        return make_explanations(
            explained, names, records, classes=classes, predicted=labels, options=options
        )

    def _without_refused(self, rows: Matrix) -> Matrix:
        """Compute rows in parts after an error; raises InvalidRecords for those at fault."""
        self._compute(self._recorded)  # raises if the engine itself fails, not a record
        _, outputs, refused = compute_or_refuse(self._compute, rows, LISTED_FAULTS)
        if refused:
            log.info("%s: %d rows are refused", self.manifest.name, len(refused))
            raise InvalidRecords([self._fault(row, rows[row], why) for row, why in refused.items()])
        return outputs

    def _fault(self, place: int, row: Matrix, why: str) -> Fault:
        """Explain why a row was refused: a value that an encoder does not know, or the error."""
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
        """Compare another way to compute this model with this engine."""
        places, ours, refused = compute_or_refuse(self._compute, rows)
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
        labels = zip(self.decode(ours).values, self.decode(theirs).values, strict=True)
        unlike = np.array([one != another for one, another in labels], dtype=bool)
        differences = int((unlike & (margins(self.manifest, ours) > TIE)).sum())
        return Agreement(len(ours), differences, float(np.abs(ours - theirs).max(initial=0.0)))

    def _gap(self, ours: Matrix, theirs: Matrix) -> float:
        """Return the largest relative gap between numbers; see `Agreement`."""
        scale = np.maximum(np.abs(ours), NEAR_ZERO * self._range)
        return float((np.abs(ours - theirs) / scale).max(initial=0.0))

    def _check(self, rows: Matrix, outputs: Matrix, tolerance: float) -> None:
        try:
            agreement = self._agreement(self._compute(rows), outputs)
        except Exception as error:  # why: estimators and runtimes have errors of their own
            raise ArtefactError(f"cannot predict the recorded rows: {error!r}") from error
        if not agreement.is_within(tolerance):
            raise ArtefactError(f"does not predict as recorded: {agreement}")


def _compiled() -> dict[str, tuple[str, Callable[[bytes, Manifest], Compute]]]:
    """The compiled files that can be loaded here, the fastest first: backend and loader of each."""
    walked = {FOREST: ("forest", forest.from_forest)} if forest.is_available() else {}
    return {**walked, ONNX: ("onnx", from_onnx)}


def _require_same_library(artefact: Artefact) -> None:
    made_by = artefact.manifest.libraries.get("scikit-learn", "an unknown version")
    here = version("scikit-learn")
    difference = f"{artefact} was pickled by scikit-learn {made_by}, and {here} is installed"
    if made_by.split(".")[:2] != here.split(".")[:2]:
        raise ArtefactError(f"{difference}: install scikit-learn {made_by} or train it again")
    if made_by != here:
        log.warning("%s: the releases differ in fixes only, so it is served", difference)
