"""What is requested of a training is done, or refused before a worker begins it."""

import threading
from pathlib import Path
from typing import Any

import pytest
import trainings
from conftest import body, rewrite
from flask.testing import FlaskClient
from msgspec.structs import replace

from app import create_app
from serving.errors import TrainingRefused
from serving.models import model_folder
from serving.settings import Settings
from serving.trainings.actions import after
from serving.trainings.environment import environment
from serving.trainings.requests import StartTraining, of_file
from serving.trainings.trainings import MAX_WAITING, Trainings


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    return Settings(var_dir=tmp_path / "var", models_dir=models, training_worker=False)


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()


@pytest.mark.parametrize(
    ("action", "problem"),
    [
        ({"action": "start", "target": "rooms", "name": "a/b"}, "name: 'a/b' must start with"),
        ({"action": "start", "target": "rooms", "name": "com1.x"}, "a device on Windows"),
        ({"action": "start", "target": "rooms", "name": "\0" * 300}, "…' must start with a letter"),
        ({"action": "start", "target": "rooms", "name": "a" * 501}, "length <= 500 - at `$.name`"),
        (
            {"action": "start", "target": "rom", "name": "homes"},
            'called "rom"; did you mean "rooms"',
        ),
        (
            {"action": "start", "target": "rooms", "name": "homes", "estimator": "svm"},
            'estimator: "svm" is none of "auto"',
        ),
        (
            {"action": "read", "columns": {"rooms": {"type": "colour"}}},
            "Invalid enum value 'colour' - at `$.columns[...].type`",
        ),
        ({"action": "sleep"}, "Invalid value 'sleep'"),
    ],
)
def test_an_action_that_is_not_valid_is_refused_by_what_is_wrong(
    client: FlaskClient, settings: Settings, action: dict[str, Any], problem: str
):
    trainings.keep(settings)
    refused = client.post(f"/trainings/{trainings.ID}", **body(action))
    assert refused.status_code == 400
    assert problem in refused.json["detail"]


@pytest.mark.parametrize("name", ["anything", "problems", "wine_score", "wine"])
def test_a_model_of_a_file_is_not_trained_again_whatever_it_is_called(
    settings: Settings, name: str
):
    def change(manifest: dict[str, Any], _: object) -> None:
        manifest["name"], manifest["data"]["licence"] = name, "not stated"

    version = rewrite(settings.models_dir, change)
    model_folder.put_live(settings.models_dir / name, version)
    client = create_app(settings).test_client()
    refused = client.post("/trainings", **body({"model": name, "with_feedback": True}))
    assert refused.status_code == 409
    assert refused.json["detail"].startswith(f"the data of {name} are not kept, as it was trained")


def test_a_name_of_a_column_may_be_written_in_any_form_of_unicode(
    client: FlaskClient, settings: Settings
):
    trainings.keep(settings, "preço")
    action = {"action": "start", "target": "prec\u0327o", "name": "homes"}
    queued = client.post(f"/trainings/{trainings.ID}", **body(action)).json
    assert (queued["state"], queued["target"]) == ("queued", "preço")


def test_not_one_more_waits_than_may_whoever_sends_at_the_same_time(settings: Settings):
    kept = Trainings(settings.trainings_dir)
    ready = kept.create(of_file("a.csv", ""), lambda file: file.write(b"a"))
    kept.change(
        ready.id, lambda found: replace(found, training=replace(found.training, state="ready"))
    )
    for _ in range(MAX_WAITING - 1):
        kept.create(of_file("a.csv", ""), lambda file: file.write(b"a"))
    both, refused = threading.Barrier(2), []

    def send() -> None:
        try:
            kept.create(of_file("a.csv", ""), lambda _: both.wait())
        except TrainingRefused as error:
            refused.append(str(error))

    several = [threading.Thread(target=send) for _ in range(2)]
    for each in several:
        each.start()
    for each in several:
        each.join()
    assert len(refused) == 1
    assert refused[0].startswith(f"{MAX_WAITING} trainings are waiting: wait until one is done")
    start = StartTraining(target="a", name="a")
    with pytest.raises(TrainingRefused, match="are waiting"):
        kept.change(ready.id, lambda found: after(start, {}, found))
    assert len(kept.all()) == MAX_WAITING + 1
    assert not [*settings.trainings_dir.glob(".*")]


SECRETS = {
    "ADMIN_KEYS": "ana:secret",
    "API_KEYS": "{}",
    "SESSION_SECRET": "secret" * 6,
    "ALERT_WEBHOOK_KEY": "secret",
    "MAIL_PASSWORD": "secret",  # of another program
}
OF_STORES = {"AWS_SECRET_ACCESS_KEY": "bucket", "https_proxy": "http://proxy"}


def test_a_process_that_trains_gets_of_the_environment_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name, value in (SECRETS | OF_STORES | {"PGPASSWORD": "database"}).items():
        monkeypatch.setenv(name, value)
    shared = Settings(
        var_dir=tmp_path, models_url="s3://bucket/models", database_url="postgresql://database"
    )
    trains = environment(shared)
    assert not trains.keys() & SECRETS.keys()
    assert trains.keys() >= OF_STORES.keys() | {"PATH", "PGPASSWORD", "MODELS_DIR"}
    assert Settings.from_environment(trains | {"MODELS_DIR": ""}) == shared

    without = environment(shared, feedback=False)
    assert without.keys() >= OF_STORES.keys()
    assert "database" not in " ".join(without.values())
    reads = environment(shared, writes=False, feedback=False)
    assert reads["VAR_DIR"] == str(tmp_path)
    assert reads.keys() < without.keys()
    assert not reads.keys() & {*OF_STORES, "MODELS_URL"}
    own = environment(Settings(var_dir=tmp_path))
    assert not own.keys() & OF_STORES.keys()
