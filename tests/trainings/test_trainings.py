"""A file that is sent becomes a model, by what is chosen of its columns, or is refused by name."""

import os
from pathlib import Path
from typing import Any

import pytest
from conftest import body, moved
from msgspec.structs import replace
from servers import small_disk
from training_client import TABLE, TrainingClient
from workbooks import xlsx

from app import create_app
from serving.errors import NoRoom
from serving.settings import Settings
from serving.trainings import requests
from serving.trainings.files import FILE
from serving.trainings.trainings import Trainings
from train.fitting.estimators import AUTO, BUILDERS
from train.requested.words import without_options


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    return Settings(var_dir=tmp_path / "var", models_dir=models)


@pytest.fixture
def service(settings: Settings) -> TrainingClient:
    return TrainingClient(create_app(settings).test_client())


@pytest.mark.slow
def test_a_file_becomes_a_model_by_what_is_chosen_of_its_columns(
    service: TrainingClient, settings: Settings
):
    found = service.read()
    assert (found["state"], found["rows"], found["error"]) == ("ready", 60, "")
    columns = {column["name"]: column for column in found["columns"]}
    assert {name: column["type"] for name, column in columns.items()} == {
        "code": "text",
        "area": "integer",
        "rooms": "integer",
        "age": "integer",
        "price": "integer",
    }
    assert columns["code"]["why"] == (
        "it is an identifier or free text: it has 60 different values in 60 rows"
    )
    assert not columns["code"]["used"]

    choices: dict[str, Any] = {
        "area": {"unit": "m²"},
        "rooms": {"type": "category"},
        "age": {"missing": ["-1"]},
    }
    service.act(found["id"], "read", target="price", columns=choices)
    found = service.wait(found["id"], "ready")
    columns = {column["name"]: column for column in found["columns"]}
    assert (columns["area"]["unit"], columns["rooms"]["type"]) == ("m²", "category")
    assert (columns["age"]["missing"], columns["age"]["missing_values"]) == (1, ["-1"])
    assert found["task"] == "regression"

    queued = service.start(found["id"], columns=choices, why="a first try")
    assert (queued["state"], queued["live"]) == ("queued", None)
    done = service.wait(found["id"], "done", "failed")
    assert (done["error"], done["version"], done["why"]) == ("", 1, "a first try")
    assert not done["has_file"]
    assert not (settings.trainings_dir / found["id"] / FILE).exists()
    assert "homes 1 is in" in service.log(found["id"])

    served = create_app(settings).test_client()
    manifest = served.get("/models/homes").json
    fields = {field["name"]: field for field in manifest["fields"]}
    assert list(fields) == ["area", "rooms", "age"]
    assert fields["age"]["missing"] == ["-1"]
    record = {"area": 50, "rooms": "2", "age": None}
    assert served.post("/models/homes/predict", **body(record)).status_code == 200

    again = TrainingClient(served)
    with_feedback = {"model": "homes", "with_feedback": True}
    refused = served.post("/trainings", **body(with_feedback))
    assert refused.status_code == 409
    assert "the data of homes are not kept" in refused.json["detail"]
    second = again.read(xlsx([line.split(",") for line in TABLE.split()]))["id"]
    assert again.start(second, columns={"rooms": {"use": False}})["live"] == 1
    assert again.wait(second, "done", "failed")["version"] == 2
    assert served.get("/models/homes").json["version"] == 1

    sold = served.post("/models/homes/predict", **body(record)).json["id"]
    served.post("/feedback", **body({"id": sold, "actual": 52_000}))
    moved(settings)
    third = again.read()["id"]
    refused = again.start(third, name="houses", with_feedback=True)
    assert refused["detail"].startswith("with_feedback: houses has no live version")
    again.start(third, columns=choices, with_feedback=True)
    done = again.wait(third, "done", "failed")
    assert (done["error"], done["version"]) == ("", 3)
    assert "1 of these rows is a live record with feedback" in again.log(third)
    assert again.client.delete(f"/trainings/{second}").status_code == 204
    kept = [each["id"] for each in again.client.get("/trainings").json["trainings"]]
    assert kept == [third, found["id"]]


