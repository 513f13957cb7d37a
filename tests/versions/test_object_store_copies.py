"""Copies of models on a host: verified, replaced where they were damaged, and served alone."""

import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest
from conftest import MODELS, predict, wine
from deciding import KEY, decide
from hosts import Host, add, command, upload_wine
from signing import new_key

from app import create_app
from serving.doctor import models as doctored
from serving.doctor.finding import Finding
from serving.errors import (
    ArtefactError,
    ObjectStoreError,
)
from serving.models import artefact
from serving.models.model_folder import MANIFEST
from serving.settings import Settings

pytestmark = pytest.mark.slow  # each copy and each decision is made by a process of its own


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An object store with wine 1, which is live."""
    folder = tmp_path_factory.mktemp("uploaded")
    upload_wine(str(folder), tmp_path_factory.mktemp("uploader"))
    return folder


@pytest.fixture
def url(uploaded: Path, tmp_path: Path) -> str:
    """A copy of it, to be altered."""
    return str(shutil.copytree(uploaded, tmp_path / "shared"))


@pytest.fixture
def ana(url: str, tmp_path: Path) -> Host:
    return Host(url, tmp_path / "ana")


@pytest.fixture
def bob(url: str, tmp_path: Path) -> Host:
    return Host(url, tmp_path / "bob")


def test_half_a_version_is_never_seen(ana: Host):
    whole = artefact.read(MODELS, "wine", 1)
    files = artefact.files_of(whole.manifest, 2, whole.contents)
    half = {name: content for name, content in files.items() if name != MANIFEST}
    assert ana.shared.upload("wine", 2, half)
    assert ana.pull() == {}
    assert {each.name for each in ana.wine.iterdir() if each.name.isdigit()} == {"1"}
    assert add(ana) == 3  # its number is taken


@pytest.mark.faults
def test_a_damaged_object_is_refused_and_the_version_before_goes_on(url: str, ana: Host, bob: Host):
    bob.pull()
    add(ana)
    ana.versions.promote("wine", 2)
    pickle = Path(url) / "wine/2/model.pkl"
    good = pickle.read_bytes()
    pickle.write_bytes(b"damaged" + good[7:])
    assert "model.pkl is not the file" in bob.pull()["wine"]
    assert bob.live() == 1
    assert not (bob.wine / "2").exists()
    client = create_app(bob.settings).test_client()
    assert predict(client, wine())["version"] == 1
    assert "model.pkl is not the file" in client.get("/health/ready").json["broken"]["wine"]
    # It is live all the same: whoever decides here decides on that, and can go back.
    assert bob.versions.rollback("wine").before == 2
    pickle.write_bytes(good)
    assert bob.pull() == {}
    assert (bob.wine / "2").exists()


def test_an_altered_copy_of_a_manifest_is_of_no_use(url: str, bob: Host):
    manifest = Path(url) / "wine/1/model.json"
    content = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps(content | {"files": {"../../escaped": "0"}}))
    assert "is not the file" in bob.pull()["wine"]
    manifest.write_text(json.dumps(content | {"name": "other"}))
    assert "is of other 1" in bob.pull()["wine"]
    manifest.write_text("no JSON")
    assert "model.json" in bob.pull()["wine"]
    assert not (bob.settings.var_dir / "escaped").exists()


def test_nothing_is_decided_while_a_decision_cannot_be_read(url: str, ana: Host):
    add(ana)
    foreign = Path(url) / "wine/decisions/00000002.json"
    foreign.write_text("nonsense")
    assert "00000002.json in the object store is no decision" in ana.pull()["wine"]
    assert ana.live() == 1
    with pytest.raises(ObjectStoreError, match="nothing is decided until it can be read"):
        ana.versions.promote("wine", 2)
    assert not (Path(url) / "wine/decisions/00000003.json").exists()
    foreign.unlink()
    ana.versions.promote("wine", 2)
    assert ana.live() == 2


def test_a_deleted_version_is_deleted_here_unless_it_is_live(url: str, ana: Host, bob: Host):
    add(ana)
    bob.pull()
    shutil.rmtree(Path(url) / "wine/2")
    assert bob.pull() == {}
    assert not (bob.wine / "2").exists()
    shutil.rmtree(Path(url) / "wine/1")
    assert bob.pull() == {"wine": "version 1 is gone from the object store"}
    assert bob.decisions.read("wine", 1)


def test_an_empty_object_store_deletes_nothing(url: str, bob: Host):
    bob.pull()
    shutil.rmtree(Path(url) / "wine")
    assert "gone from the object store" in bob.pull()["wine"]
    assert bob.decisions.read("wine", bob.live())


def test_names_that_would_leave_the_folder_are_left_out(url: str, ana: Host):
    for name in ("..hidden/1", ".hidden/1", "wine/1/deeper"):
        (Path(url) / name).mkdir(parents=True)
        (Path(url) / name / MANIFEST).write_text("{}")
    assert ana.pull() == {}
    assert {each.name for each in ana.settings.models_dir.iterdir() if each.is_dir()} == {"wine"}


@pytest.mark.faults
def test_without_the_object_store_the_copy_is_served_and_nothing_is_decided(
    url: str, ana: Host, tmp_path: Path
):
    add(ana)
    Path(url).rename(tmp_path / "away")
    settings = Settings(models_url=url, var_dir=ana.settings.var_dir, admin_keys=f"ana:{KEY}")
    client = create_app(settings).test_client()
    assert predict(client, wine())["prediction"] == "bom"
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json["object_store"]["state"] == "failing"
    assert ready.json["object_store"]["reached"]
    assert str(tmp_path) not in ready.text
    refused = decide(client, action="promote", version=2)
    assert (refused.status_code, ana.live()) == (503, 1)
    assert "the object store cannot be" in refused.json["detail"]
    with pytest.raises(ObjectStoreError):
        add(ana)
    (tmp_path / "away").rename(url)
    assert decide(client, action="promote", version=2).status_code == 200
    assert client.get("/models/wine/versions").json["versions"][0]["states"] == ["live"]


def test_a_new_host_does_not_start_without_the_object_store(tmp_path: Path):
    with pytest.raises(ArtefactError, match="the default model 'wine' cannot be served"):
        create_app(Settings(models_url=str(tmp_path / "none"), var_dir=tmp_path / "var"))


def test_a_start_copies_what_serves_and_leaves_the_rest_for_later(ana: Host, bob: Host):
    add(ana)
    add(ana)
    ana.versions.set_trial("wine", 2)
    create_app(bob.settings)
    assert {each.name for each in bob.wine.iterdir() if each.name.isdigit()} == {"1", "2"}
    bob.pull()
    assert (bob.wine / "3").exists()


@pytest.mark.parametrize("file", ["model.pkl", MANIFEST])
@pytest.mark.parametrize("damage", [b"", b"other bytes"])
def test_a_start_replaces_a_copy_that_was_damaged_on_the_host(ana: Host, file: str, damage: bytes):
    ana.pull()
    (ana.wine / "1" / file).write_bytes(damage)
    assert predict(create_app(ana.settings).test_client(), wine())["version"] == 1
    assert ana.decisions.read("wine", 1)


def test_a_host_whose_copy_was_deleted_copies_again(ana: Host):
    ana.pull()
    shutil.rmtree(ana.wine / "1")
    assert ana.pull() == {}
    assert ana.decisions.read("wine", 1)
    shutil.rmtree(ana.settings.models_dir)
    assert ana.pull() == {}
    assert ana.live() == 1


def test_the_doctor_reports_the_object_store(url: str, tmp_path: Path):
    found = {each.about: each for each in doctor(url, tmp_path)}
    assert found["object store"].state == "ok"
    (Path(url) / "wine/decisions/00000002.json").write_text("nonsense")
    found = {each.about: each for each in doctor(url, tmp_path)}
    assert "is no decision" in found["object store"].sentence
    Path(url).rename(tmp_path / "away")
    found = {each.about: each for each in doctor(url, tmp_path)}
    assert found["object store"].state == "error"
    assert found["model wine"].state == "ok"


def doctor(url: str, folder: Path) -> list[Finding]:
    return [*doctored.examine(Settings(models_url=url, var_dir=folder / "var"))]


def test_what_is_wrong_with_the_copy_of_one_model_holds_up_no_other(bob: Host):
    bob.pull()
    whole = artefact.read(MODELS, "wine", 1)
    manifest = msgspec.structs.replace(whole.manifest, name="new")
    bob.decisions.add(manifest, whole.contents)
    (bob.wine / "current").unlink()
    (bob.wine / "current").mkdir()
    bob.decisions.put_first_live("new", 1, "bob")
    assert [*bob.pull()] == ["wine"]
    assert bob.decisions.live("new") == 1


def test_a_copy_is_where_everything_reads_models(url: str, tmp_path: Path):
    read = Settings.from_environment({"MODELS_URL": url, "VAR_DIR": str(tmp_path)})
    assert read.models_dir == tmp_path / "models"
    assert os.environ["MODELS_DIR"] != str(read.models_dir)


def test_a_signature_reaches_every_host(url: str, tmp_path: Path):
    file, public = new_key(tmp_path / "key")
    strict = Host(url, tmp_path / "strict", trusted_keys=public)
    strict.pull()
    with pytest.raises(ArtefactError, match="is not signed"):
        strict.decisions.read("wine", 1)
    command(url, tmp_path / "signer", "sign", "wine", "1", SIGNING_KEY=file)
    assert strict.pull() == {}
    assert strict.decisions.read("wine", 1)
