"""Which versions are loaded, kept and dropped, and what a broken one does not change."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from broken import BROKEN, spoil
from conftest import (
    leave_the_pickle,
    rewrite,
)

from serving.errors import ArtefactError, UnknownModel, UnknownVersion
from serving.models import artefact, model_folder
from serving.models.model_folder import MANIFEST
from serving.versions.decisions import Decisions
from serving.versions.registry import Registry


def registry(models: Path, max_loaded: int = 20) -> Registry:
    return Registry(Decisions(models, models.parent / "own"), "wine", max_loaded=max_loaded)


def copy(models: Path, name: str) -> None:
    """Another model, equal to wine but for its name."""
    shutil.copytree(models / "wine", models / name)
    for manifest in (models / name).glob(f"*/{MANIFEST}"):
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"name": name}))


def newer(models: Path) -> int:
    return rewrite(models, lambda manifest, _: manifest.update(title="newer"))


def test_a_version_put_live_takes_the_place_of_the_other(models: Path):
    served = registry(models)
    before = served.engine()
    model_folder.put_live(models / "wine", newer(models))
    assert served.engine() is before
    served.refresh()
    assert served.engine().manifest.version == 2
    assert served.engine("wine", 1) is not before  # it was dropped, and loaded again when named


BREAKS: dict[str, Callable[[Path], Any]] = {way: break_it for way, (break_it, _) in BROKEN.items()}
BREAKS["pickled by another scikit-learn"] = lambda folder: rewrite(
    folder.parent.parent,
    lambda manifest, _: manifest["libraries"].update({"scikit-learn": "1.8.0"}),
)
BREAKS["a pickle that cannot be loaded"] = lambda folder: rewrite(
    folder.parent.parent, lambda _, contents: spoil(_, contents) or leave_the_pickle(contents)
)


@pytest.mark.parametrize("way", BREAKS)
def test_a_broken_version_leaves_the_one_before_serving(models: Path, way: str, caplog: Any):
    served = registry(models)
    newer(models)
    BREAKS[way](models / "wine" / "2")
    model_folder.put_live(models / "wine", model_folder.versions(models / "wine")[-1])
    for _ in range(3):
        served.refresh()
    assert served.engine().manifest.version == 1
    assert served.broken["wine"] in caplog.text
    assert len(caplog.records) == 1
    model_folder.put_live(models / "wine", 1)
    served.refresh()
    assert served.broken == {}


def test_a_version_that_is_repaired_is_served(models: Path):
    served = registry(models)
    pickle = models / "wine" / str(newer(models)) / "model.pkl"
    whole = pickle.read_bytes()
    pickle.write_bytes(whole[:-1])
    model_folder.put_live(models / "wine", 2)
    served.refresh()
    pickle.write_bytes(whole)
    served.refresh()
    assert served.engine().manifest.version == 2


def test_a_new_model_is_served_without_a_restart(models: Path):
    served = registry(models)
    with pytest.raises(UnknownModel, match="no model 'copy' is served; try '"):
        served.engine("copy")
    copy(models, "copy")
    served.refresh()
    assert served.engine("copy").manifest.name == "copy"


def test_a_broken_model_beside_the_default_one_is_refused_on_request(models: Path):
    shutil.copytree(models / "wine", models / "copy")
    served = registry(models)
    with pytest.raises(ArtefactError, match="is of wine 1"):
        served.engine("copy")
    served.refresh()
    assert "is of wine 1" in served.broken["copy"]
    with pytest.raises(ArtefactError, match=r"the default model 'copy' cannot be served: .* is of"):
        Registry(Decisions(models, models), "copy", max_loaded=1)


def test_the_longest_unused_is_dropped_and_never_the_default_model(models: Path):
    for name in ("a", "b", "c"):
        copy(models, name)
    served = registry(models, max_loaded=2)
    wine, a = served.engine(), served.engine("a")
    served.engine("b")
    assert served.engine() is wine
    assert served.engine("a") is not a
    b = served.engine("b")
    assert served.engine("b") is b


@pytest.mark.parametrize("again", ["a", "b"])
def test_a_version_that_is_used_again_outlives_one_that_is_not(models: Path, again: str):
    for name in ("a", "b", "c"):
        copy(models, name)
    served = registry(models, max_loaded=3)
    for name in ("a", "b", again, "c"):
        served.engine(name)
    assert served.loaded == [(again, 1), ("c", 1), ("wine", 1)]


def test_a_version_that_failed_is_read_again_only_when_it_has_changed(
    models: Path, monkeypatch: pytest.MonkeyPatch
):
    served = registry(models)
    pickle = models / "wine" / str(newer(models)) / "model.pkl"
    pickle.write_bytes(b"")
    model_folder.put_live(models / "wine", 2)
    read: list[tuple[str, int]] = []

    def spy(folder: Path, *version: Any) -> artefact.Artefact:
        read.append(version[:2])
        return whole(folder, *version)

    whole = artefact.read
    monkeypatch.setattr(artefact, "read", spy)
    for _ in range(3):
        served.refresh()
    assert read == [("wine", 2)]
    pickle.write_bytes(b"still not a pickle")
    served.refresh()
    assert read == [("wine", 2)] * 2


def test_a_version_that_is_not_there_or_retired_is_unknown(models: Path):
    served = registry(models)
    with pytest.raises(UnknownVersion, match="wine has no version 7; there are 1"):
        served.engine("wine", 7)
    newer(models)
    assert served.engine("wine", 2)
    (models / "wine" / "retired").write_text("2\n")
    with pytest.raises(UnknownVersion, match="wine 2 is retired"):
        served.engine("wine", 2)


def test_a_decision_of_the_services_own_holds_until_a_newer_one(models: Path):
    """As in a container that may not write into the models' folder."""
    served = registry(models)
    newer(models)
    own = models.parent / "own" / "wine"
    own.mkdir(parents=True)
    (own / "current").write_text("2\n")
    served.refresh()
    assert served.engine().manifest.version == 2
    model_folder.put_live(models / "wine", 1)
    served.refresh()
    assert served.engine().manifest.version == 1


