"""A fitted estimator that someone else pickled."""

import warnings
from pathlib import Path
from typing import Any

import joblib
import sklearn
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.utils.validation import check_is_fitted

from train.errors import TrainingError


def load(file: Path) -> Any:
    """Unpickle a fitted estimator or Pipeline, which runs whatever code is in the file.

    Of a search that was fitted, the best estimator is what counts.

    Raises
    ------
    TrainingError
        If the file holds anything else, or needs what is not here.
    """
    if not file.is_file():
        raise TrainingError(f"there is no file {file}")
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = joblib.load(file)
    except AttributeError as error:
        raise TrainingError(
            f"{file} needs code of the script that made it ({error}); use functions and classes of "
            "installed packages in a Pipeline"
        ) from error
    except Exception as error:  # why: a pickle runs code, which may raise anything
        raise TrainingError(f"{file} cannot be loaded: {error}") from error
    for warning in warned:
        if isinstance(warning.message, InconsistentVersionWarning):
            _require_like(file, warning.message.original_sklearn_version)
    found = getattr(found, "best_estimator_", found)
    _require_model(file, found)
    return found


def _require_like(file: Path, made_by: str) -> None:
    here = sklearn.__version__
    if made_by.split(".")[:2] != here.split(".")[:2]:
        raise TrainingError(
            f"{file} was pickled by scikit-learn {made_by}, this is {here}: install scikit-learn "
            f"{made_by}, or fit the model again"
        )


def _require_model(file: Path, found: Any) -> None:
    kind = type(found).__name__
    if not hasattr(found, "fit"):
        raise TrainingError(
            f"{file} holds a {kind}, not an estimator: pickle the fitted estimator or Pipeline "
            "alone"
        )
    if not (is_classifier(found) or is_regressor(found)):
        raise TrainingError(f"{file} holds a {kind}, which is neither classifier nor regressor")
    try:
        check_is_fitted(found)
    except NotFittedError:
        raise TrainingError(f"{file} holds a {kind} that was never fitted") from None
