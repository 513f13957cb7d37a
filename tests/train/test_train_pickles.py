"""What somebody brings that cannot be served is refused in one sentence, before it is served."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from training import pickled, refused, trusting

IRIS = load_iris(as_frame=True)


def importing(folder: Path, estimator: Any, frame: pd.DataFrame) -> tuple[Path | str, ...]:
    """The command that imports an estimator with a sample."""
    return "import", *pickled(folder, estimator, frame), "--name", "theirs"


def test_an_estimator_of_a_bare_matrix_takes_just_its_columns(tmp_path: Path):
    tree = DecisionTreeClassifier().fit(IRIS.data.to_numpy(), IRIS.target)
    message = refused(tmp_path, *importing(tmp_path, tree, IRIS.frame))
    assert "has 5 columns besides the target, but the estimator takes 4" in message
    text = IRIS.data.assign(**{"sepal width (cm)": "wide"})
    message = refused(tmp_path, *importing(tmp_path, tree, text))
    assert "'sepal width (cm)' is text, but the estimator was fitted without column" in message


def test_files_that_are_no_pickles_are_named(tmp_path: Path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    rest = ("--sample", tmp_path / "rows.csv", "--name", "theirs")
    assert "there is no file" in refused(tmp_path, "import", tmp_path / "nowhere.pkl", *rest)
    assert "cannot be loaded" in refused(tmp_path, "import", tmp_path / "rows.csv", *rest)


def not_in_a_package(values: Any) -> Any:
    return values


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        ({"model": 1}, "holds a dict of int, not an estimator"),
        (RandomForestClassifier(), "holds a RandomForestClassifier that was never fitted"),
        (
            OneHotEncoder().fit(IRIS.data),
            "which transforms, but only classifiers and regressors can be served",
        ),
        (
            GridSearchCV(LinearRegression(), {"positive": [True]}, cv=2, refit=False).fit(
                IRIS.data, IRIS.target
            ),
            "holds a GridSearchCV with refit=False, which keeps no fitted estimator",
        ),
    ],
)
def test_what_cannot_be_served_is_refused(tmp_path: Path, estimator: Any, message: str):
    assert message in refused(tmp_path, *importing(tmp_path, estimator, IRIS.frame))
    assert not (tmp_path / "theirs").exists()


class Network:
    """What other libraries call a model: it fits, and is no estimator of scikit-learn's kind."""

    def fit(self) -> None:
        """Do nothing."""


MANY = np.column_stack([IRIS.data.iloc[:, 0], IRIS.data.iloc[:, 1]])
YES_NO = (MANY.mean(axis=0) < MANY).astype(int)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (
            LinearRegression().fit(IRIS.data, MANY),
            "predicts 2 numbers for a row, but only one can be served",
        ),
        (RandomForestRegressor(3).fit(IRIS.data, MANY), "predicts 2 numbers for a row"),
        (RandomForestClassifier(3).fit(IRIS.data, YES_NO), "predicts several targets at once"),
        (KNeighborsClassifier().fit(IRIS.data, YES_NO), "predicts several targets at once"),
        (
            OneVsRestClassifier(LogisticRegression(max_iter=500)).fit(IRIS.data, YES_NO),
            "predicts 2 labels for a row, but only one can be served",
        ),
        (KMeans(2, n_init=1).fit(IRIS.data), "holds a KMeans, which finds clusters"),
        (IsolationForest(n_estimators=3).fit(IRIS.data), "which finds outliers"),
        (KNeighborsClassifier().fit(IRIS.data, [0] * 150), "has the labels '0'; two or more"),
        (LogisticRegression, "holds the class LogisticRegression, not an estimator"),
        (np.log1p, "holds a ufunc, not an estimator"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "Pipeline that was never fitted"),
        ([], "holds a list of nothing, not an estimator"),
    ],
)
def test_an_estimator_without_a_single_prediction_for_a_row_is_refused(
    tmp_path: Path, estimator: Any, message: str
):
    said = refused(tmp_path, *importing(tmp_path, estimator, IRIS.frame), "--target", "target")
    assert message in said
    assert not (tmp_path / "theirs").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not a pickle or .skops file, or not complete"),
        (b"\x00\x01 nonsense", "it is not a pickle or .skops file, or not complete"),
        (pickle.dumps(LinearRegression().fit(IRIS.data, IRIS.target))[:-40], "not complete"),
        (b"\x80\x04\x8c\x09nopackage\x8c\x03Foo\x93)R.", "needs the package nopackage"),
        (b"\x80\x04\x8c\x08__main__\x8c\x03Foo\x93)R.", "needs code of the script that made it"),
    ],
)
def test_what_cannot_be_loaded_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes, message: str
):
    (tmp_path / "model.pkl").write_bytes(content)
    IRIS.frame.to_csv(tmp_path / "rows.csv", index=False)
    files = (tmp_path / "model.pkl", "--sample", tmp_path / "rows.csv")
    command: tuple[Path | str, ...] = ("import", *files, "--name", "theirs")
    if b"Foo" in content:
        command = trusting(tmp_path, *command)
    assert message in refused(tmp_path, *command)


