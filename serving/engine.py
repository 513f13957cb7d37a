"""One loaded version of a model: rows in, predictions out."""

import io
import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

import joblib
import numpy as np
import onnxruntime

from serving.artefact import ONNX, PICKLE, Artefact
from serving.errors import ArtefactError
from serving.schema import Matrix, Schema

log = logging.getLogger(__name__)

Probabilities = Callable[[Matrix], Matrix]

SCALE = 1e6  # probabilities have six decimals: coarser than what single precision adds
TOLERANCE = 1e-6


class Predictions(NamedTuple):
    """What the model says of each row.

    Attributes
    ----------
    values : list of str or of float
        The labels of a classification, the numbers of a regression.
    probabilities : list of list of float
        In the order of `classes`; empty where the model has none.
    intervals : list of (float, float)
        Lowest and highest; empty where the model has none.
    """

    values: list[str | float]
    probabilities: list[list[float]]
    intervals: list[tuple[float, float]]


class Agreement(NamedTuple):
    """How far two ways to compute the same model are apart on the same rows."""

    rows: int
    label_differences: int
    largest_gap: float

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
        self.schema = Schema(self.manifest.fields)
        if not self.manifest.threshold:
            raise ArtefactError(f"{artefact}: a model without a threshold is not served yet")
        self._threshold = self.manifest.threshold
        classes, positive = self.manifest.classes, self._threshold.label
        self._positive = classes.index(positive)
        (self._negative,) = (label for label in classes if label != positive)
        _require_same_library(artefact)
        rows, answers = artefact.answers()
        if ONNX in artefact.contents:
            self.backend, self._probabilities = "onnx", from_onnx(artefact.contents[ONNX])
            agreement = self.compare(lambda _: answers, rows)
            if agreement.holds:
                return
            log.error("%s: %s does not answer as its pickle did: %s", artefact, ONNX, agreement)
        self.backend, self._probabilities = "pickle", from_pickle(artefact)
        agreement = self.compare(lambda _: answers, rows)
        if not agreement.holds:
            raise ArtefactError(f"{artefact}: the pickle does not answer as it did: {agreement}")

    def predict(self, rows: Matrix) -> Predictions:
        """Predict each of the rows, shape (rows, fields)."""
        return self._decide(self._probabilities(rows))

    def compare(self, other: Probabilities, rows: Matrix) -> Agreement:
        """Hold another way to compute this model against the one that serves."""
        ours, theirs = self._probabilities(rows), other(rows)
        labels = zip(self._decide(ours).values, self._decide(theirs).values, strict=True)
        differences = sum(one != another for one, another in labels)
        return Agreement(len(rows), differences, float(np.abs(ours - theirs).max()))

    def _decide(self, probabilities: Matrix) -> Predictions:
        # Rounded first: the label always agrees with the probability that the client sees.
        if len(probabilities) == 1:  # the same arithmetic, without the cost of calling NumPy
            rounded = [[round(p * SCALE) / SCALE for p in probabilities[0].tolist()]]
        else:
            rounded = (np.rint(probabilities.astype(np.float64) * SCALE) / SCALE).tolist()
        label, least = self._threshold.label, self._threshold.value
        column, otherwise = self._positive, self._negative
        labels: list[str | float] = [
            label if row[column] >= least else otherwise for row in rounded
        ]
        return Predictions(labels, rounded, [])


def from_pickle(artefact: Artefact) -> Probabilities:
    """The model as scikit-learn computes it, here.

    Raises
    ------
    ArtefactError
        If the pickle cannot be loaded.
    """
    try:
        estimator: Any = joblib.load(io.BytesIO(artefact.contents[PICKLE]))
    except Exception as error:  # why: a pickle runs code, which may raise anything
        raise ArtefactError(f"{artefact}: the pickle cannot be loaded: {error!r}") from error
    predict_proba: Probabilities = estimator.predict_proba
    return predict_proba


def from_onnx(content: bytes) -> Probabilities:
    """The model as ONNX Runtime computes it, on the calling thread alone."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (name,) = (node.name for node in session.get_inputs())
    outputs = [session.get_outputs()[1].name]

    def probabilities(rows: Matrix) -> Matrix:
        # scikit-learn's trees compare the single-precision value of a number with
        # double-precision thresholds; so must these.
        as_compared = rows.astype(np.float32).astype(np.float64)
        result: Matrix = session.run(outputs, {name: as_compared})[0]
        return result

    return probabilities


def _require_same_library(artefact: Artefact) -> None:
    made_by = artefact.manifest.libraries.get("scikit-learn", "an unknown version")
    here = version("scikit-learn")
    difference = f"{artefact} was pickled by scikit-learn {made_by}, this is {here}"
    if made_by.split(".")[:2] != here.split(".")[:2]:
        raise ArtefactError(f"{difference}: install scikit-learn {made_by} or train it again")
    if made_by != here:
        log.warning("%s: a release with fixes only, so it is served", difference)
