"""The files that LightGBM and XGBoost write themselves, which hold no code, as estimators."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelEncoder

from serving.models.refusals import reason
from train.errors import TrainingError

LIGHTGBM, XGBOOST = b"tree\n", b"{"  # how a text of LightGBM begins; JSON or UBJSON of XGBoost


def load(file: Path) -> Any:
    """Read the model that LightGBM or XGBoost saved.

    Its labels are 0, 1, …, because the file has no others.

    Raises
    ------
    TrainingError
        If the library is not installed, or it cannot be read or ranks.
    """
    if file.read_bytes().startswith(LIGHTGBM):
        return _read(file, "lightgbm", _of_lightgbm)
    return _read(file, "xgboost", _of_xgboost)


def _read(file: Path, name: str, build: Any) -> Any:
    try:
        library = import_module(name)
    except ModuleNotFoundError:
        raise TrainingError(
            f"{file} needs the package {name}, which is not installed: install it, here and where "
            "the model is served"
        ) from None
    try:
        return build(library, file)
    except TrainingError:
        raise
    except Exception as error:  # why: libraries have errors of their own
        raise TrainingError(f"{file} cannot be loaded by {name}: {reason(error)}") from error


def _of_lightgbm(library: Any, file: Path) -> Any:
    """The estimator of a text, put together: LightGBM has no function for it."""
    booster = library.Booster(model_str=file.read_text(encoding="utf-8"))
    objective = str(booster.params.get("objective", "regression")).split(" ", maxsplit=1)[0]
    _require_no_ranking(file, objective)
    is_classifier = objective.startswith(("binary", "multiclass", "cross_entropy"))
    kind = library.LGBMClassifier if is_classifier else library.LGBMRegressor
    model = kind(objective=objective)
    model._Booster = booster
    model._objective = objective
    model._n_features = model._n_features_in = booster.num_feature()
    model.fitted_ = True
    if is_classifier:
        count = max(2, booster.num_model_per_iteration())
        model._classes, model._n_classes = np.arange(count), count
        model._class_map = {code: code for code in range(count)}
        model._le = LabelEncoder().fit(model._classes)
    return model


def _of_xgboost(library: Any, file: Path) -> Any:
    booster = library.Booster()
    booster.load_model(bytearray(file.read_bytes()))
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    _require_no_ranking(file, objective)
    is_classifier = objective.startswith(("binary:", "multi:"))
    model = library.XGBClassifier() if is_classifier else library.XGBRegressor()
    model.load_model(bytearray(file.read_bytes()))
    return model


def _require_no_ranking(file: Path, objective: str) -> None:
    if objective.startswith(("rank", "lambdarank", "survival")):
        raise TrainingError(
            f"{file} has the objective {objective}, but only classifiers and regressors can be "
            "served"
        )
