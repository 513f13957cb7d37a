"""Folders that MLflow saved are served as they are."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from subscribers import FRAME, LABELS
from training import bring, records, refused, served, trusting

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]

PIPELINE = make_pipeline(
    ColumnTransformer([("plan", OneHotEncoder(), ["plan"])], remainder="passthrough"),
    RandomForestClassifier(5, random_state=0, n_jobs=1),
).fit(FRAME, LABELS)

# As MLflow 3.17 writes it; what differs between formats is filled in.
MLMODEL = """\
flavors:
  python_function:
    loader_module: mlflow.sklearn
    model_path: {file}
  sklearn:
    code: null
    pickled_model: {file}
    serialization_format: {format}
    sklearn_version: 1.9.1
    skops_trusted_types: {trusted}
mlflow_version: 3.17.2
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  serving_input_path: serving_input_example.json
  type: dataframe
signature:
  inputs: '[{{"type": "long", "name": "months", "required": true}}, {{"type": "string",
    "name": "plan", "required": true}}, {{"type": "double", "name": "cost", "required":
    false}}, {{"type": "boolean", "name": "active", "required": true}}]'
  outputs: '[{{"type": "tensor", "tensor-spec": {{"dtype": "str", "shape": [-1]}}}}]'
  params: null
utc_time_created: '2026-11-26 11:41:37.102758'
"""


def logged(folder: Path, kind: str, model: Any = PIPELINE, trusted: str = "null") -> Path:
    """A folder as mlflow.sklearn.save_model writes it."""
    folder.mkdir()
    file = "model.skops" if kind == "skops" else "model.pkl"
    content = skops.io.dumps(model) if kind == "skops" else pickle.dumps(model)
    (folder / file).write_bytes(content)
    (folder / "MLmodel").write_text(MLMODEL.format(file=file, format=kind, trusted=trusted))
    (folder / "input_example.json").write_text(FRAME.head(20).to_json(orient="split", index=False))
    return folder


@pytest.mark.parametrize("kind", ["pickle", "cloudpickle", "skops"])
def test_a_folder_of_mlflow_needs_no_sample(tmp_path: Path, kind: str):
    made = bring(tmp_path, logged(tmp_path / "logged", kind))
    assert {field.name: field.type for field in made.manifest.fields} == {
        "months": "integer",
        "plan": "category",
        "cost": "number",
        "active": "boolean",
    }
    assert [field.name for field in made.manifest.fields if field.optional] == ["cost"]
    assert served(made, *records(FRAME)) == PIPELINE.predict(FRAME).tolist()


def test_a_sample_replaces_the_input_example(tmp_path: Path):
    FRAME.assign(left=LABELS).to_csv(tmp_path / "rows.csv", index=False)
    options = ("--sample", tmp_path / "rows.csv", "--target", "left")
    made = bring(tmp_path, logged(tmp_path / "logged", "pickle"), *options)
    assert made.manifest.data.rows == 200
    assert made.manifest.metrics["accuracy"].mean > 0.9


class Bomb:
    """What runs code as soon as it is loaded."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def test_a_list_of_trusted_types_in_the_folder_is_not_believed(tmp_path: Path):
    mark = tmp_path / "mark"
    listed = '["pathlib.Path.touch", "pathlib.PosixPath"]'
    folder = logged(tmp_path / "logged", "cloudpickle", Bomb(mark), listed)
    command = ("import", folder, "--name", "bomb")
    trusted = trusting(tmp_path, *command)
    assert not mark.exists()
    refused(tmp_path, *trusted)
    assert mark.exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  sklearn:", "  pytorch:", "has the flavor pytorch, but only sklearn"),
        ("pickled_model: model.pkl", "pickled_model: ../x.pkl", "which is not in its folder"),
        ("flavors:", "flavors: !!python/object/apply:os.getcwd []\nx:", "is not one that MLflow"),
        ("saved_input_example_info:", "other:", "has no input example: give rows in a CSV"),
        ('"name": "months"', '"name": "month"', "'month'"),
    ],
)
def test_a_folder_that_cannot_be_imported_is_refused_with_the_reason(
    tmp_path: Path, old: str, new: str, message: str
):
    folder = logged(tmp_path / "logged", "pickle")
    described = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(described.replace(old, new, 1))
    assert message in refused(tmp_path, "import", folder, "--name", "x")
