"""Versions are listed, put live, tried, rolled back and retired; who did so is recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import ROOT, body, leave_the_pickle, moved, predict, wine
from deciding import KEY, decide, newer
from flask.testing import FlaskClient
from servers import wait_until

from app import create_app
from serving.__main__ import main
from serving.settings import Settings
from serving.versions.decisions import Decisions
from serving.versions.versions import Versions


@pytest.fixture
def settings(models: Path, tmp_path: Path) -> Settings:
    return Settings(models_dir=models, var_dir=tmp_path / "var", admin_keys=f"ana:{KEY}")


@pytest.fixture
def admin(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()


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


def test_a_decision_that_is_nested_too_deep_is_a_bad_request(admin: FlaskClient):
    about = {"data": '{"why":' * 2_000, "headers": {"Authorization": f"Bearer {KEY}"}}
    assert admin.post("/models/wine/versions", **about).status_code == 400


@pytest.mark.parametrize("key", ["", "wrong", KEY[:-1]])
def test_nobody_decides_without_a_key(admin: FlaskClient, key: str):
    answer = decide(admin, key, action="retire", version=1)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


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
        leave_the_pickle(contents)

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


def test_the_gates_objections_are_there_before_a_decision(admin: FlaskClient, models: Path):
    def narrow(manifest: Any, _: Any) -> None:
        manifest["fields"][0]["maximum"] = 4

    def spoil(_: Any, contents: dict[str, bytes]) -> None:
        contents["model.pkl"] = b"no pickle"
        leave_the_pickle(contents)

    newer(models, narrow)
    newer(models, spoil)

    def objections(version: int, key: str = KEY) -> Any:
        url = f"/models/wine/versions/{version}/objections"
        return admin.get(url, headers={"Authorization": f"Bearer {key}"}).json

    found = objections(2)
    assert (found["version"], found["live"], found["can_be_forced"]) == (2, 1, True)
    assert found["objections"] == ["field 'fixed acidity' takes 0 to 4 only, not 0 to 100"]
    assert decide(admin, action="promote", version=2).json["errors"] == [
        {"message": each} for each in found["objections"]
    ]
    assert objections(1)["objections"] == []
    assert not objections(3)["can_be_forced"]
    assert objections(9)["status"] == 404
    assert objections(2, "")["status"] == 401


def test_a_decision_that_did_not_know_of_the_latest_is_refused(
    admin: FlaskClient, settings: Settings, models: Path
):
    newer(models)
    moved(settings).close()
    known = admin.get("/models/wine/versions").json["decided"]
    assert decide(admin, action="trial", version=2, decided=known).status_code == 200
    refused = decide(admin, action="promote", version=2, decided=known, force=True)
    assert refused.status_code == 409
    assert "somebody has decided meanwhile: trial none → 2 by ana" in refused.json["detail"]
    known = admin.get("/models/wine/versions").json["decided"]
    Versions(Decisions(models, models), "monitor").made("retrain", "wine", None, "it failed")
    assert decide(admin, action="promote", version=2, decided=known).status_code == 200
