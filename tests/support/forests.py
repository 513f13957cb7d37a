"""Estimators made of trees, of every kind that a table of trees is written of."""

from dataclasses import replace
from functools import cache
from typing import Any

from artefacts import made
from estimators import CASES, Case, fitted, loans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeRegressor, ExtraTreeClassifier

from serving.models.artefact import FOREST, Artefact
from serving.models.explaining.contributions import Contributions
from serving.models.explaining.forest import from_forest
from train.onnx.forest import to_forest

ONE_HOT = make_pipeline(
    SimpleImputer(strategy="constant", fill_value=-1), OneHotEncoder(handle_unknown="ignore")
)
SCALED = ColumnTransformer(
    [
        ("one", make_pipeline(SimpleImputer(), MinMaxScaler()), [1]),
        ("other", RobustScaler(), [0]),
        ("third", MaxAbsScaler(), [2]),
        ("labels", ONE_HOT, [3]),
        ("none", "drop", [4]),
    ]
)
MORE = {
    "extra trees of two classes": Case(ExtraTreesClassifier(9, min_samples_leaf=3), "good"),
    "an extra tree": Case(ExtraTreeClassifier(max_leaf_nodes=9), "risk"),
    "a tree of numbers with missing values": Case(DecisionTreeRegressor(), "amount", missing=True),
    "a tree that is but a leaf": Case(DecisionTreeRegressor(min_samples_leaf=400), "amount"),
    "a forest of classes with missing values": Case(
        RandomForestClassifier(9), "risk", missing=True
    ),
    "boosting of two classes": Case(GradientBoostingClassifier(n_estimators=19), "good"),
    "boosting from zero": Case(GradientBoostingClassifier(n_estimators=9, init="zero"), "risk"),
    "boosting of numbers": Case(GradientBoostingRegressor(n_estimators=19), "amount"),
    "histograms of three classes with categories": Case(
        HistGradientBoostingClassifier(max_iter=9, categorical_features=[3, 4]),
        "risk",
        missing=True,
    ),
    "histograms of counts": Case(
        HistGradientBoostingRegressor(loss="poisson", max_iter=19), "amount", missing=True
    ),
    "scalers of all kinds": Case(
        make_pipeline(SCALED, RandomForestClassifier(9)), "risk", missing=True
    ),
    "imputed twice": Case(
        make_pipeline(
            SimpleImputer(strategy="constant", fill_value=0),
            SimpleImputer(missing_values=0, strategy="median"),
            StandardScaler(with_mean=False),
            RandomForestRegressor(9),
        ),
        "amount",
        missing=True,
    ),
    "means of the target before histograms": Case(
        make_pipeline(
            ColumnTransformer(
                [("means", TargetEncoder(target_type="continuous", cv=KFold(3)), [4])],
                remainder="passthrough",
            ),
            HistGradientBoostingRegressor(max_iter=9, categorical_features=[4]),
        ),
        "amount",
    ),
}
TEXT = "boosting that is given text"  # which has no ONNX
ALL = {name: case for name, case in CASES.items() if case.has_trees or name == TEXT} | MORE
WITHOUT = {
    "a calibrated forest",
    "calibrated boosting",
    "many labels calibrated",
}


@cache
def estimator(case: str) -> Any:
    return fitted(ALL[case])


def compiled(case: str) -> Artefact:
    return made("loan", estimator(case), loans(missing=ALL[case].missing), **ALL[case].says)


@cache
def artefact(case: str) -> Artefact:
    return compiled(case)


@cache
def with_table(case: str) -> Artefact:
    """A version with its table of trees, which is written without a compiler too."""
    version = artefact(case)
    if FOREST in version.contents:
        return version
    table = to_forest(estimator(case), version.manifest)
    return replace(version, contents={**version.contents, FOREST: table})


def explained(version: Artefact, rows: Any) -> Contributions:
    explain = from_forest(version.contents[FOREST], version.manifest)
    assert explain is not None
    return explain(rows)
