"""A version that is worse or takes other records is not put live, unless somebody insists."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, body, predict, wine
from deciding import KEY, Change, decide, newer
from flask.testing import FlaskClient

from app import create_app
from serving.errors import ArtefactError
from serving.models import model_folder
from serving.settings import Settings


@pytest.fixture
def admin(models: Path, tmp_path: Path) -> FlaskClient:
    settings = Settings(models_dir=models, var_dir=tmp_path / "var", admin_keys=f"ana:{KEY}")
    return create_app(settings).test_client()


def fields(manifest: dict[str, Any]) -> dict[str, Any]:
    return {field["name"]: field for field in manifest["fields"]}


def rename(manifest: dict[str, Any], _: Any) -> None:
    fields(manifest)["alcohol"]["name"] = "strength"
    manifest["example"]["strength"] = manifest["example"].pop("alcohol")


OBJECTIONS: dict[str, tuple[Change, str]] = {
    "a new field": (rename, "field 'strength' is new, and must be sent"),
    "a narrower range": (
        lambda manifest, _: fields(manifest)["pH"].update(maximum=7),
        "field 'pH' takes 0 to 7 only, not 0 to 14",
    ),
    "a range that begins higher": (
        lambda manifest, _: fields(manifest)["pH"].update(minimum=1),
        "field 'pH' takes 1 to 14 only, not 0 to 14",
    ),
    "another unit": (
        lambda manifest, _: manifest.update(unit="points"),
        "its unit is points, not none",
    ),
    "whole numbers only": (
        lambda manifest, _: fields(manifest)["free sulfur dioxide"].update(type="integer"),
        "field 'free sulfur dioxide' takes whole numbers only",
    ),
    "a label less": (
        lambda manifest, _: (
            fields(manifest)["color"].update(categories=["red", "rosé"]),
            manifest["example"].update(color="red"),
        ),
        "field 'color' no longer takes 'white'",
    ),
    "another type": (
        lambda manifest, _: (
            fields(manifest)["color"].update(type="boolean"),
            manifest["example"].update(color=True),
        ),
        "field 'color' is a boolean, not a category",
    ),
    "labels in the place of numbers": (
        lambda manifest, _: (
            fields(manifest)["pH"].update(type="category", categories=["acid", "basic"]),
            manifest["example"].update(pH="acid"),
        ),
        "field 'pH' is a category, not a number",
    ),
    "other codes": (
        lambda manifest, _: fields(manifest)["color"].update(categories=["white", "red"]),
        "field 'color' gives its labels other codes",
    ),
    "other labels": (
        lambda manifest, _: (
            manifest.update(classes=["good", "ruim"]),
            manifest["threshold"].update(label="good"),
        ),
        "its labels are good, ruim, not bom, ruim",
    ),
    "worse figures": (
        lambda manifest, _: manifest["metrics"]["roc_auc"].update(mean=0.8),
        "ROC AUC is 0.8 ± ",
    ),
    "a worse error": (
        lambda manifest, _: manifest["metrics"]["brier"].update(mean=0.2),
        "Brier score is 0.2 ± ",
    ),
    "an example of its own that it refuses": (
        lambda manifest, _: manifest["example"].update(pH=15),
        "wine 2 refuses its own example: pH: 15 is above 14",
    ),
}


@pytest.mark.parametrize("way", OBJECTIONS)
def test_the_gate_names_what_speaks_against_a_version(admin: FlaskClient, models: Path, way: str):
    change, objection = OBJECTIONS[way]
    newer(models, change)
    answer = decide(admin, action="promote", version=2)
    assert answer.status_code == 409
    assert any(objection in error["message"] for error in answer.json["errors"])
    assert predict(admin, wine())["version"] == 1


def test_the_gate_can_be_overruled_and_that_is_recorded(admin: FlaskClient, models: Path):
    newer(models, lambda manifest, _: manifest["metrics"]["roc_auc"].update(mean=0.8))
    taken = decide(admin, action="promote", version=2, force=True).json
    assert taken["overruled"][0].startswith("ROC AUC is 0.8")
    assert predict(admin, wine())["version"] == 2


def test_feedback_has_the_labels_of_the_version_that_predicted(admin: FlaskClient, models: Path):
    change, _ = OBJECTIONS["other labels"]
    newer(models, change)
    before = predict(admin, wine())["id"]
    assert decide(admin, action="promote", version=2, force=True).status_code == 200
    after = predict(admin, wine())["id"]
    for id_, actual, status in ((before, "bom", 200), (after, "good", 200), (after, "bom", 422)):
        told = admin.post("/feedback", **body({"id": id_, "actual": actual}))
        assert told.status_code == status


def test_a_broken_version_is_refused_even_by_force(admin: FlaskClient, models: Path):
    (models / "wine" / str(newer(models)) / "model.pkl").write_bytes(b"")
    answer = decide(admin, action="promote", version=2, force=True)
    assert answer.status_code == 409
    assert "model.pkl is not the file" in answer.json["errors"][0]["message"]


def test_objections_of_the_gate_are_shown_on_the_command_line(models: Path):
    newer(models, rename)
    run = subprocess.run(
        [sys.executable, "-m", "serving", "promote", "wine", "2"],
        cwd=ROOT,
        env=os.environ | {"MODELS_DIR": str(models)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith(
        "Error: wine 2 is not put live\n  - the example of wine 1 is refused: strength: is missing"
    )
    assert "  - field 'strength' is new, and must be sent\n--force puts it live" in run.stderr


def test_what_cannot_predict_its_own_example_never_goes_live(admin: FlaskClient, models: Path):
    newer(models, lambda manifest, _: manifest["example"].update(pH=15))
    answer = decide(admin, action="promote", version=2, force=True)
    assert answer.status_code == 409
    assert "refuses its own example" in answer.json["errors"][0]["message"]
    assert predict(admin, wine())["version"] == 1


def test_no_service_loads_a_version_that_cannot_predict_its_own_example(
    models: Path, tmp_path: Path
):
    newer(models, lambda manifest, _: manifest["example"].update(color="blue"))
    model_folder.put_live(models / "wine", 2)
    with pytest.raises(ArtefactError, match="wine 2 refuses its own example: color: "):
        create_app(Settings(models_dir=models, var_dir=tmp_path / "var"))
