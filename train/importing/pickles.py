"""Loading a pickled estimator, and what is refused in a file."""

import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import sklearn
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.utils.validation import check_is_fitted

from serving import COMMAND
from serving.models.refusals import reason
from train.errors import TrainingError
from train.importing.reading import UntrustedNames, read

JOIN_THEM = (
    "join them into a Pipeline and pickle that; or pickle the model and each scaler in a file of "
    f'its own, and name the column of each: {COMMAND} train import --scaler "COLUMN"=scaler.pkl '
    "model.pkl"
)


def load(file: Path, trusted: Collection[str] = ()) -> Any:
    """Load a fitted classifier or regressor.

    Of a fitted search, the best estimator is returned.

    Parameters
    ----------
    trusted : collection of str
        Types and functions that the file may load besides those that are known to be harmless.

    Raises
    ------
    TrainingError
        If the file holds anything else, or needs what is not here.
    """
    found = unpickled(file, trusted)
    found = getattr(found, "best_estimator_", found)
    if getattr(found, "refit", None) is False:
        raise TrainingError(
            f"{file} holds a {type(found).__name__} with refit=False, which keeps no fitted "
            "estimator: fit it with refit=True"
        )
    _require_model(file, found)
    return found


def unpickled(file: Path, trusted: Collection[str]) -> Any:
    """The object that a file holds.

    Raises
    ------
    TrainingError
        If it cannot be loaded, would load what is not trusted, or was pickled by another
        scikit-learn.
    """
    if not file.is_file():
        raise TrainingError(f"there is no file {file}")
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = read(file.read_bytes(), trusted)
    except UntrustedNames as untrusted:
        options = " ".join(f"--trust {name}" for name in untrusted.names)
        raise TrainingError(
            f"{file} would load {untrusted}, by which it may run any code, so nothing of it was "
            f"loaded: if you trust who made it, add {options}"
        ) from None
    except ModuleNotFoundError as error:
        raise TrainingError(
            f"{file} needs the package {error.name}, which is not installed: install it, here "
            "and where the model is served"
        ) from error
    except AttributeError as error:
        raise TrainingError(
            f"{file} needs code of the script that made it ({reason(error)}): use functions and "
            "classes of installed packages in a Pipeline"
        ) from error
    except Exception as error:  # why: a pickle runs code, which may raise anything
        raise TrainingError(
            f"{file} cannot be loaded, because it is not a pickle or .skops file, or not complete "
            f"({reason(error)}): pickle the estimator again"
        ) from error
    for warning in warned:
        if isinstance(warning.message, InconsistentVersionWarning):
            _require_like(file, warning.message.original_sklearn_version)
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
    if isinstance(found, Mapping | list | tuple):
        parts = [*found.values()] if isinstance(found, Mapping) else [*found]
        named = ", ".join(dict.fromkeys(type(part).__name__ for part in parts[:10])) or "nothing"
        advice = JOIN_THEM if any(hasattr(part, "predict") for part in parts) else ""
        raise TrainingError(
            f"{file} holds a {kind} of {named}, not an estimator{'; ' if advice else ''}{advice}"
        )
    if isinstance(found, type) or not (hasattr(found, "fit") and hasattr(found, "get_params")):
        what = f"the class {found.__name__}" if isinstance(found, type) else f"a {kind}"
        raise TrainingError(
            f"{file} holds {what}, not an estimator: pickle a fitted estimator or Pipeline of "
            "scikit-learn, or one that is made like these, alone"
        )
    if not _predicts(found):
        raise TrainingError(
            f"{file} holds a {kind}, {_role(found)}, but only classifiers and regressors can be "
            "served"
        )
    try:
        check_is_fitted(found)
    except NotFittedError:
        raise TrainingError(
            f"{file} holds a {kind} that was never fitted: call fit before pickling it"
        ) from None
    except TypeError as error:
        raise TrainingError(f"{file} holds a {kind}: {reason(error)}") from None


def _predicts(found: Any) -> bool:
    try:
        return bool(is_classifier(found) or is_regressor(found))
    except (AttributeError, TypeError, ValueError):  # it lacks the tags of scikit-learn
        return False


def _role(found: Any) -> str:
    """What an estimator does that does not predict."""
    try:
        if is_clusterer(found):
            return "which finds clusters"
        if is_outlier_detector(found):
            return "which finds outliers"
    except (AttributeError, TypeError, ValueError):  # likewise
        pass
    return "which transforms" if hasattr(found, "transform") else "of another kind"
