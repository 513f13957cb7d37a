"""Training with feedback where there is none to train on, or it cannot be used."""

from pathlib import Path

import pytest
from conftest import moved
from retrained import COMMAND, JUDGED, Service, homes, trained_first
from training import refused

from serving.models import model_folder
from train import live

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]


@pytest.fixture(autouse=True)
def few_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "JUDGED", JUDGED)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_first(tmp_path_factory.mktemp("first"))


@pytest.fixture
def service(tmp_path: Path, first: Path) -> Service:
    return Service(tmp_path, first)


@pytest.mark.parametrize("setting", ["journal_omit", "journal_hash"])
def test_fields_kept_out_of_the_record_make_it_impossible(
    tmp_path: Path, first: Path, setting: str, monkeypatch: pytest.MonkeyPatch
):
    names = '{"homes": ["size"]}'
    service = Service(tmp_path, first, **{setting: names}, journal_salt="a" * 16)
    service.serve(homes(5, seed=1))
    command = (service.models, service.file, *COMMAND, "--with-feedback")
    assert "5 are not recorded in full or do not fit" in refused(*command)
    monkeypatch.setenv(setting.upper(), names)
    monkeypatch.setenv("JOURNAL_SALT", "a" * 16)
    assert f"{setting.upper()} keeps 'size' of homes out of the record" in refused(*command)


def test_a_label_that_feedback_leaves_no_row_of_is_named(service: Service):
    service.serve(homes(300, seed=0).assign(dear="no"))
    said = refused(service.models, service.file, *COMMAND, "--with-feedback")
    assert said.startswith("after the feedback no row has the label 'yes'")


def test_where_there_is_nothing_to_add_nothing_is_written(service: Service):
    command = (service.models, service.file, *COMMAND, "--with-feedback")
    moved(service.settings).close()
    assert "the store has no live records of homes with feedback" in refused(*command)
    service.serve(homes(300, seed=0).iloc[:10])
    assert "all 10 live records with feedback are in the file already" in refused(*command)
    assert model_folder.versions(service.models / "homes") == [1]


def test_a_model_that_is_not_live_has_no_feedback(tmp_path: Path):
    homes(300, seed=0).to_csv(tmp_path / "homes.csv", index=False)
    said = refused(tmp_path, tmp_path / "homes.csv", *COMMAND, "--with-feedback")
    assert "homes has no live version, so it has no feedback" in said
