"""A model that is retired is served no more, until one of its versions is put live."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import body, wine
from deciding import KEY
from flask.testing import FlaskClient

from app import create_app
from serving.__main__ import main
from serving.errors import ArtefactError, RetiredModel
from serving.monitor.checks import Checks
from serving.recording.store import Store
from serving.settings import Settings
from serving.versions.decisions import Decisions
from serving.versions.registry import Registry
from serving.versions.versions import Versions


@pytest.fixture
def settings(models: Path, tmp_path: Path) -> Settings:
    return Settings(models_dir=models, var_dir=tmp_path / "var", admin_keys=f"ana:{KEY}")


@pytest.fixture
def admin(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()


def decide(client: FlaskClient, model: str, **sent: Any) -> Any:
    headers = {"Authorization": f"Bearer {KEY}"}
    return client.post(f"/models/{model}/versions", headers=headers, **body(sent))


def test_a_retired_model_is_not_found_by_any_request_until_a_version_is_put_live(
    admin: FlaskClient,
):
    record = admin.get("/models/diabetes").json["example"]
    made = admin.post("/models/diabetes/predict", **body(record)).json
    assert decide(admin, "diabetes", action="trial", version=None).status_code == 200
    retired = decide(admin, "diabetes", action="retire", version=None, why="of no use").json
    assert (retired["before"], retired["version"], retired["why"]) == (1, None, "of no use")
    for sent in (
        admin.post("/models/diabetes/predict", **body(record)),
        admin.post("/models/diabetes/versions/1/predict", **body(record)),
        admin.get("/models/diabetes"),
        admin.get("/models/diabetes/card"),
        admin.get("/models/diabetes/predictions"),
        admin.get("/models/diabetes/monitor"),
        admin.get("/monitor/diabetes"),
        admin.get("/monitor/diabetes/predictions"),
    ):
        assert sent.status_code == 404
        assert "diabetes is retired" in sent.json["detail"]
    feedback = admin.post("/feedback", **body({"id": made["id"], "actual": 1}))
    assert feedback.status_code == 422
    assert "diabetes is retired" in feedback.json["errors"][0]["message"]
    assert "diabetes" not in [each["name"] for each in admin.get("/models").json["models"]]
    assert "diabetes" not in admin.get("/health/ready").json["broken"]
    assert admin.post("/predict", **body(wine())).status_code == 200
    assert decide(admin, "diabetes", action="promote", version=1).json["before"] is None
    assert admin.post("/models/diabetes/predict", **body(record)).json["version"] == 1


def test_a_rollback_ends_a_retirement_and_nothing_else_does(admin: FlaskClient):
    decide(admin, "diabetes", action="retire", version=None)
    for action, version in (("retire", None), ("trial", 1)):
        refused = decide(admin, "diabetes", action=action, version=version)
        assert refused.status_code == 409
        assert "put a version live first" in refused.json["detail"]
    assert decide(admin, "diabetes", action="rollback").json["version"] == 1
    assert admin.get("/models/diabetes").json["version"] == 1
    assert decide(admin, "diabetes", action="rollback").status_code == 409


def test_the_default_model_cannot_be_retired_and_a_version_has_to_be_named_or_null(
    admin: FlaskClient,
):
    refused = decide(admin, "wine", action="retire", version=None)
    assert refused.status_code == 409
    assert "wine is the default model" in refused.json["detail"]
    assert decide(admin, "diabetes", action="retire").status_code == 400


def test_other_services_and_a_restart_follow_what_the_command_line_retires(
    models: Path, tmp_path: Path
):
    def command(*arguments: str) -> str:
        environment = {"MODELS_DIR": str(models), "VAR_DIR": str(tmp_path)}
        return CliRunner().invoke(main, arguments, env=environment).output

    decisions = Decisions(models, tmp_path / "own")
    running = Registry(decisions, "wine", max_loaded=5)
    running.engine("diabetes")
    assert "retire diabetes 1 → none by " in command("retire", "diabetes")
    running.refresh()
    for registry in (running, Registry(decisions, "wine", max_loaded=5)):
        for version in (None, 1):
            with pytest.raises(RetiredModel, match="promote diabetes VERSION"):
                registry.engine("diabetes", version)
        assert "diabetes" not in registry.broken
    running.refresh()  # nothing has changed
    assert running.retired == {"diabetes"}
    assert "diabetes is retired" in command("predict", "diabetes", "--version", "1", "/dev/null")
    assert "diabetes 1 (" not in command("versions", "diabetes")
    assert "default model" in command("retire", "wine")
    assert "rollback diabetes none → 1" in command("rollback", "diabetes")
    running.refresh()
    assert running.engine("diabetes").manifest.version == 1


def test_a_service_whose_default_model_is_retired_elsewhere_goes_on_with_it_and_does_not_start(
    models: Path, tmp_path: Path
):
    decisions = Decisions(models, tmp_path / "own", default_model="diabetes")
    running = Registry(decisions, "wine", max_loaded=5)
    Versions(decisions, "ana").retire("wine", None)
    running.refresh()
    assert running.engine().manifest.name == "wine"
    assert "wine is retired" in running.broken["wine"]
    with pytest.raises(ArtefactError, match="default model 'wine' cannot be served: wine is ret"):
        Registry(decisions, "wine", max_loaded=5)


def test_the_monitor_leaves_a_retired_model_out(settings: Settings):
    decisions = Decisions.from_settings(settings)
    Versions(decisions, "ana").retire("diabetes", None)
    settings.var_dir.mkdir()
    checks = Checks(settings, Store(settings.store_url))
    assert [each.model for each in checks.run()] == ["wine", "wine-score"]
