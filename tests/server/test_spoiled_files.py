"""What is spoiled is named by health and in lists, and hides nothing else."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import body, predict, rewrite, wine
from flask.testing import FlaskClient
from sabotaged import (
    ARABIC_ONE,
    GARBLED,
    NAMES,
    Service,
    a_file,
    assert_sound,
    emptied,
    gone,
    holding,
    unreadable,
)

from app import create_app
from serving.models import artefact
from serving.models.manifest import Manifest
from serving.recording.collector import Collector
from serving.recording.store import Store
from serving.settings import Settings


@pytest.fixture
def service(models: Path, tmp_path: Path) -> Service:
    return Service(models, tmp_path / "var")


@pytest.mark.parametrize(
    ("file", "way", "model", "reason"),
    [
        ("", gone, "wine", "MODELS_DIR cannot be read: No such file"),
        ("", gone, "diabetes", "what is loaded is still served"),
        ("", a_file, "wine", "MODELS_DIR cannot be read: Not a directory"),
        ("", emptied, "wine", "wine/current is gone from MODELS_DIR"),
        ("", emptied, "diabetes", "what is loaded is still served"),
        ("wine", gone, "wine", "wine/current is gone from MODELS_DIR"),
        ("wine/1", gone, "wine", "version 1 is live, and its folder is gone"),
        ("diabetes/1", gone, "diabetes", "version 1 is live, and its folder is gone"),
        ("diabetes/current", holding(b"\xff"), "diabetes", "current names no version"),
        ("diabetes/current", holding(b"1_0"), "diabetes", "current names no version"),
        ("diabetes/current", unreadable, "diabetes", ""),
    ],
)
def test_health_says_what_is_wrong_with_a_model(
    service: Service, file: str, way: Callable[[Path], None], model: str, reason: str
):
    way(service.models / file)
    service.refresh()
    broken = service.ready()["broken"]
    if reason:
        assert reason in broken[model]
    assert predict(service.client, wine())["prediction"] == "bom"


def test_models_that_come_back_are_served_as_if_nothing_had_been(service: Service):
    away = service.models.with_name("away")
    service.models.rename(away)
    service.refresh()
    assert service.client.post("/models/diabetes/predict", **body({})).status_code == 503
    away.rename(service.models)
    service.refresh()
    assert service.ready()["broken"] == {}
    assert service.client.get("/models/diabetes/example").status_code == 200


def test_a_folder_whose_name_is_not_text_is_named_and_hides_no_other(service: Service):
    latin = os.fsencode(service.models) + b"/caf\xe9"
    shutil.copytree(os.fsencode(service.models / "diabetes"), latin)
    service.refresh()
    assert_sound(service)
    broken = service.ready()["broken"]
    assert broken == {"caf\\xe9": "the name of its folder is not UTF-8: rename it"}
    told = service.client.get("/models").json
    assert {each["name"] for each in told["models"]} == {*NAMES, "wine-score"}
    assert told["broken"] == broken


@pytest.mark.parametrize("name", ["9" * 200, "9" * 30, "007", "0", ARABIC_ONE, "²"])
def test_a_folder_that_only_looks_like_a_version_is_none(service: Service, name: str):
    (service.models / "wine" / name).mkdir()
    assert_sound(service)
    listed = service.client.get("/models/wine/versions").json["versions"]
    assert [each["version"] for each in listed] == [2, 1]
    assert rewrite(service.models, lambda *_: None) == 3


def test_a_file_that_only_looks_like_a_version_takes_no_number(service: Service):
    (service.models / "wine" / "3").write_bytes(b"")
    assert_sound(service)
    assert rewrite(service.models, lambda *_: None) == 4


@pytest.mark.parametrize("content", GARBLED)
def test_health_says_that_the_collectors_status_is_unreadable(service: Service, content: bytes):
    (service.var / "journal" / "collector.json").write_bytes(content)
    assert service.ready()["journal"]["store"] == {"state": "unreadable"}


def test_a_version_that_is_deleted_while_it_is_listed_is_told_as_broken(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    """Between the list of the folder and the look into it."""
    read = artefact.read_manifest

    def deleting(models: Path, *version: Any) -> Manifest:
        shutil.rmtree(models / "wine" / "2", ignore_errors=True)
        return read(models, *version)

    monkeypatch.setattr(artefact, "read_manifest", deleting)
    versions = service.client.get("/models/wine/versions").json["versions"]
    assert versions[0]["broken"] == "wine 2: model.json cannot be read: No such file or directory"


def test_a_database_that_is_taken_away_is_made_again(service: Service):

    collector = Collector(service.settings.journal_dir, Store(service.settings.store_url))
    collector.attempt()
    for file in service.var.glob("serving.db*"):
        file.unlink()
    collector.store.close()
    for _ in range(2):
        predict(service.client, wine())
        collector.attempt()
    assert len(service.client.get("/models/wine/predictions").json["predictions"]) >= 2


def client_without_database(service: Service, url: str) -> FlaskClient:
    return create_app(
        Settings(models_dir=service.models, var_dir=service.var, database_url=url)
    ).test_client()


def test_strangers_are_told_no_user_host_or_port_of_a_database(service: Service):
    url = "postgresql://somebody:secret@127.0.0.1:9/private"
    client = client_without_database(service, url)
    answer = client.get("/models/wine/predictions")
    assert answer.status_code == 503
    assert answer.json["detail"] == "the database cannot be reached"

    Collector(service.settings.journal_dir, Store(url)).attempt()
    store = client.get("/health/ready").json["journal"]["store"]
    assert (store["state"], store["reason"]) == ("failing", "the database cannot be reached")
    told = client.get("/health/ready").text + answer.text
    assert not [word for word in ("somebody", "secret", "127.0.0.1", "private") if word in told]
