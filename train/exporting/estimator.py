"""A version as an estimator made of scikit-learn's own classes, which others load without us."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder, OrdinalEncoder

from serving.inputs.schema import Matrix
from serving.models.artefact import Artefact
from serving.models.backends import columns, make_input_converter
from serving.models.engine import OF_PICKLE, Engine
from serving.models.manifest import Manifest
from serving.models.refusals import reason
from train.errors import TrainingError


def to_frame(manifest: Manifest, rows: Matrix) -> pd.DataFrame:
    """Rows as others send them: labels as text, all else as numbers or as it was fitted on."""
    if manifest.takes == "frame":
        frame: pd.DataFrame = make_input_converter(manifest)(rows)
        return frame
    given = zip(manifest.fields, columns(manifest.fields, rows, missing=None), strict=True)
    return pd.DataFrame(
        {
            field.name: pd.Series(column, dtype="str" if field.type == "category" else None)
            for field, column in given
        }
    )


def standalone(artefact: Artefact, fitted: Any) -> Any:
    """Make the estimator that takes such a frame and predicts what the service does.

    The service keeps the codes of labels, the labels of the target and the threshold in the
    manifest; here they become steps of scikit-learn around the estimator.

    Raises
    ------
    TrainingError
        If it does not predict the same on the version's recorded rows.
    """
    manifest = artefact.manifest
    rows, _ = artefact.recorded_outputs()
    frame = to_frame(manifest, rows)
    expected, *_ = Engine(artefact).predict(rows)
    try:
        made = fitted if manifest.takes == "frame" else _with_codes(fitted, manifest, frame)
        if manifest.classes:
            made = _with_labels(made, fitted, manifest, frame)
        as_sent = frame.astype(dict.fromkeys(frame.select_dtypes("category"), "str"))
        predicted = np.asarray(made.predict(as_sent))
    except Exception as error:  # noqa: BLE001 # why: estimators have errors of their own
        why = reason(error)
    else:
        if not manifest.classes:
            if np.allclose(predicted, expected, rtol=OF_PICKLE, atol=0):
                return made
        elif [*map(str, predicted.tolist())] == [*expected]:
            return made
        why = "it would predict otherwise"
    raise TrainingError(f"{artefact} cannot be loaded by scikit-learn without the service: {why}")


def _with_codes(fitted: Any, manifest: Manifest, frame: pd.DataFrame) -> Pipeline:
    """The estimator behind encoders that replace labels by their codes, as in a row."""
    if manifest.takes == "texts" or any(each.type in {"date", "text"} for each in manifest.fields):
        raise TrainingError("dates and texts are read by the service's own code")
    steps: list[Any] = []
    for place, field in enumerate(manifest.fields):
        known = [*field.categories, *([np.nan] if field.optional else [])]
        step = OrdinalEncoder(categories=[known]) if field.categories else "passthrough"
        steps.append((f"field {place}", step, [field.name]))
    return Pipeline([("fields", ColumnTransformer(steps).fit(frame)), ("model", fitted)])


def _with_labels(made: Any, fitted: Any, manifest: Manifest, frame: pd.DataFrame) -> Any:
    """The estimator with its labels, and with the threshold if there is one."""
    if [*map(str, fitted.classes_.tolist())] != [*manifest.classes]:  # it was fitted on codes
        vote = "hard" if manifest.outputs == "labels" else "soft"
        named = VotingClassifier([("model", made)], voting=vote)
        named.estimators_, named.le_ = [made], LabelEncoder()
        named.classes_ = named.le_.classes_ = np.array(manifest.classes)
        made = named
    if manifest.threshold is None:
        return made
    labels = made.classes_
    (positive,) = [each for each in labels.tolist() if str(each) == manifest.threshold.label]
    deciding = FixedThresholdClassifier(
        FrozenEstimator(made),
        threshold=manifest.threshold.value,
        pos_label=positive,
        response_method="predict_proba",
    )
    return deciding.fit(frame, labels[np.arange(len(frame)) % 2])  # nothing is fitted: it is frozen
