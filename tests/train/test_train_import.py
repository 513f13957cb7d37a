"""A pickle that somebody else made, by a plain scikit-learn script, is served as it is."""

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.datasets import load_iris
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from training import latest, output, records, refused, run, served

from serving.models.artefact import PICKLE, Artefact
from serving.models.engine import Engine
from train.onnx import proof

pytestmark = pytest.mark.slow

# What its author ran, who knew nothing of us.
SCRIPT = """
import joblib, numpy as np, pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

random = np.random.default_rng(0)
rows = 1000
data = pd.DataFrame({
    "months": random.integers(1, 72, rows),
    "plan": random.choice(["básico", "plus", "premium"], rows),
    "monthly cost": random.gamma(4, 12, rows).round(2),
    "contact": random.choice(["mail", "phone"], rows),
})
data["churned"] = np.where(random.random(rows) < 1 / (1 + data["months"] / 9), "yes", "no")
data.loc[random.random(rows) < 0.1, "monthly cost"] = np.nan
data.loc[random.random(rows) < 0.1, "plan"] = np.nan
data.to_csv("rows.csv", index=False)

data = pd.read_csv("rows.csv")
numbers, texts = ["months", "monthly cost"], ["plan", "contact"]
prepare = ColumnTransformer([
    ("num", Pipeline([("impute", SimpleImputer()), ("scale", StandardScaler())]), numbers),
    ("cat", Pipeline([
        ("impute", SimpleImputer(strategy="most_frequent")),
        ("onehot", OneHotEncoder(handle_unknown="ignore")),
    ]), texts),
])
model = Pipeline([
    ("prepare", prepare),
    ("forest", RandomForestClassifier(20, min_samples_leaf=3, random_state=0, n_jobs=-1)),
])
model.fit(data.drop(columns="churned"), data["churned"])
joblib.dump(model, "model.pkl")
"""


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "PROOF_ROWS", 2_000)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of somebody who pickles a model beside the data."""
    folder = tmp_path_factory.mktemp("theirs")
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=folder, check=True)
    return folder


def bring(models: Path, *arguments: str | Path) -> Artefact:
    """The version that becomes of a pickle."""
    output(models, "import", *arguments, "--name", "theirs", "--trust")
    return latest(models, "theirs")


def pickled(folder: Path, estimator: Any, frame: pd.DataFrame) -> tuple[Path | str, ...]:
    """An estimator and its sample as files, as arguments for `import`."""
    joblib.dump(estimator, folder / "model.joblib")
    frame.to_csv(folder / "rows.csv", index=False)
    return folder / "model.joblib", "--sample", folder / "rows.csv"


def test_a_pipeline_over_text_and_numbers_says_what_it_said_before(tmp_path: Path, theirs: Path):
    made = bring(
        tmp_path, theirs / "model.pkl", "--sample", theirs / "rows.csv", "--target", "churned"
    )
    assert Engine(made).backend == "onnx"
    rows = pd.read_csv(theirs / "rows.csv").drop(columns="churned")
    assert len(rows) == 1000
    model = joblib.load(theirs / "model.pkl")
    assert served(made, *records(rows)) == model.predict(rows).tolist()

    manifest = made.manifest
    fields = {field.name: field for field in manifest.fields}
    assert {name: field.type for name, field in fields.items()} == {
        "months": "number",
        "plan": "category",
        "monthly cost": "number",
        "contact": "category",
    }
    assert fields["plan"].categories == ("básico", "plus", "premium")
    assert [name for name in fields if fields[name].optional] == ["plan", "monthly cost"]
    assert manifest.classes == ("no", "yes")
    assert manifest.metrics["accuracy"].mean == pytest.approx(
        np.mean(model.predict(rows) == pd.read_csv(theirs / "rows.csv")["churned"]), abs=1e-4
    )
    assert "which it may have been fitted on" in manifest.evaluation


def test_nobody_is_made_to_load_a_pickle(tmp_path: Path, theirs: Path):
    arguments = (theirs / "model.pkl", "--sample", theirs / "rows.csv")
    command = ("import", *arguments, "--name", "theirs")
    asked = run(tmp_path, *command, answer="n\n")
    assert "Loading a pickle runs whatever code is in it" in asked.output
    assert asked.exit_code == 1
    assert not (tmp_path / "theirs").exists()
    assert run(tmp_path, *command, answer="y\n").exit_code == 0


class Bomb:
    """What runs code as soon as it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def test_no_code_of_a_pickle_runs_before_the_answer(tmp_path: Path, theirs: Path):
    mark = tmp_path / "mark"
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(Bomb(mark)))
    command = ("import", tmp_path / "bomb.pkl", "--sample", theirs / "rows.csv", "--name", "bomb")
    run(tmp_path, *command, answer="n\n")
    assert not mark.exists()
    assert "holds a NoneType, not an estimator" in refused(tmp_path, *command, "--trust")
    assert mark.exists()


