"""The estimators that may learn from a CSV, and what each needs in front of it.

All take a matrix: a column for each field, categories as codes, missing values as NaN.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from serving.field import Field
from train.errors import TrainingError
from train.task import Kind

Fields = tuple[Field, ...]

MANY_ROWS = 5000  # with so many, half the trees do as well
ROWS_PER_LEAF = 2000
MISSING = -1  # the code of a category that is missing


def _forest(classifier: Any, regressor: Any) -> Callable[[Kind, Fields, int], Any]:
    def build(task: Kind, fields: Fields, rows: int) -> Any:
        size = {
            "n_estimators": 50 if rows > MANY_ROWS else 100,
            "min_samples_leaf": max(3, rows // ROWS_PER_LEAF),
            "n_jobs": -1,
        }
        classifies = task == "classification"
        forest = classifier(**size) if classifies else regressor(**size, max_features=0.4)
        return _imputed(forest, fields)

    return build


def _tree(task: Kind, fields: Fields, rows: int) -> Any:
    kind = DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor
    return _imputed(kind(min_samples_leaf=max(5, rows // 200)), fields)


def _hist_gradient_boosting(task: Kind, fields: Fields, rows: int) -> Any:  # noqa: ARG001
    classifies = task == "classification"
    kind = HistGradientBoostingClassifier if classifies else HistGradientBoostingRegressor
    return kind(
        learning_rate=0.06,
        max_iter=150,
        max_leaf_nodes=15,
        categorical_features=_columns(fields, category=True) or None,
    )


def _linear(task: Kind, fields: Fields, rows: int) -> Any:  # noqa: ARG001
    missing = SimpleImputer(strategy="constant", fill_value=MISSING)
    prepared = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
                _columns(fields, category=False),
            ),
            (
                "categories",
                make_pipeline(missing, OneHotEncoder(handle_unknown="ignore")),
                _columns(fields, category=True),
            ),
        ]
    )
    model = LogisticRegression(max_iter=1000) if task == "classification" else Ridge()
    return Pipeline([("prepared", prepared), ("model", model)])


def _from_package(package: str, prefix: str, **parameters: Any) -> Callable[..., Any]:
    def build(task: Kind, fields: Fields, rows: int) -> Any:  # noqa: ARG001
        kind = f"{prefix}{'Classifier' if task == 'classification' else 'Regressor'}"
        return getattr(import_module(package), kind)(
            n_estimators=200, learning_rate=0.05, n_jobs=-1, **parameters
        )

    return build


BUILDERS: dict[str, Callable[[Kind, Fields, int], Any]] = {
    "random-forest": _forest(RandomForestClassifier, RandomForestRegressor),
    "extra-trees": _forest(ExtraTreesClassifier, ExtraTreesRegressor),
    "hist-gradient-boosting": _hist_gradient_boosting,
    "decision-tree": _tree,
    "linear": _linear,
    "lightgbm": _from_package("lightgbm", "LGBM", num_leaves=15, verbose=-1),
    "xgboost": _from_package("xgboost", "XGB", max_depth=4),
}
PACKAGES = ("lightgbm", "xgboost")
TAKES_CODES = ("xgboost",)  # for labels


def build(name: str, task: Kind, fields: Fields, rows: int) -> Any:
    """An estimator by its name, fit for so many rows of these fields.

    Raises
    ------
    TrainingError
        If it comes from a package that is not installed.
    """
    if name in PACKAGES and not find_spec(name):
        raise TrainingError(
            f"{name} is not installed: pip install {name}, here and where it serves"
        )
    return BUILDERS[name](task, fields, rows)


def _imputed(model: Any, fields: Fields) -> Any:
    """A model behind imputers for the fields that may be missing, if there are any."""
    numbers, categories = (
        [at for at in _columns(fields, category=category) if fields[at].optional]
        for category in (False, True)
    )
    if not (numbers or categories):
        return model
    missing = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), numbers),
            ("categories", SimpleImputer(strategy="constant", fill_value=MISSING), categories),
        ],
        remainder="passthrough",
    )
    return Pipeline([("missing", missing), ("model", model)])


def _columns(fields: Fields, *, category: bool) -> list[int]:
    return [at for at, field in enumerate(fields) if (field.type == "category") == category]
