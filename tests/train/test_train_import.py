"""A pickle that somebody else made, by a plain scikit-learn script, is served as it is."""

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
from sklearn.datasets import load_iris
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from training import bring, output, pickled, records, refused, run, served, trusting

from serving.models.engine import Engine

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]

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


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of somebody who pickles a model beside the data."""
    folder = tmp_path_factory.mktemp("theirs")
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=folder, check=True)
    return folder


def test_a_pipeline_over_text_and_numbers_says_what_it_said_before(tmp_path: Path, theirs: Path):
    made = bring(
        tmp_path, theirs / "model.pkl", "--sample", theirs / "rows.csv", "--target", "churned"
    )
    assert Engine(made).backend != "pickle"
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


def test_a_pickle_of_known_types_is_imported_without_a_question(tmp_path: Path, theirs: Path):
    arguments = (theirs / "model.pkl", "--sample", theirs / "rows.csv")
    assert run(tmp_path, "import", *arguments, "--name", "theirs", answer="").exit_code == 0


class Bomb:
    """What runs code as soon as it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def test_no_code_of_a_pickle_runs_before_it_is_trusted(tmp_path: Path, theirs: Path):
    mark = tmp_path / "mark"
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(Bomb(mark)))
    command = ("import", tmp_path / "bomb.pkl", "--sample", theirs / "rows.csv", "--name", "bomb")
    trusted = trusting(tmp_path, *command)
    assert not mark.exists()
    assert "holds a NoneType, not an estimator" in refused(tmp_path, *trusted)
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


def test_of_a_search_the_best_estimator_is_bring(tmp_path: Path):
    search = GridSearchCV(DecisionTreeRegressor(random_state=0), {"max_depth": [2, 3]}, cv=2)
    search.fit(IRIS.data, IRIS.target)
    made = bring(tmp_path, *pickled(tmp_path, search, IRIS.frame), "--target", "target")
    assert made.manifest.title == "DecisionTreeRegressor from model.joblib"
    assert made.manifest.interval is None
    assert made.manifest.metrics["r2"].mean > 0.9


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
    said = output(tmp_path, "import", *files, "--name", "theirs")
    assert "1 of the sample's 41 rows is left out: in row 1 the model refuses this record" in said


def test_nothing_is_printed_in_red_when_a_model_is_imported(tmp_path: Path, theirs: Path):
    command = ("train", "import", theirs / "model.pkl", "--sample", theirs / "rows.csv")
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command), "--name", "theirs"],
        env=os.environ | {"MODELS_DIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
