"""The labels of an imported classifier, and the check that a row has a single prediction."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from serving.models.manifest import Manifest
from serving.models.refusals import reason
from train.errors import TrainingError


def labels_of(fitted: Any) -> tuple[str, ...]:
    """The labels of a classifier, none of a regressor."""
    if not is_classifier(fitted):
        return ()
    classes = getattr(fitted, "classes_", None)
    if classes is None or isinstance(classes, list):
        what = "several targets at once" if classes else "labels that it does not name"
        raise TrainingError(
            f"the {type(fitted).__name__} predicts {what}: fit a classifier for each target"
        )
    labels = tuple(str(label) for label in np.asarray(classes).tolist())
    if len(set(labels)) < max(2, len(labels)):
        raise TrainingError(
            f"the {type(fitted).__name__} has the labels {', '.join(map(repr, labels))}; two or "
            "more that differ as text are needed: fit it again with such labels"
        )
    for label in labels:
        if label != label.encode("utf-8", "replace").decode():
            raise TrainingError(
                f"the label {label!r} cannot be written in UTF-8: fit the estimator with another"
            )
    return labels


def require_one_output(fitted: Any, manifest: Manifest, rows: Iterable[Any]) -> None:
    """Make sure that the estimator predicts one label or number for a row, the first it accepts.

    Parameters
    ----------
    rows : iterable
        Single rows as the estimator takes them.

    Raises
    ------
    TrainingError
    """
    why = "the sample has no row"
    for row in rows:
        try:
            predicted = np.asarray(fitted.predict(row))
            probabilities = None
            if manifest.classes and hasattr(fitted, "predict_proba"):
                probabilities = np.asarray(fitted.predict_proba(row))
        except Exception as error:  # noqa: BLE001 # why: estimators have errors of their own
            why = reason(error)
            continue
        if predicted.size != 1:
            what = "labels" if manifest.classes else "numbers"
            raise TrainingError(
                f"the {type(fitted).__name__} predicts {predicted.size} {what} for a row, but only "
                "one can be served: fit an estimator for each target"
            )
        if probabilities is not None and probabilities.shape != (1, len(manifest.classes)):
            raise TrainingError(
                f"the {type(fitted).__name__} has {len(manifest.classes)} classes, but predicts "
                f"probabilities of shape {probabilities.shape} for a row: fit it again"
            )
        return
    raise TrainingError(f"the estimator refuses the sample: {why}")