@pytest.mark.slow
def test_a_model_that_knows_its_data_is_trained_again_with_feedback(service: TrainingClient):
    sent = service.client.post("/trainings", **body({"model": "wine", "with_feedback": True})).json
    assert (sent["state"], sent["target"], sent["live"]) == ("queued", "quality", 1)
    ended = service.wait(sent["id"], "failed", "done")
    assert "feedback" in ended["error"]  # there is none yet


@pytest.mark.slow
def test_what_cannot_be_trained_is_a_sentence_that_names_what_is_wrong(service: TrainingClient):
    picture = service.read(b"\x89PNG\r\n\x1a\n", "homes.xlsx")
    assert picture["state"] == "failed"
    assert picture["error"].startswith("homes.xlsx is a picture (PNG), not a table: save the table")

    stray = TABLE.replace("\n001,31,", "\n001,thirty,")
    found = service.read(stray)
    area = found["columns"][1]
    assert (area["type"], area["used"]) == ("number", True)
    assert "holds numbers, but not 'thirty' (line 3)" in area["remark"]
    service.act(found["id"], "read", target="price")
    assert "'area' holds numbers, but not 'thirty'" in service.wait(found["id"], "ready")["error"]
    service.start(found["id"])
    failed = service.wait(found["id"], "done", "failed")
    assert "'area' holds numbers, but not 'thirty' (line 3)" in failed["error"]
    assert "--" not in failed["error"]
    assert failed["has_file"]  # it may be started again, with other choices


def test_nothing_is_left_of_a_file_that_is_not_sent_to_its_end(
    service: TrainingClient, settings: Settings
):
    cut = service.client.post(
        "/trainings?file=a.csv", data=b"a,b\n", environ_overrides={"CONTENT_LENGTH": "4000"}
    )
    assert cut.status_code == 400
    empty = service.client.post("/trainings?file=a.csv", data=b"")
    assert empty.json["detail"] == "the file is empty: send the table as the body"
    assert [*settings.trainings_dir.iterdir()] == []


def test_a_disk_that_cannot_be_written_to_is_a_sentence(
    service: TrainingClient, settings: Settings
):
    settings.trainings_dir.parent.mkdir(exist_ok=True)
    settings.trainings_dir.write_text("no folder")
    refused = service.client.post("/trainings?file=a.csv", data=TABLE)
    assert refused.status_code == 503
    assert refused.json["detail"].startswith("nothing can be written to VAR_DIR/trainings: ")


def test_old_trainings_and_files_that_nobody_uses_go(tmp_path: Path):
    kept = Trainings(tmp_path)
    for _ in range(55):
        sent = kept.create(requests.of_file("a.csv", ""), lambda file: file.write(b"a"))
        kept.change(
            sent.id, lambda each: replace(each, training=replace(each.training, state="ready"))
        )
    kept.clean()
    assert len(kept.all()) == 50
    assert sum(each.training.has_file for each in kept.all()) == 10
    os.utime(tmp_path / sent.id / FILE, (0, 0))
    kept.clean()
    assert not kept.get(sent.id).training.has_file


@pytest.mark.faults
def test_nothing_is_left_of_a_file_for_which_the_disk_has_no_room(tmp_path: Path):
    with small_disk(tmp_path / "var"):
        kept = Trainings(tmp_path / "var/trainings")
        with pytest.raises(NoRoom) as refused:
            kept.create(requests.of_file("a.csv", ""), lambda file: file.write(bytes(5_000_000)))
        assert str(refused.value) == (
            "nothing can be written to VAR_DIR/trainings: No space left on device"
        )
        assert [*kept.folder.iterdir()] == []


def test_the_estimators_are_those_of_the_command_line():
    assert {*requests.ESTIMATORS} == {AUTO, *BUILDERS}


WORDS = {
    "correct it, or train with --missing abc if it stands for a missing value, or with --keep x to "
    "use its values as labels": "correct it, or take abc as a missing value if it stands for a "
    "missing value, or choose the type category",
    "is it a number? Then leave it out with --drop no": "is it a number? Then do not use it",
    'use their words with --text "a b", or leave them out with --drop "a b"': "choose the type "
    "text to use their words, or leave them out",
    "otherwise train with --task regression": "otherwise choose the task regression",
}


@pytest.mark.parametrize("message", WORDS)
def test_messages_for_people_name_no_option_of_the_command_line(message: str):
    assert without_options(message) == WORDS[message]
