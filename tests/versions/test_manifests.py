"""A feedback needs the labels of its version, and reads no file for them."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import rewrite

from serving import clock, ids
from serving.access.callers import EVERYBODY
from serving.errors import InvalidRecords, UnknownVersion
from serving.models import artefact, model_folder
from serving.predicting import feedback
from serving.versions import manifests
from serving.versions.decisions import Decisions
from serving.versions.registry import Registry


def registry(models: Path) -> Registry:
    return Registry(Decisions(models, models.parent / "own"), "wine", max_loaded=20)


def newer(models: Path, **changes: Any) -> int:
    return rewrite(models, lambda manifest, _: manifest.update(changes))


def actual(served: Registry, version: int, label: str) -> str | float:
    """What is recorded for a feedback on a prediction of a version."""
    (named,) = ids.make("wine", version, clock.now(), 1)
    body = json.dumps({"id": named, "actual": label}).encode()
    (_, (read,)) = feedback.decode(body, 1, served, EVERYBODY, dict.fromkeys)
    return read


@pytest.fixture
def relabelled(models: Path) -> Path:
    """Models of which wine has a second version, with labels of its own."""
    content = msgspec.to_builtins(artefact.read_manifest(models, "wine", 1))
    threshold = content["threshold"] | {"label": "good"}
    newer(models, classes=["good", "bad"], threshold=threshold)
    return models


def test_feedback_of_loaded_and_listed_versions_reads_no_file(relabelled: Path):
    served = registry(relabelled)
    relabelled.rename(relabelled.parent / "elsewhere")
    assert served.loaded == [("wine", 1)]
    for _ in range(2):
        assert actual(served, 1, "bom") == "bom"
        assert actual(served, 2, "good") == "good"
    with pytest.raises(InvalidRecords) as refused:
        actual(served, 2, "bom")
    assert 'send one of "good", "bad"' in refused.value.faults[0].message


def test_feedback_of_the_version_that_was_live_before_reads_no_file(models: Path):
    served = registry(models)
    model_folder.put_live(models / "wine", newer(models))
    served.refresh()
    assert served.loaded == [("wine", 2)]
    models.rename(models.parent / "elsewhere")
    assert actual(served, 1, "ruim") == "ruim"


def test_a_version_made_meanwhile_is_read_once(models: Path):
    served = registry(models)
    assert newer(models, title="newer") == 2
    assert served.manifest("wine", 2).title == "newer"
    models.rename(models.parent / "elsewhere")
    assert served.manifest("wine", 2).title == "newer"


def test_feedback_of_a_version_retired_meanwhile_takes_the_labels_of_the_live_one(
    relabelled: Path,
):
    served = registry(relabelled)
    assert actual(served, 2, "good") == "good"
    (relabelled / "wine" / "retired").write_text("2\n")
    served.refresh()
    with pytest.raises(UnknownVersion, match="wine 2 is retired"):
        served.manifest("wine", 2)
    assert actual(served, 2, "bom") == "bom"


def test_a_version_that_is_retired_is_dropped_from_memory(models: Path):
    served = registry(models)
    served.engine("wine", newer(models))
    (models / "wine" / "retired").write_text("2\n")
    served.refresh()
    assert served.loaded == [("wine", 1)]


def test_a_version_that_is_replaced_is_read_again(models: Path):
    served = registry(models)
    newer(models, title="before")
    served.refresh()
    assert served.manifest("wine", 2).title == "before"
    shutil.rmtree(models / "wine" / "2")
    newer(models, title="after")
    served.refresh()
    assert served.manifest("wine", 2).title == "after"


def test_only_so_many_manifests_of_a_model_are_kept(models: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(manifests, "MAX_KEPT", 2)
    for _ in range(3):
        newer(models)
    kept = manifests.Manifests(Decisions(models, models.parent / "own"))
    kept.refresh("wine")
    assert [bool(kept.get("wine", version)) for version in (1, 2, 3, 4)] == [0, 0, 1, 1]
    kept.read("wine", 1)
    assert [bool(kept.get("wine", version)) for version in (1, 2, 3, 4)] == [1, 0, 0, 1]
