"""Labels and categories of an estimator that somebody else fitted mean what they meant to it."""

import io
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from training import bring, pickled, records, served

from serving.models.artefact import PICKLE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]


def test_labels_that_only_the_encoder_knows_are_taken(tmp_path: Path):
    area = ["north", "south", "east", "west"] * 10
    frame = pd.DataFrame({"area": area, "rooms": [1, 2, 3, 4] * 10, "new": [True, False] * 20})
    price = frame["rooms"] * 1000 + (frame["area"] == "west") * 500 + frame["new"] * 50
    encoder = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    prepared = ColumnTransformer(
        [("texts", encoder, make_column_selector(dtype_include="str"))], remainder="passthrough"
    )
    model = make_pipeline(prepared, LinearRegression()).fit(frame, price)
    made = bring(tmp_path, *pickled(tmp_path, model, frame.head(2)))
    assert made.manifest.fields[0].categories == ("east", "north", "south", "west")
    assert made.manifest.metrics == {}
    assert served(made, *records(frame.astype({"new": int}))) == pytest.approx(price.tolist())


def test_labels_of_digits_are_those_of_the_encoder(tmp_path: Path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=90), "plan": ["1.0", "2.5", "07"] * 30})
    steps = ColumnTransformer([("c", OneHotEncoder(), ["plan"])], remainder="passthrough")
    model = make_pipeline(steps, LinearRegression()).fit(frame, frame["a"] + frame.index % 3)
    made = bring(tmp_path, *pickled(tmp_path, model, frame))  # a table, where 1.0 and 1 are one
    assert made.manifest.fields[1].categories == ("07", "1.0", "2.5")
    sent = [{"a": 0.0, "plan": plan} for plan in ("1.0", 1, 1.0, "1", 2.5, "07", 7)]
    asked = pd.DataFrame({"a": 0.0, "plan": ["1.0"] * 4 + ["2.5"] + ["07"] * 2})
    assert served(made, *sent) == pytest.approx(list(model.predict(asked)), rel=1e-6)


def test_what_is_none_in_training_is_none_when_it_serves(tmp_path: Path):
    random = np.random.default_rng(2)
    cities = pd.Series(random.choice(["r", "s", None], 300), dtype=object)
    frame = pd.DataFrame({"a": random.normal(size=300), "city": cities})
    imputer = SimpleImputer(missing_values=None, strategy="constant", fill_value="gone")
    steps = make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer([("city", steps, ["city"])], remainder="passthrough")
    number = frame["a"] / 9 + frame["city"].isna()
    model = make_pipeline(columns, LinearRegression()).fit(frame, number)
    made = bring(tmp_path, *pickled(tmp_path, model, frame))
    told = served(made, *frame.astype(object).where(frame.notna(), None).to_dict("records"))
    assert told == pytest.approx(model.predict(frame).tolist(), abs=1e-9)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_boosting_is_given_the_categories_that_it_was_fitted_on(tmp_path: Path, library: str):
    package = pytest.importorskip(library)
    random = np.random.default_rng(6)
    frame = pd.DataFrame(
        {
            "a": random.normal(size=300),
            "city": pd.Categorical(random.choice(["z", "y", "x"], 300), categories=["z", "y", "x"]),
            "code": pd.Categorical(random.choice([9, 2, 5], 300), categories=[9, 2, 5]),
            "flag": random.random(300) > 0.5,
        }
    )
    truth = frame["a"] / 9 + (frame["city"] == "z") * 2 + (frame["code"] == 9) + frame["flag"] * 4
    kind = {"lightgbm": "LGBMRegressor", "xgboost": "XGBRegressor"}[library]
    more = {"verbose": -1} if library == "lightgbm" else {"enable_categorical": True}
    model = getattr(package, kind)(n_estimators=20, n_jobs=-1, **more).fit(frame, truth)
    made = bring(tmp_path, *pickled(tmp_path, model, frame))
    text = frame.astype({"city": object, "code": int})
    assert served(made, *records(text)) == model.predict(frame).astype(float).tolist()
    assert joblib.load(io.BytesIO(made.contents[PICKLE])).n_jobs == 1


def test_boosting_of_categories_may_be_calibrated(tmp_path: Path):
    package = pytest.importorskip("lightgbm")
    random = np.random.default_rng(8)
    city = pd.Categorical(random.choice(["z", "y", "x"], 300), categories=["z", "y", "x"])
    frame = pd.DataFrame({"a": random.normal(size=300), "city": city})
    truth = frame["a"] + (frame["city"] == "z") * 2 > 1
    boosting = package.LGBMClassifier(n_estimators=9, verbose=-1, n_jobs=1)
    model = CalibratedClassifierCV(boosting, cv=2).fit(frame, truth)
    made = bring(tmp_path, *pickled(tmp_path, model, frame))
    text = frame.astype({"city": object})
    assert served(made, *records(text)) == [str(label) for label in model.predict(frame)]
