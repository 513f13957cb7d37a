"""Hosts that share models through an object store, here a folder; test_object_store_s3 has S3's."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from conftest import MODELS
from deciding import KEY, decide
from hosts import Host, add, command, upload_wine
from training import output, refused

from app import create_app
from serving.errors import (
    RetiredModel,
    SettingsError,
    VersionRefused,
)
from serving.models import artefact
from serving.settings import Settings
from serving.versions.object_store import ObjectStore, Pulled
from serving.versions.registry import Registry

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


def test_what_is_uploaded_is_served_from_a_verified_copy(ana: Host):
    create_app(ana.settings)
    assert ana.live() == 1
    assert artefact.read(ana.settings.models_dir, "wine", 1).manifest.name == "wine"
    (first,) = ana.decisions.history("wine")
    assert (first.action, first.before, first.version) == ("promote", None, 1)


def test_a_version_and_a_decision_of_one_host_reach_the_other(ana: Host, bob: Host):
    bob.pull()
    registry = Registry(bob.decisions, "wine", max_loaded=5)
    assert add(ana) == 2
    ana.versions.promote("wine", 2, "better")
    assert ana.live() == 2
    assert bob.pull() == {}
    registry.refresh()
    assert registry.engine().manifest.version == 2
    assert bob.decisions.history("wine")[0].who == "ana"
    assert bob.versions.rollback("wine").version == 1
    ana.pull()
    assert ana.live() == 1


def test_a_trial_and_a_retirement_reach_the_other(ana: Host, bob: Host):
    add(ana)
    add(ana)
    ana.versions.set_trial("wine", 2)
    ana.versions.retire("wine", 3)
    bob.pull()
    assert bob.decisions.trial("wine") == 2
    assert bob.decisions.retired("wine") == [3]
    with pytest.raises(VersionRefused, match="on trial"):
        bob.versions.retire("wine", 2)
    bob.versions.set_trial("wine", None)
    ana.pull()
    assert ana.decisions.trial("wine") is None


def test_the_retirement_of_a_model_and_its_end_reach_the_other(url: str, tmp_path: Path):
    ana, bob = (
        Host(url, tmp_path / name, default_model="another", models_dir=tmp_path / f"{name}-models")
        for name in ("ana", "bob")
    )
    for host in (ana, bob):
        host.pull()
    ana.versions.set_trial("wine", add(ana))
    ana.versions.retire("wine", None)
    bob.pull()
    for host in (ana, bob):
        with pytest.raises(RetiredModel):
            host.live()
        assert host.decisions.trial("wine") is None
    assert bob.versions.promote("wine", 2).before is None
    assert ana.pull() == {}
    assert ana.live() == 2


@pytest.mark.faults
def test_of_two_decisions_at_the_same_time_one_is_refused_with_the_other(ana: Host, bob: Host):
    add(ana)
    bob.pull()
    with ana.decisions.deciding("wine"):  # ana has read what is decided, and bob is faster
        bob.versions.promote("wine", 2)
        (decision, _) = bob.decisions.history("wine")
        with pytest.raises(VersionRefused, match="promote 1 → 2 by bob"):
            ana.decisions.take(msgspec.structs.replace(decision, who="ana"))
    assert ana.live() == 2
    assert [each.who for each in ana.decisions.history("wine")][:-1] == ["bob"]


def test_over_http_that_is_a_conflict(
    url: str, ana: Host, bob: Host, monkeypatch: pytest.MonkeyPatch
):
    add(bob)
    settings = Settings(models_url=url, var_dir=ana.settings.var_dir, admin_keys=f"ana:{KEY}")
    client = create_app(settings).test_client()
    pull = ObjectStore.pull

    def pull_and_be_overtaken(own: ObjectStore, *arguments: Any, **options: Any) -> Pulled:
        pulled = pull(own, *arguments, **options)
        if own.models_dir == ana.settings.models_dir:
            bob.versions.promote("wine", 2)
        return pulled

    with monkeypatch.context() as overtaken:
        overtaken.setattr(ObjectStore, "pull", pull_and_be_overtaken)
        refused = decide(client, action="trial", version=2)
    assert refused.status_code == 409
    assert "promote 1 → 2 by bob" in refused.json["detail"]
    assert decide(client, action="trial", version=1).status_code == 200


@pytest.mark.faults
def test_many_decisions_at_once_make_one_chain(url: str, ana: Host, tmp_path: Path):
    add(ana)
    hosts = [Host(url, tmp_path / f"host{number}") for number in range(4)]

    def promote(host: Host) -> int:
        host.pull()
        try:
            return host.versions.promote("wine", 2, force=True).before or 0
        except VersionRefused:
            return 0

    with ThreadPoolExecutor(4) as pool:
        made = [before for before in pool.map(promote, hosts) if before]
    ana.pull()
    taken = ana.decisions.history("wine")[::-1]
    assert len(taken) == 1 + len(made)
    assert [each.before for each in taken[1:]] == [each.version for each in taken[:-1]]


def test_the_same_decision_is_recorded_once_however_often_it_is_sent(ana: Host):
    """As where the connection broke before its response came."""
    ana.pull()
    (first,) = ana.decisions.history("wine")
    assert ana.shared.decide(1, first).done
    ana.pull()
    assert len(ana.decisions.history("wine")) == 1


def test_clocks_play_no_part(ana: Host, bob: Host, monkeypatch: pytest.MonkeyPatch):
    add(ana)
    ana.versions.promote("wine", 2)
    monkeypatch.setattr("serving.clock.now", lambda: 1_000)  # of bob, fifty years behind
    assert bob.pull() == {}
    assert bob.versions.rollback("wine").version == 1
    ana.pull()
    assert ana.live() == 1
    assert [each.action for each in ana.decisions.history("wine")] == [
        "rollback",
        "promote",
        "promote",
    ]


@pytest.mark.faults
def test_versions_written_at_once_have_numbers_of_their_own(ana: Host, bob: Host):
    ana.pull()
    bob.pull()
    with ThreadPoolExecutor(2) as pool:
        numbers = list(pool.map(lambda host: add(host, host.versions.who), (ana, bob)))
    assert len({*numbers}) == 2
    for host, number in zip((ana, bob), numbers, strict=True):
        ana.pull()
        assert ana.decisions.read_manifest("wine", number).title == host.versions.who


def test_the_first_version_of_a_new_model_goes_live(ana: Host, bob: Host):
    whole = artefact.read(MODELS, "wine", 1)
    manifest = msgspec.structs.replace(whole.manifest, name="new")
    assert ana.decisions.add(manifest, whole.contents) == 1
    assert ana.decisions.put_first_live("new", 1, "ana")
    assert bob.decisions.add(manifest, whole.contents) == 2
    assert not bob.decisions.put_first_live("new", 2, "bob")
    bob.pull()
    assert bob.decisions.live("new") == 1


@pytest.mark.usefixtures("quick_training")
def test_trainings_and_imports_write_into_the_object_store(
    url: str, ana: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MODELS_URL", url)
    frame = pd.DataFrame({"size": range(60), "kind": ["small"] * 30 + ["large"] * 30})
    frame.to_csv(tmp_path / "sizes.csv", index=False)
    estimator = ("--estimator", "decision-tree")
    train = (tmp_path / "sizes.csv", "--target", "kind", "--name", "sizes", *estimator)
    for number in (1, 2):
        assert f"sizes {number} is in" in output(MODELS, *train)
    ana.pull()
    assert ana.decisions.live("sizes") == 1
    assert ana.versions.promote("sizes", 2).before == 1
    Path(url).rename(tmp_path / "away")
    assert "the object store cannot be" in refused(MODELS, *train)


def test_commands_follow_the_object_store(url: str, ana: Host, tmp_path: Path):
    add(ana)
    var_dir = tmp_path / "elsewhere"
    assert "wine 2" in command(url, var_dir, "versions", "wine")
    assert "1 → 2" in command(url, var_dir, "promote", "wine", "2")
    ana.pull()
    assert ana.live() == 2


@pytest.mark.parametrize(
    "url", ["models", "http://host/path", "s3://", "s3://key:secret@bucket", "s3://b/p?key=1"]
)
def test_a_url_that_is_none_of_an_object_store_is_refused(url: str):
    with pytest.raises(SettingsError, match="MODELS_URL is not s3://"):
        Settings.from_environment({"MODELS_URL": url})
