"""Whatever becomes of the files while it runs: no 500, no path is told, and health says it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import body, moved, predict, rewrite, wine
from flask.testing import FlaskClient

from app import create_app
from serving.models import artefact
from serving.models.manifest import Manifest
from serving.recording.collector import Collector
from serving.recording.store import Store
from serving.settings import Settings

KEY = "a-key-of-this-test"
PAGES = ("/", "/monitor", "/monitor/{}", "/models/{}/card", "/models/{}/predictions", "/docs")
ROUTES = (
    *("/", "/models", "/example", "/predict", "/health/live", "/health/ready", "/metrics"),
    *("/openapi.json", "/feedback/unmatched", "/predictions/{id}"),
    *("/models/{}", "/models/{}/versions", "/models/{}/card", "/models/{}/example"),
    *("/models/{}/versions/1", "/models/{}/versions/1/card", "/models/{}/predictions"),
    *("/models/{}/predict", "/models/{}/monitor"),
)
NAMES = ("wine", "diabetes")  # the default one, and one that is loaded when it is asked for
ARABIC_ONE = "\N{ARABIC-INDIC DIGIT ONE}"


class Service:
    """An app, its folders, and something recorded in them."""

    def __init__(self, models: Path, var: Path) -> None:
        self.models, self.var = models, var
        self.settings = Settings(models_dir=models, var_dir=var, admin_keys=f"ana:{KEY}")
        rewrite(models, lambda *_: None)
        self.app = create_app(self.settings)
        self.client = self.app.test_client()
        self.id = predict(self.client, wine())["id"]
        moved(self.settings).close()
        predict(self.client, wine())

    def refresh(self) -> None:
        self.app.extensions["registry"].refresh()

    def asked(self, pages: tuple[str, ...]) -> list[tuple[str, Any]]:
        """The answer of every route, before and after what is decided is looked at again."""
        answers = []
        for shown in (pages, ()):
            for route in ROUTES:
                for name in NAMES if "{}" in route else ("",):
                    path = route.replace("{}", name).replace("{id}", self.id)
                    answers.append((path, self.client.get(path)))
            for route in shown:
                for name in NAMES if "{}" in route else ("",):
                    path = route.replace("{}", name)
                    page = self.client.get(path, headers={"Accept": "text/html"})
                    answers.append((path, page))
            answers += self.posted()
            self.refresh()
        return answers

    def posted(self) -> list[tuple[str, Any]]:
        headers = {"Authorization": f"Bearer {KEY}"}
        asked = [("/predict", wine(), {}), ("/feedback", {"id": self.id, "actual": "bom"}, {})]
        for name in NAMES:
            asked.append((f"/models/{name}/predict", {}, {}))
            asked.append((f"/models/{name}/versions/1/predict", {}, {}))
            decisions = ({"action": "rollback"}, {"action": "trial", "version": 9})
            asked += [(f"/models/{name}/versions", each, headers) for each in decisions]
        return [
            (f"POST {path}", self.client.post(path, **body(sent), headers=given))
            for path, sent, given in asked
        ]

    def ready(self) -> Any:
        return self.client.get("/health/ready").json


@pytest.fixture
def service(models: Path, tmp_path: Path) -> Service:
    return Service(models, tmp_path / "var")


def gone(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def emptied(path: Path) -> None:
    """As a disk that is not mounted leaves the folder."""
    gone(path)
    path.mkdir()


def a_file(path: Path) -> None:
    if path.exists():
        gone(path)
    path.write_bytes(b"a file")


def a_folder(path: Path) -> None:
    if path.exists():
        gone(path)
    path.mkdir()


def unreadable(path: Path) -> None:
    """For root too, who may read what others may not."""
    if path.exists():
        gone(path)
    path.symlink_to(path.name)


def holding(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


GARBLED = (b"", b"\xff\xfe", b"null", b'{"time": "\xe9"}')
NUMBERS = (b"7\n", b"9" * 30, b"1_0", b"-1", b"1 2", ARABIC_ONE.encode())
WAYS = (gone, a_file, a_folder, unreadable)
FILES = (
    *((path, way) for path in ("", "wine", "diabetes", "wine/1", "diabetes/1") for way in WAYS),
    ("", emptied),
    *(
        ("diabetes/current", way)
        for way in (gone, a_folder, unreadable, *map(holding, (*GARBLED, *NUMBERS)))
    ),
    *(("wine/current", way) for way in (gone, a_folder, holding(b"\xff"), holding(b"9" * 30))),
    *(),
    *(
        (f"wine/{file}", way)
        for file in ("trial", "retired", "decisions.jsonl")
        for way in (a_folder, *map(holding, (*GARBLED[:2], *NUMBERS[:2])))
    ),
    *(
        (f"diabetes/1/{file}", way)
        for file in ("model.json", "reference.json", "card.json", "model.pkl", "outputs.npy")
        for way in (gone, unreadable, *map(holding, GARBLED[1:3]))
    ),
)
OWN = (
    *(
        (file, way)
        for file in ("journal/collector.json", "serving.db")
        for way in (a_folder, unreadable, *map(holding, GARBLED))
    ),
    *(
        (folder, way)
        for folder in ("journal", "metrics", "decisions", "")
        for way in (*WAYS, emptied)
    ),
    ("serving.db", gone),
)


def named(value: Any) -> str | None:
    return getattr(value, "__name__", None) if callable(value) else None


@pytest.mark.slow
@pytest.mark.parametrize(("file", "way"), FILES, ids=named)
def test_nothing_that_becomes_of_the_models_is_a_500(
    service: Service, file: str, way: Callable[[Path], None]
):
    way(service.models / file)
    shown = way in {gone, unreadable} or file.endswith(("card.json", "reference.json"))
    assert_sound(service, PAGES if shown else ())


@pytest.mark.slow
@pytest.mark.parametrize(("file", "way"), OWN, ids=named)
def test_nothing_that_becomes_of_the_record_is_a_500(
    service: Service, file: str, way: Callable[[Path], None]
):
    if file != "" or way not in {gone, emptied}:
        (service.var / file).parent.mkdir(parents=True, exist_ok=True)
    if (service.var / file).exists() or way not in {gone, emptied}:
        way(service.var / file)
    assert_sound(service)
    assert predict(service.client, wine())["prediction"] == "bom"


def assert_sound(service: Service, pages: tuple[str, ...] = PAGES) -> None:
    folders = (str(service.models.parent), "/var/", "sqlite")
    for path, answer in service.asked(pages):
        assert answer.status_code != 500, (path, answer.text)
        if answer.status_code >= 400:
            kind = answer.content_type.partition(";")[0]
            assert kind in {"application/problem+json", "text/html"}, path
        assert not [word for word in folders if word in answer.text], (path, answer.text)
    assert service.ready()["status"] == "ready"


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

    def deleting(models: Path, name: str, version: int) -> Manifest:
        shutil.rmtree(models / "wine" / "2", ignore_errors=True)
        return read(models, name, version)

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
