"""The parts of a fitted estimator, however it is wrapped."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline

THREADS = ("n_jobs", "nthread", "num_threads")  # LightGBM and XGBoost have other names too


def wrapped(fitted: Any) -> list[Any]:
    """The fitted estimators that another one passes its rows to."""
    if isinstance(fitted, FixedThresholdClassifier | TunedThresholdClassifierCV):
        return [fitted.estimator_]
    if isinstance(fitted, TransformedTargetRegressor):
        return [fitted.regressor_]
    if isinstance(fitted, CalibratedClassifierCV):
        return [each.estimator for each in fitted.calibrated_classifiers_]
    if isinstance(fitted, FrozenEstimator):
        return [fitted.estimator]
    if isinstance(fitted, VotingClassifier | VotingRegressor):
        return [*fitted.estimators_]
    return []


class Behind(NamedTuple):
    """An estimator that decides, and the fitted steps that rows go through before it."""

    estimator: Any
    steps: tuple[Any, ...]


def deciding(fitted: Any, steps: tuple[Any, ...] = ()) -> Iterator[Behind]:
    """The estimators that decide within a fitted one: in Pipelines, thresholds, votes and so on."""
    if isinstance(fitted, Pipeline):
        before = (step for _, step in fitted.steps[:-1] if step not in (None, "passthrough"))
        yield from deciding(fitted.steps[-1][1], (*steps, *before))
    elif inner := wrapped(fitted):
        for each in inner:
            yield from deciding(each, steps)
    else:
        yield Behind(fitted, steps)


def every(fitted: Any) -> Iterator[Any]:
    """An estimator and all estimators in it, also in lists, tuples and dictionaries."""
    seen: set[int] = set()
    waiting = [fitted]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
        elif hasattr(each, "get_params") and not isinstance(each, type):
            yield each
            waiting += vars(each).values()
        elif type(each).__module__.startswith("sklearn.") and hasattr(each, "__dict__"):
            waiting += vars(each).values()


def is_forest(estimator: Any) -> bool:
    """Whether an estimator is one of scikit-learn that fits each of its trees as a task."""
    return type(estimator).__module__ == "sklearn.ensemble._forest"


def use_one_thread(fitted: Any) -> None:
    """Make an estimator and all estimators in it use one thread from now on.

    Threads add probabilities up in any order, and only cost time where rows come one by one.
    """
    for each in every(fitted):
        ours = type(each).__module__.startswith("sklearn.")  # where None means one already
        parameters = each.get_params(deep=False)
        wanted = [name for name in THREADS if name in parameters]
        names = [name for name in wanted if not (ours and parameters[name] is None)]
        if names:
            each.set_params(**dict.fromkeys(names, 1))
        if hasattr(each, "get_booster") and each.__sklearn_is_fitted__():
            each.get_booster().set_param({"nthread": 1})  # XGBoost keeps it in the booster
