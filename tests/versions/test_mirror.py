"""A host's copy, where single objects cannot be read: what of it goes on."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from conftest import MODELS

from serving.errors import ObjectStoreError
from serving.models import artefact
from serving.models.model_folder import live_version
from serving.places.objects import Missing, Objects
from serving.versions.decision import Decision
from serving.versions.listing import decision_name
from serving.versions.mirror import Mirror


class Failing(Objects):
    """Objects in memory, some of which cannot be read."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.failing: set[str] = set()
        self.reads = 0

    def list(self, prefix: str = "") -> dict[str, str]:
        return {name: str(hash(self.content[name])) for name in self.content if prefix in name}

    def chunks(self, name: str) -> Iterator[bytes]:
        self.reads += 1
        if name in self.failing:
            raise ObjectStoreError("secret", public="the object store cannot be read")
        if name not in self.content:
            raise Missing
        yield self.content[name]

    def add(self, model: str, version: int) -> None:
        whole = artefact.read(MODELS, "wine", 1)
        manifest = msgspec.structs.replace(whole.manifest, name=model)
        for file, content in artefact.files_of(manifest, version, whole.contents).items():
            self.content[f"{model}/{version}/{file}"] = content

    def decide(self, model: str, number: int, version: int) -> None:
        decision = Decision(
            time=1, model=model, action="promote", before=None, version=version, who="ana"
        )
        self.content[decision_name(model, number)] = msgspec.json.encode(decision)


@pytest.fixture
def objects() -> Failing:
    made = Failing()
    for model in ("wine", "other"):
        made.add(model, 1)
        made.decide(model, 1, 1)
    return made


def test_a_version_that_cannot_be_read_holds_up_no_other(objects: Failing, tmp_path: Path):
    mirror = Mirror(objects, tmp_path)
    mirror.pull()
    for model in ("other", "wine"):
        objects.add(model, 2)
        objects.decide(model, 2, 2)
    objects.failing = {"other/2/model.pkl"}
    _, behind = mirror.pull()
    assert [*behind] == ["other"]
    assert behind["other"].endswith("the object store cannot be read")
    assert (live_version(tmp_path / "other"), live_version(tmp_path / "wine")) == (1, 2)
    objects.failing = set()
    assert mirror.pull()[1] == {}
    assert live_version(tmp_path / "other") == 2


def test_what_has_not_changed_is_not_read_again(objects: Failing, tmp_path: Path):
    Mirror(objects, tmp_path).pull()
    objects.reads = 0
    Mirror(objects, tmp_path).pull()
    assert objects.reads == 0


def test_a_damaged_version_is_not_copied_again_and_again(objects: Failing, tmp_path: Path):
    objects.content["wine/1/model.pkl"] = b"damaged"
    mirror = Mirror(objects, tmp_path)
    reason = mirror.pull()[1]["wine"]
    objects.reads = 0
    assert mirror.pull()[1]["wine"] == reason
    assert objects.reads == 0


def test_an_object_that_is_deleted_meanwhile_is_reported(objects: Failing, tmp_path: Path):
    mirror = Mirror(objects, tmp_path)
    del objects.content["wine/1/model.pkl"]
    assert "an object is gone" in mirror.pull()[1]["wine"]
    assert live_version(tmp_path / "other") == 1


def test_nothing_is_left_of_a_copy_that_failed(objects: Failing, tmp_path: Path):
    objects.failing = {"wine/1/outputs.npy"}
    Mirror(objects, tmp_path).pull()
    assert {each.name for each in (tmp_path / "wine").iterdir()} == {"decisions.jsonl"}
