"""A version is written for others, who need nothing of the service to predict the same."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from conftest import MODELS, ROOT
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from training import bring, output, pickled, records, served

from serving.models import artefact
from serving.models.engine import Engine
from train.exporting.__main__ import main
from train.exporting.estimator import to_frame

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]

# What somebody runs who has scikit-learn and pandas only.
ELSEWHERE = """
import json, pickle, sys
import pandas as pd
model = pickle.load(open(sys.argv[1] + "/model.pkl", "rb"))
rows = pd.read_json(sys.argv[2], orient="split", precise_float=True)
rows = rows.convert_dtypes(convert_integer=False, convert_boolean=False, convert_floating=False)
print(json.dumps(model.predict(rows).tolist()))
assert not [name for name in sys.modules if name.startswith(("serving", "train."))]
"""


def export(models: Path, name: str, kind: str, to: Path, *options: str) -> Result:
    """Run the command."""
    runner = CliRunner(env={"MODELS_DIR": str(models)})
    return runner.invoke(main, [name, "--to", kind, str(to), *options])


@pytest.mark.parametrize("name", ["wine", "diabetes", "wine-score"])
def test_an_exported_folder_predicts_without_the_service(tmp_path: Path, name: str):
    assert export(MODELS, name, "mlflow", tmp_path / "to").exit_code == 0
    read = artefact.read(MODELS, name, 1)
    rows, _ = read.recorded_outputs()
    frame = to_frame(read.manifest, rows)
    frame.to_json(tmp_path / "rows.json", orient="split", index=False, double_precision=15)
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "to"), str(tmp_path / "rows.json")]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    expected, *_ = Engine(read).predict(rows)
    if read.manifest.classes:
        assert json.loads(done.stdout) == expected
    else:
        assert json.loads(done.stdout) == pytest.approx(expected, rel=1e-9)


def test_an_exported_folder_can_be_imported_again(tmp_path: Path):
    assert export(MODELS, "wine", "mlflow", tmp_path / "to").exit_code == 0
    made = bring(tmp_path, tmp_path / "to")
    threshold = artefact.read(MODELS, "wine", 1).manifest.threshold
    assert threshold
    found = made.manifest.threshold
    assert found
    assert (found.label, found.value) == (threshold.label, threshold.value)
    sent = [json.loads((ROOT / f"{label}.json").read_text()) for label in ("bom", "ruim")]
    assert served(made, *sent) == ["bom", "ruim"]


def test_what_was_imported_is_exported_with_its_own_labels(tmp_path: Path):
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"a": random.normal(size=90), "b": random.normal(size=90)})
    model = SVC().fit(frame, np.where(frame["a"] > frame["b"], 7, 3))
    bring(tmp_path, *pickled(tmp_path, model, frame))
    assert export(tmp_path, "theirs", "mlflow", tmp_path / "to").exit_code == 0
    again = output(tmp_path, "import", tmp_path / "to", "--name", "again")
    assert "again 1 is in" in again
    made = artefact.read(tmp_path, "again", 1)
    assert served(made, *records(frame)) == [str(each) for each in model.predict(frame)]


def test_fields_that_may_be_missing_may_be_missing_elsewhere(tmp_path: Path):
    frame = pd.DataFrame({"a": [1.0, None, 3.0] * 20, "b": [2.0, 4.0, 8.0] * 20})
    model = make_pipeline(SimpleImputer(), LinearRegression()).fit(frame, frame["b"])
    bring(tmp_path, *pickled(tmp_path, model, frame))
    assert export(tmp_path, "theirs", "mlflow", tmp_path / "to").exit_code == 0
    inputs = json.loads((tmp_path / "to/MLmodel").read_text())["signature"]["inputs"]
    assert [each["required"] for each in json.loads(inputs)] == [False, True]


def test_a_model_of_dates_is_refused_with_the_reason(tmp_path: Path):
    days = pd.date_range("2025-01-01", periods=200).strftime("%Y-%m-%d")
    pd.DataFrame({"day": days, "y": range(200)}).to_csv(tmp_path / "days.csv", index=False)
    options = ("--target", "y", "--name", "days", "--estimator", "linear")
    output(tmp_path, "csv", tmp_path / "days.csv", *options)
    refused = export(tmp_path, "days", "mlflow", tmp_path / "to")
    assert refused.exit_code == 1
    assert "dates and texts are read by the service's own code" in refused.output
    assert not (tmp_path / "to").exists()


def test_an_exported_onnx_file_describes_itself(tmp_path: Path):
    assert export(MODELS, "wine", "onnx", tmp_path / "wine.onnx").exit_code == 0
    read = artefact.read(MODELS, "wine", 1)
    rows, outputs = read.recorded_outputs()
    session = onnxruntime.InferenceSession(tmp_path / "wine.onnx")
    assert session.run(None, {"rows": rows})[0] == pytest.approx(outputs, abs=1e-9)
    model = onnx.load(tmp_path / "wine.onnx")
    described = {each.key: each.value for each in model.metadata_props}
    assert json.loads(described["labels"]) == ["bom", "ruim"]
    assert json.loads(described["categories"]) == {"color": ["red", "white"]}
    assert json.loads(described["fields"])[0] == "fixed acidity"


def test_what_has_no_onnx_or_no_room_is_refused(tmp_path: Path):
    frame = pd.DataFrame({"a": range(40)})
    model = SVC().fit(frame, frame["a"] > 20)
    bring(tmp_path, *pickled(tmp_path, model, frame))
    refused = export(tmp_path, "theirs", "onnx", tmp_path / "model.onnx")
    assert "has no ONNX file that predicts as its pickle does" in refused.output
    assert export(MODELS, "wine", "onnx", tmp_path).exit_code == 2


@pytest.mark.parametrize("version", ["0", "9"])
def test_a_version_that_does_not_exist_is_refused(tmp_path: Path, version: str):
    refused = export(MODELS, "wine", "onnx", tmp_path / "model.onnx", "--version", version)
    assert f"wine has no version {version}; there are 1" in refused.output
    assert not (tmp_path / "model.onnx").exists()


def test_a_retired_version_is_refused(tmp_path: Path):
    wine = tmp_path / "models" / "wine"
    shutil.copytree(MODELS / "wine", wine)
    shutil.copytree(wine / "1", wine / "2")
    (wine / "retired").write_text("2\n")
    refused = export(wine.parent, "wine", "onnx", tmp_path / "model.onnx", "--version", "2")
    assert "wine 2 is retired" in refused.output