def test_a_trusted_function_must_be_in_a_package(tmp_path: Path):
    steps = (FunctionTransformer(not_in_a_package), LinearRegression())
    model = make_pipeline(*steps).fit(IRIS.data, IRIS.target)
    said = refused(tmp_path, *trusting(tmp_path, *importing(tmp_path, model, IRIS.frame)))
    assert "needs test_train_pickles.not_in_a_package, which is in no installed package" in said


def test_what_is_no_estimator_of_scikit_learn_s_kind_is_refused(tmp_path: Path):
    command = trusting(tmp_path, *importing(tmp_path, Network(), IRIS.frame))
    assert "holds a Network, not an estimator" in refused(tmp_path, *command)


def test_a_function_that_is_pickled_by_value_is_refused_in_a_sentence(tmp_path: Path):
    cloudpickle = pytest.importorskip("cloudpickle")
    steps = (FunctionTransformer(lambda values: values), LinearRegression())
    content = cloudpickle.dumps(make_pipeline(*steps).fit(IRIS.data, IRIS.target))
    (tmp_path / "model.pkl").write_bytes(content)
    IRIS.frame.to_csv(tmp_path / "rows.csv", index=False)
    files = (tmp_path / "model.pkl", "--sample", tmp_path / "rows.csv", "--target", "target")
    said = refused(tmp_path, *trusting(tmp_path, "import", *files, "--name", "theirs"))
    assert "for example, a lambda or a function of the script" in said
    assert not (tmp_path / "theirs").exists()


@pytest.mark.parametrize(
    ("changes", "target", "message"),
    [
        ({"petal length (cm)": None}, "target", "'petal length (cm)' has no value in the sample"),
        (
            {"target": 7},
            "target",
            "'target' holds '7'; the labels of the estimator are '0', '1', '2'",
        ),
        ({}, "class", "no column is called 'class'"),
        ({"sepal width (cm)": "wide"}, "target", "the estimator refuses the sample"),
    ],
)
def test_a_sample_that_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, Any], target: str, message: str
):
    tree = DecisionTreeClassifier().fit(IRIS.data, IRIS.target)
    sample = IRIS.frame.assign(**changes)
    assert message in refused(tmp_path, *importing(tmp_path, tree, sample), "--target", target)


def test_another_scikit_learn_is_named_before_it_can_do_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tree = DecisionTreeClassifier().fit(IRIS.data, IRIS.target)
    with monkeypatch.context() as older:
        older.setattr("sklearn.base.__version__", "1.2.3")
        command = importing(tmp_path, tree, IRIS.frame)
    assert "was pickled by scikit-learn 1.2.3, this is" in refused(tmp_path, *command)
