"""MLflow loads and serves what `adega export --to mlflow` writes, and predicts the same."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import MODELS
from programs import ENVIRONMENTS, call

from serving.models import artefact
from serving.models.engine import Engine
from train.exporting.__main__ import main
from train.exporting.estimator import to_frame

pytestmark = pytest.mark.skipif(
    not (ENVIRONMENTS / ".venv-mlflow").exists(),
    reason="MLflow is not installed: make test-clients does so",
)


def test_mlflow_predicts_what_the_service_does(tmp_path: Path):
    name = "wine"  # which has a category, labels and a threshold
    folder, rows = tmp_path / "exported", tmp_path / "rows.json"
    done = CliRunner(env={"MODELS_DIR": str(MODELS)}).invoke(
        main, [name, "--to", "mlflow", str(folder)]
    )
    assert done.exit_code == 0, done.output
    read = artefact.read(MODELS, name, 1)
    recorded, _ = read.recorded_outputs()
    frame = to_frame(read.manifest, recorded)
    rows.write_text(frame.to_json(orient="split", index=False, double_precision=15))
    sent = json.loads(rows.read_text())
    assert len(sent["data"]) > 100
    expected, *_ = Engine(read).predict(recorded)
    lines = call("mlflow_folder", str(folder), str(rows)).splitlines()
    assert len(lines) == 3
    assert all(json.loads(line) == expected for line in lines)
