"""Versions are listed, gated, put live, tried, rolled back and retired; who did so is recorded."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import ROOT, body, moved, predict, rewrite, wait_until, wine
from flask.testing import FlaskClient

from app import create_app
from serving.__main__ import main
from serving.errors import ArtefactError
from serving.models import model_folder
from serving.models.artefact import ONNX
from serving.settings import Settings

KEY = "sixteen-or-more-characters"
Change = Callable[[dict[str, Any], dict[str, bytes]], Any]


@pytest.fixture
def settings(models: Path, tmp_path: Path) -> Settings:
    return Settings(models_dir=models, var_dir=tmp_path / "var", admin_keys=f"ana:{KEY}")


@pytest.fixture
def admin(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()


def decide(client: FlaskClient, key: str = KEY, **asked: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.post("/models/wine/versions", headers=headers, **body(asked))


def newer(models: Path, change: Change = lambda manifest, _: manifest.update(title="newer")) -> int:
    return rewrite(models, change)


def test_a_version_is_put_live_and_rolled_back_and_both_are_recorded(
    admin: FlaskClient, models: Path
):
    newer(models)
    assert decide(admin, action="promote", version=2, why="better").json["before"] == 1
    assert predict(admin, wine())["version"] == 2
    assert decide(admin, action="rollback").json["version"] == 1
    assert predict(admin, wine())["version"] == 1
    told = admin.get("/models/wine/versions").json
    assert [(each["action"], each["before"], each["version"]) for each in told["decisions"]] == [
        ("rollback", 2, 1),
        ("promote", 1, 2),
    ]
    assert {each["who"] for each in told["decisions"]} == {"ana"}
    assert told["decisions"][1]["why"] == "better"
    assert [(each["version"], each.get("states")) for each in told["versions"]] == [
        (2, None),
        (1, ["live"]),
    ]


def test_a_version_that_is_promoted_twice_is_rolled_back_to_the_one_before(
    admin: FlaskClient, models: Path
):
    newer(models)
    for before in (1, 2):
        assert decide(admin, action="promote", version=2).json["before"] == before
    assert decide(admin, action="rollback").json["version"] == 1


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
        "roc_auc is 0.8 ± ",
    ),
    "a worse error": (
        lambda manifest, _: manifest["metrics"]["brier"].update(mean=0.2),
        "brier is 0.2 ± ",
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
    assert taken["overruled"][0].startswith("roc_auc is 0.8")
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


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        ({"action": "promote"}, 400, "missing required field `version`"),
        ({"action": "rollback", "version": 1}, 400, "Expected `null`, got `int` - at `$.version`"),
        ({"action": "delete", "version": 1}, 400, "delete"),
        ({"action": "promote", "version": 1, "who": "me"}, 400, "who"),
        ({"action": "promote", "version": 9}, 404, "wine has no version 9; there are 1"),
        ({"action": "rollback"}, 409, "no version was live before 1"),
        ({"action": "retire", "version": 1}, 409, "wine 1 is live"),
        ({"action": "trial", "version": 1}, 409, "wine 1 is live"),
    ],
)
def test_what_cannot_be_decided_is_refused(
    admin: FlaskClient, asked: Any, status: int, message: str
):
    answer = decide(admin, **asked)
    assert (answer.status_code, message in answer.json["detail"]) == (status, True)


@pytest.mark.parametrize("key", ["", "wrong", KEY[:-1]])
def test_nobody_decides_without_a_key(admin: FlaskClient, key: str):
    answer = decide(admin, key, action="retire", version=1)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_nobody_decides_over_http_where_no_key_is_set(client: FlaskClient):
    assert decide(client, action="retire", version=1).status_code == 403


def test_a_version_can_be_requested_until_it_is_retired(admin: FlaskClient, models: Path):
    newer(models)
    url = "/models/wine/versions/2"
    assert admin.post(f"{url}/predict", **body(wine())).json["version"] == 2
    assert admin.get(f"{url}/example").json["version"] == 2
    assert admin.get(url).json["title"] == "newer"
    assert decide(admin, action="retire", version=2).status_code == 200
    assert admin.post(f"{url}/predict", **body(wine())).status_code == 404
    assert decide(admin, action="promote", version=2).status_code == 404


def test_a_decision_is_kept_where_the_models_folder_may_not_be_written(
    settings: Settings, models: Path
):
    admin = create_app(settings).test_client()
    newer(models)
    (models / "wine" / "decisions.jsonl").mkdir()  # nothing can be appended to it
    assert decide(admin, action="promote", version=2).status_code == 200
    assert predict(admin, wine())["version"] == 2
    assert (settings.decisions_dir / "wine" / "current").read_text() == "2\n"


def test_a_version_on_trial_is_compared_on_live_rows(settings: Settings, models: Path):
    def swap(_: Any, contents: dict[str, bytes]) -> None:
        del contents[ONNX]

    admin = create_app(settings).test_client()
    newer(models, swap)
    assert admin.get("/models/wine/versions").json["trial"] is None
    assert decide(admin, action="trial", version=2).status_code == 200
    records = [wine(), json.loads((ROOT / "ruim.json").read_text())]
    answers = predict(admin, records)
    assert answers["version"] == 1
    truth = [{"id": one["id"], "actual": "bom"} for one in answers["predictions"]]
    admin.post("/feedback", **body(truth))

    def trial() -> Any:
        moved(settings).close()
        return admin.get("/models/wine/versions").json["trial"]

    wait_until(lambda: trial()["rows"] == 2)
    told = trial()
    assert (told["version"], told["agreement"], told["with_feedback"]) == (2, 1.0, 2)
    assert (told["live"], told["trial"]) == (0.5, 0.5)
    assert decide(admin, action="trial").json["version"] is None
    assert admin.get("/models/wine/versions").json["trial"] is None


def test_all_of_it_is_done_on_the_command_line(models: Path, tmp_path: Path):
    newer(models)

    def serving(*arguments: str) -> str:
        environment = {"MODELS_DIR": str(models), "VAR_DIR": str(tmp_path)}
        return CliRunner().invoke(main, arguments, env=environment).output

    assert "promote wine 1 → 2 by " in serving("promote", "wine", "2", "--why", "better")
    assert "wine 2 (live)" in serving("versions", "wine")
    assert "rollback wine 2 → 1" in serving("rollback", "wine")
    assert "trial wine none → 2" in serving("trial", "wine", "2")
    assert "trial wine 2 → none" in serving("trial", "wine")
    assert "retire wine 2" in serving("retire", "wine", "2")
    assert "wine 2 (retired)" in serving("versions", "wine")
    assert serving("versions", "wine").count(" by ") == 5
    assert serving("promote", "wine", "2") == "Error: wine 2 is retired\n"


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
        "Error: wine 2 is not put live\n  - the example of wine 1 is refused"
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