IRIS = load_iris(as_frame=True)


def test_an_estimator_of_a_bare_matrix_takes_the_sample_s_columns_in_order(tmp_path: Path):
    tree = DecisionTreeClassifier(random_state=0).fit(IRIS.data.to_numpy(), IRIS.target)
    arguments = pickled(tmp_path, tree, IRIS.frame)
    made = bring(tmp_path, *arguments, "--target", "target")
    assert made.manifest.takes == "matrix"
    assert made.manifest.classes == ("0", "1", "2")
    assert made.manifest.metrics["accuracy"].mean == 1
    assert served(made, *records(IRIS.data)) == [
        str(label) for label in tree.predict(IRIS.data.to_numpy())
    ]


def test_what_does_not_compile_is_served_by_its_pickle(tmp_path: Path):
    model = SVC().fit(IRIS.data, IRIS.target)  # which has no probabilities either
    made = bring(tmp_path, *pickled(tmp_path, model, IRIS.frame), "--target", "target")
    assert Engine(made).backend == "pickle"
    assert served(made, *records(IRIS.data)) == [str(label) for label in model.predict(IRIS.data)]
    assert set(made.manifest.metrics) == {"f1", "balanced_accuracy", "accuracy"}


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


def test_of_a_search_the_best_estimator_is_bring(tmp_path: Path):
    search = GridSearchCV(DecisionTreeRegressor(random_state=0), {"max_depth": [2, 3]}, cv=2)
    search.fit(IRIS.data, IRIS.target)
    made = bring(tmp_path, *pickled(tmp_path, search, IRIS.frame), "--target", "target")
    assert made.manifest.title == "DecisionTreeRegressor from model.joblib"
    assert made.manifest.interval is None
    assert made.manifest.metrics["r2"].mean > 0.9


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


def test_what_onnx_computes_in_single_precision_is_told_by_the_pickle(tmp_path: Path):
    random = np.random.default_rng(9)
    frame = pd.DataFrame({"a": random.normal(size=60), "b": random.normal(size=60)})
    process = GaussianProcessRegressor(alpha=1e-3, normalize_y=True)
    model = process.fit(frame, frame["a"] * frame["b"] / 7)
    made = bring(tmp_path, *pickled(tmp_path, model, frame))
    told = served(made, *records(frame))
    assert told == pytest.approx(model.predict(frame).tolist(), rel=1e-9)


def test_whole_numbers_of_a_sample_may_be_others_when_it_serves(tmp_path: Path):
    frame = pd.DataFrame({"x": range(40)})
    model = LinearRegression().fit(frame, frame["x"] * 2)
    made = bring(tmp_path, *pickled(tmp_path, model, frame))
    assert served(made, {"x": 0.5}) == [pytest.approx(1)]


def test_rows_of_the_sample_that_the_estimator_refuses_are_left_out(tmp_path: Path):
    frame = pd.DataFrame({"x": np.arange(1.0, 41)})
    model = make_pipeline(FunctionTransformer(np.log), LinearRegression()).fit(frame, frame["x"])
    files = pickled(tmp_path, model, pd.DataFrame({"x": [-1.0, *frame["x"]]}))
    said = output(tmp_path, "import", *files, "--name", "theirs", "--trust")
    assert "1 of the sample's 41 rows are left out: in row 1 the model refuses this record" in said


def test_nothing_is_printed_in_red_when_a_model_is_imported(tmp_path: Path, theirs: Path):
    command = ("train", "import", theirs / "model.pkl", "--sample", theirs / "rows.csv")
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command), "--name", "theirs", "--trust"],
        env=os.environ | {"MODELS_DIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