def test_a_broken_trial_keeps_no_version_from_going_live(models: Path):
    served = registry(models)
    newer(models)
    newer(models)
    (models / "wine" / "3" / "model.pkl").write_bytes(b"")
    (models / "wine" / "trial").write_text("3\n")
    model_folder.put_live(models / "wine", 2)
    served.refresh()
    assert served.engine().manifest.version == 2
    assert "model.pkl is not the file" in served.broken["wine"]
    assert served.trial("wine") is None


def test_the_trial_of_a_version_ends_when_it_goes_live(models: Path):
    served = registry(models)
    newer(models)
    (models / "wine" / "trial").write_text("2\n")
    served.refresh()
    assert served.trial("wine").manifest.version == 2
    model_folder.put_live(models / "wine", 2)
    served.refresh()
    assert served.engine().manifest.version == 2
    assert served.trial("wine") is None


def test_all_trials_are_loaded_at_the_start_even_if_they_are_more_than_are_kept(models: Path):
    newer(models)
    (models / "wine" / "trial").write_text("2\n")
    copy(models, "a")
    served = registry(models, max_loaded=1)
    for model in ("a", "wine"):
        trial = served.trial(model)
        assert trial
        assert trial.manifest.name == model


def test_half_a_decision_hides_no_other(models: Path):
    log = models / "wine" / "decisions.jsonl"
    whole = {"time": 1, "model": "wine", "action": "retire", "before": 2, "version": 2, "who": "a"}
    log.write_text(json.dumps(whole) + "\n" + json.dumps(whole)[:30])
    (found,) = Decisions(models, models.parent / "own").history("wine")
    assert found.who == "a"
