"""Estimators of many kinds, fitted on made-up loans: what is served must be what they say."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from artefacts import fields_of
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.svm import SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from serving.models.manifest import Interval, Threshold
from train.tables.rows import to_rows

ROWS = 500
NUMBERS, TEXTS = ["the income", "debt", "term"], ["area", "purpose"]


class Case(NamedTuple):
    """An estimator, what it is to learn from what, and what becomes of it.

    Attributes
    ----------
    missing : bool
        Whether some values are.
    compiles : bool
        Whether there is an ONNX model of it.
    has_trees : bool
        Whether it is made of trees, be it behind other steps.
    says : dict
        Entries of its manifest.
    """

    estimator: Any
    target: str
    missing: bool = False
    compiles: bool = True
    has_trees: bool = False
    says: Mapping[str, Any] = MappingProxyType({})


def loans(*, missing: bool) -> pd.DataFrame:
    """Numbers, whole numbers and text; some are missing if so asked."""
    random = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "the income": random.gamma(3, 1500, ROWS).round(2),
            "debt": random.normal(0, 1, ROWS).round(3),
            "term": random.integers(1, 40, ROWS) * 12,
            "area": random.choice(["rural", "semi urban", "urban"], ROWS),
            "purpose": random.choice(["casa", "carro", "educação"], ROWS),
        }
    )
    for name in ("debt", "area"):
        frame.loc[random.random(ROWS) < 0.1 * missing, name] = None
    return frame


def targets() -> pd.DataFrame:
    """What may be learnt of the loans, as labels of several kinds and as a number."""
    frame, random = loans(missing=False), np.random.default_rng(8)
    score = frame["the income"] / 3000 + frame["debt"] + (frame["area"] == "urban")
    score += random.normal(0, 0.5, ROWS)
    return pd.DataFrame(
        {
            "amount": (np.exp(score / 2) * 50_000).round(2),
            "good": score > 2,
            "risk": np.where(score < 1, "alto", np.where(score < 3, "médio", "baixo")),
            "digit": np.where(score < 1, 8, np.where(score < 3, 3, 5)),
        }
    )


def _pipeline(model: Any) -> Any:
    """The preparation that tutorials teach, for a frame with text and missing values."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    return make_pipeline(
        ColumnTransformer([("numbers", numbers, NUMBERS), ("texts", texts, TEXTS)]), model
    )


FRAME = {"takes": "frame"}
INTERVAL = Interval(0.9, -20_000, 30_000, relative=False, observed=0.91, rows=500)
CASES = {
    "a forest of three classes": Case(RandomForestClassifier(10), "risk", has_trees=True),
    "a tree of yes and no": Case(
        DecisionTreeClassifier(min_samples_leaf=9), "good", has_trees=True
    ),
    "boosting of digits": Case(GradientBoostingClassifier(n_estimators=9), "digit", has_trees=True),
    "a threshold": Case(
        HistGradientBoostingClassifier(max_iter=9),
        "good",
        missing=True,
        has_trees=True,
        says={"threshold": Threshold("True", 0.3, "chosen")},
    ),
    "a forest that knows missing values": Case(
        RandomForestRegressor(9), "amount", missing=True, has_trees=True
    ),
    "extra trees with an interval": Case(
        ExtraTreesRegressor(9),
        "amount",
        has_trees=True,
        says={"interval": INTERVAL, "unit": "R$"},
    ),
    "the logarithm of a number": Case(
        TransformedTargetRegressor(
            HistGradientBoostingRegressor(max_iter=9, categorical_features=[3, 4]),
            func=np.log,
            inverse_func=np.exp,
        ),
        "amount",
        missing=True,
        has_trees=True,
        says={"interval": Interval(0.9, -0.25, 0.5, relative=True, observed=0.9, rows=500)},
    ),
    "scaled and imputed": Case(
        make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()), "good", missing=True
    ),
    "a scaled forest": Case(
        make_pipeline(SimpleImputer(), StandardScaler(), RandomForestClassifier(9)),
        "risk",
        missing=True,
        has_trees=True,
    ),
    "text and numbers": Case(
        _pipeline(LogisticRegression(max_iter=500)), "risk", missing=True, says=FRAME
    ),
    "a forest of text and numbers": Case(
        _pipeline(RandomForestRegressor(9)), "amount", missing=True, has_trees=True, says=FRAME
    ),
    "a calibrated forest": Case(
        CalibratedClassifierCV(RandomForestClassifier(9), method="isotonic", ensemble=False),
        "good",
        has_trees=True,
    ),
    "calibrated boosting": Case(
        CalibratedClassifierCV(
            HistGradientBoostingClassifier(max_iter=9, categorical_features=[3, 4]),
            method="sigmoid",
            cv=2,
        ),
        "good",
        missing=True,
        has_trees=True,
    ),
    "many labels calibrated": Case(
        CalibratedClassifierCV(RandomForestClassifier(9), method="temperature", ensemble=False),
        "risk",
        has_trees=True,
    ),
    "many labels calibrated one by one": Case(
        CalibratedClassifierCV(
            make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()), cv=2
        ),
        "risk",
        missing=True,
    ),
    "categories as means of the target": Case(
        make_pipeline(
            ColumnTransformer(
                [("means", TargetEncoder(cv=KFold(3)), [3, 4])], remainder="passthrough"
            ),
            RandomForestClassifier(9),
        ),
        "risk",
        has_trees=True,
    ),
    "boosting that is given text": Case(
        HistGradientBoostingClassifier(max_iter=9, categorical_features=TEXTS),
        "risk",
        missing=True,
        compiles=False,
        says=FRAME,
    ),
    "no probabilities": Case(LinearSVC(), "risk", compiles=False),
    "nothing that compiles": Case(
        make_pipeline(StandardScaler(), SVR(C=1e4)), "amount", compiles=False
    ),
}


def given(case: Case) -> Any:
    """The rows that a case's estimator learns from, in the shape that it takes."""
    frame = loans(missing=case.missing)
    return frame if case.says.get("takes") == "frame" else to_rows(frame, fields_of(frame))


def fitted(case: Case) -> Any:
    """A case's estimator, fitted."""
    parameters = case.estimator.get_params()
    seeds = {
        name: 0
        for name, value in parameters.items()
        if name.endswith("random_state") and value != "deprecated"
    }
    with threadpool_limits(1):  # for so few rows, threads only wait for each other
        return case.estimator.set_params(**seeds).fit(given(case), targets()[case.target])
