"""Files of ONNX, LightGBM and XGBoost that others saved are served as they are."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from subscribers import FRAME, LABELS
from training import bring, records, refused, served

from serving.models.engine import Engine

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]

NUMBERS = FRAME[["months", "cost"]].astype("float32")  # that ONNX takes without a difference


def sample(folder: Path, frame: pd.DataFrame, target: Any = None) -> tuple[str | Path, ...]:
    """Rows as options of the command."""
    rows = frame if target is None else frame.assign(target=target)
    rows.to_csv(folder / "rows.csv", index=False)
    named = () if target is None else ("--target", "target")
    return "--sample", folder / "rows.csv", *named


def onnx_file(folder: Path, model: Any, types: list[Any], **options: Any) -> Path:
    """A model as skl2onnx exports it."""
    converted = to_onnx(model, initial_types=types, options=options or None)
    (folder / "model.onnx").write_bytes(converted.SerializeToString())
    return folder / "model.onnx"


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("batch", [None, 1])
def test_an_onnx_classifier_of_a_matrix_is_served_as_it_is(
    tmp_path: Path, zipmap: bool, batch: int | None
):
    forest = RandomForestClassifier(5, random_state=0).fit(NUMBERS.to_numpy(), LABELS)
    file = onnx_file(tmp_path, forest, [("X", FloatTensorType([batch, 2]))], zipmap=zipmap)
    made = bring(tmp_path, file, *sample(tmp_path, NUMBERS, LABELS))
    assert made.manifest.classes == ("no", "yes")
    assert made.manifest.outputs == "probabilities"
    told = served(made, *records(NUMBERS.astype(float)))
    assert told == forest.predict(NUMBERS.to_numpy()).tolist()


def test_an_onnx_model_of_columns_has_the_names_of_its_inputs(tmp_path: Path):
    columns = ["plan", "cost"]
    model = make_pipeline(
        ColumnTransformer([("plan", OneHotEncoder(), ["plan"])], remainder="passthrough"),
        LogisticRegression(max_iter=1000),
    ).fit(FRAME[columns], LABELS)
    types = [("plan", StringTensorType([None, 1])), ("cost", FloatTensorType([None, 1]))]
    file = onnx_file(tmp_path, model, types, zipmap=False)
    made = bring(tmp_path, file, *sample(tmp_path, FRAME[columns]))
    assert [(field.name, field.type) for field in made.manifest.fields] == [
        ("plan", "category"),
        ("cost", "number"),
    ]
    assert served(made, *records(FRAME[columns])) == model.predict(FRAME[columns]).tolist()


def test_an_onnx_regressor_is_served(tmp_path: Path):
    model = LinearRegression().fit(NUMBERS.to_numpy(), FRAME["cost"] * 2)
    file = onnx_file(tmp_path, model, [("X", FloatTensorType([None, 2]))])
    made = bring(tmp_path, file, *sample(tmp_path, NUMBERS))
    assert Engine(made).backend == "pickle"
    told = served(made, *records(NUMBERS.astype(float)))
    assert told == pytest.approx(model.predict(NUMBERS.to_numpy()).tolist(), rel=1e-5)


def test_an_onnx_file_that_reads_other_files_is_refused(tmp_path: Path):
    model = LinearRegression().fit(NUMBERS.to_numpy(), FRAME["cost"])
    loaded = onnx.load(onnx_file(tmp_path, model, [("X", FloatTensorType([None, 2]))]))
    loaded.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(9, "float32"), "w"))
    onnx.external_data_helper.set_external_data(loaded.graph.initializer[-1], "/etc/passwd")
    loaded.graph.initializer[-1].data_location = onnx.TensorProto.EXTERNAL
    (tmp_path / "model.onnx").write_bytes(loaded.SerializeToString())
    command = ("import", tmp_path / "model.onnx", "--name", "x", *sample(tmp_path, NUMBERS))
    assert "keeps its weights in other files" in refused(tmp_path, *command)


THREE = np.digitize(FRAME["cost"], [30, 55])
TARGETS: dict[str, Any] = {
    "binary": (LABELS == "yes").astype(int),
    "multiclass": THREE,
    "regression": FRAME["cost"] * 2 + FRAME["months"],
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_text_of_lightgbm_is_served_as_lightgbm_predicts(tmp_path: Path, target: str):
    lightgbm = pytest.importorskip("lightgbm")
    given = FRAME[["months", "cost"]].astype(float)
    parameters = {"objective": target, "verbose": -1, "num_threads": 1}
    parameters |= {"num_class": 3} if target == "multiclass" else {}
    booster = lightgbm.train(parameters, lightgbm.Dataset(given, TARGETS[target]), 9)
    booster.save_model(tmp_path / "model.txt")
    made = bring(tmp_path, tmp_path / "model.txt", *sample(tmp_path, given, TARGETS[target]))
    matches(target, booster.predict(given), served(made, *records(given)))


def matches(target: str, outputs: Any, predictions: list[Any]) -> None:
    """The predictions are those of a library's own outputs."""
    if target == "regression":
        assert predictions == pytest.approx(outputs.tolist(), rel=1e-6)
    elif target == "binary":
        assert predictions == [str(int(each > 0.5)) for each in outputs]
    else:
        assert predictions == [str(each) for each in outputs.argmax(axis=1)]


OBJECTIVES = {
    "binary": {"objective": "binary:logistic"},
    "multiclass": {"objective": "multi:softprob", "num_class": 3},
    "regression": {"objective": "reg:squarederror"},
}


@pytest.mark.parametrize("suffix", ["json", "ubj"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_file_of_xgboost_is_served_as_xgboost_predicts(tmp_path: Path, target: str, suffix: str):
    xgboost = pytest.importorskip("xgboost")
    given = FRAME[["months", "cost"]].astype(float)
    matrix = xgboost.DMatrix(given, TARGETS[target])
    booster = xgboost.train(OBJECTIVES[target] | {"nthread": 1}, matrix, 9)
    file = tmp_path / f"model.{suffix}"
    booster.save_model(file)
    made = bring(tmp_path, file, *sample(tmp_path, given, TARGETS[target]))
    matches(target, booster.predict(matrix), served(made, *records(given)))


@pytest.mark.parametrize(("library", "content"), [("lightgbm", "tree\n"), ("xgboost", "{}")])
def test_a_library_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, content: str
):
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / "model").write_text(content)
    command = ("import", tmp_path / "model", "--name", "x", *sample(tmp_path, NUMBERS))
    message = refused(tmp_path, *command)
    assert f"needs the package {library}, which is not installed" in message


def test_a_ranker_is_refused(tmp_path: Path):
    xgboost = pytest.importorskip("xgboost")
    matrix = xgboost.DMatrix(NUMBERS, TARGETS["binary"], group=[200])
    booster = xgboost.train({"objective": "rank:ndcg"}, matrix, 2)
    booster.save_model(tmp_path / "model.json")
    assert json.loads((tmp_path / "model.json").read_text())
    command = ("import", tmp_path / "model.json", "--name", "x", *sample(tmp_path, NUMBERS))
    assert "has the objective rank:ndcg" in refused(tmp_path, *command)
