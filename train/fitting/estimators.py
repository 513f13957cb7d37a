"""The estimators that can be fitted to a CSV, with the preprocessing that each needs.

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
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from serving.inputs.field import Field
from serving.sentence import Sentence
from train.errors import TrainingError
from train.onnx.parts import every, is_forest
from train.task import Kind

Fields = tuple[Field, ...]

KINDS = "numbers", "two labels", "few labels", "many labels"
MANY_ROWS = 5000  # with more, half the trees are as good
ROWS_PER_LEAF = 4000
ONE_HOT = 50  # labels; a category with more is encoded as the mean of the target
MISSING = -1  # the code of a category that is missing
SIMPLEST_FIRST = ("linear", "hist-gradient-boosting", "extra-trees", "random-forest")
MAX_BOOSTED = 5  # labels: each needs a tree in every round


def _forest(classifier: Any, regressor: Any) -> Callable[[Kind, Fields, int], Any]:
    def build(task: Kind, fields: Fields, rows: int) -> Any:
        kind = classifier if task == "classification" else regressor
        forest = kind(
            n_estimators=50 if rows > MANY_ROWS else 100,
            min_samples_leaf=max(1, rows // ROWS_PER_LEAF),
            n_jobs=-1,
        )
        return _for_trees(forest, task, fields)

    return build


def _tree(task: Kind, fields: Fields, rows: int) -> Any:
    kind = DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor
    return _for_trees(kind(min_samples_leaf=max(5, rows // 200)), task, fields)


def _hist_gradient_boosting(task: Kind, fields: Fields, rows: int) -> Any:
    classifies = task == "classification"
    kind = HistGradientBoostingClassifier if classifies else HistGradientBoostingRegressor
    columns = _columns(fields)
    encoded, kept = columns["many labels"], sorted(columns["two labels"] + columns["few labels"])
    before = [at for at in range(len(fields)) if at not in encoded]
    model = kind(
        learning_rate=0.06,
        max_iter=150,
        # With few rows, more leaves overfit: probabilities become too extreme.
        max_leaf_nodes=31 if rows > MANY_ROWS else 8,
        min_samples_leaf=10,
        l2_regularization=1,
        categorical_features=[len(encoded) + before.index(at) for at in kept] or None,
    )
    if not encoded:
        return model
    prepared = ColumnTransformer(
        [("many labels", _target_encoder(task), encoded)], remainder="passthrough"
    )
    return Pipeline([("prepared", prepared), ("model", model)])


def _linear(task: Kind, fields: Fields, rows: int) -> Any:  # noqa: ARG001
    columns = _columns(fields)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    labels = columns["two labels"] + columns["few labels"] + columns["many labels"]
    parts = ("numbers", numbers, columns["numbers"]), ("categories", _one_hot(), labels)
    prepared = ColumnTransformer([part for part in parts if part[-1]])
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
AUTO = "auto"
PACKAGES = ("lightgbm", "xgboost")
TAKES_CODES = ("xgboost",)  # for labels


def build(name: str, task: Kind, fields: Fields, rows: int) -> Any:
    """An estimator by its name, with parameters for so many rows of these fields.

    Raises
    ------
    TrainingError
        If it comes from a package that is not installed.
    """
    if name in PACKAGES and not find_spec(name):
        raise TrainingError(
            Sentence(
                "{package} is not installed: pip install {package}, here and where the model is "
                "served",
                package=name,
            )
        )
    return BUILDERS[name](task, fields, rows)


def candidates(name: str, task: Kind, fields: Fields, rows: int, labels: int) -> dict[str, Any]:
    """The estimators to choose between, the simplest first: those of `auto`, or the one named."""
    names = [*SIMPLEST_FIRST] if name == AUTO else [name]
    if name == AUTO and labels > MAX_BOOSTED:
        names.remove("hist-gradient-boosting")
    return {each: build(each, task, fields, rows) for each in names}


def largest_forest(candidates: dict[str, Any]) -> tuple[int, int]:
    """The trees of the largest forest among candidates, and the rows of a leaf; 0 if none is."""
    forests = [part for each in candidates.values() for part in every(each) if is_forest(part)]
    return max(((each.n_estimators, each.min_samples_leaf) for each in forests), default=(0, 1))


def _for_trees(model: Any, task: Kind, fields: Fields) -> Any:
    """A model with the encoding that trees need; numbers and two labels stay as they are."""
    columns = _columns(fields)
    if not (columns["few labels"] or columns["many labels"]):
        return model
    parts = {"few labels": _one_hot(), "many labels": _target_encoder(task)}
    prepared = ColumnTransformer(
        [(kind, part, columns[kind]) for kind, part in parts.items() if columns[kind]],
        remainder="passthrough",
    )
    return Pipeline([("prepared", prepared), ("model", model)])


def _one_hot() -> Any:
    """A column for each label, and one for a missing value."""
    missing = SimpleImputer(strategy="constant", fill_value=MISSING)
    return make_pipeline(missing, OneHotEncoder(handle_unknown="ignore", sparse_output=False))


def _target_encoder(task: Kind) -> Any:
    """The mean of the target, cross-fitted; of each label, where there are more than two."""
    missing = SimpleImputer(strategy="constant", fill_value=MISSING)
    # By default it would treat whole numbers as classes.
    kind = "auto" if task == "classification" else "continuous"
    return make_pipeline(
        missing, TargetEncoder(target_type=kind, cv=KFold(5, shuffle=True, random_state=0))
    )


def _columns(fields: Fields) -> dict[str, list[int]]:
    """The positions of the fields of each kind."""
    columns: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for at, field in enumerate(fields):
        columns[_kind(field)].append(at)
    return columns


def _kind(field: Field) -> str:
    if field.type != "category":
        return "numbers"
    if len(field.categories) <= 2:  # noqa: PLR2004 - two
        return "two labels"
    return "few labels" if len(field.categories) <= ONE_HOT else "many labels"
