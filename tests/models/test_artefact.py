"""An artefact is verified when read: a broken one is refused with its reason."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from broken import BROKEN, spoil
from conftest import (
    FASTEST,
    ROOT,
    leave_the_pickle,
    rewrite,
    with_a_threshold_moved,
)

from serving.errors import ArtefactError
from serving.models import artefact, model_folder, recorded_outputs
from serving.models.artefact import FOREST, ONNX, OUTPUTS
from serving.models.engine import Engine
from serving.models.model_folder import MANIFEST
from serving.server import pickle_check
from serving.versions.decisions import Decisions
from serving.versions.registry import Registry


def test_what_is_written_is_read_back_as_the_next_version(models: Path):
    assert rewrite(models, lambda manifest, _: manifest.update(title="again")) == 2
    assert artefact.read(models, "wine", 2).manifest.title == "again"
    assert model_folder.versions(models / "wine") == [1, 2]
    assert model_folder.live_version(models / "wine") == 1
    model_folder.put_live(models / "wine", 2)
    assert model_folder.live_version(models / "wine") == 2
    assert {entry.name for entry in (models / "wine").iterdir()} == {"1", "2", "current"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")
def test_what_is_written_belongs_to_the_owner_of_the_folder(models: Path):
    os.chown(models, 1234, 5678)
    name, manifest = "fresh", artefact.read_manifest(models, "wine", 1)
    fresh = msgspec.structs.replace(manifest, name=name)
    assert artefact.write(models, fresh, {"model.pkl": b"any"}) == 1
    assert model_folder.put_first_live(models / name, 1)
    model_folder.append_line(models / name / "decisions.jsonl", b"{}")
    written = [models / name, *(models / name).rglob("*")]
    assert len(written) == 6
    assert {(each.stat().st_uid, each.stat().st_gid) for each in written} == {(1234, 5678)}


@pytest.mark.parametrize("way", BROKEN)
def test_a_broken_artefact_is_refused_with_its_reason(models: Path, way: str):
    break_it, reason = BROKEN[way]
    break_it(models / "wine" / "1")
    with pytest.raises(ArtefactError, match=reason):
        artefact.read(models, "wine", 1)


def test_a_pointer_that_names_no_version_is_refused(models: Path):
    (models / "wine" / "current").write_text("latest")
    with pytest.raises(ArtefactError, match="names no version"):
        Registry(Decisions(models, models), "wine", max_loaded=1)


def test_a_pickle_of_another_scikit_learn_is_refused(models: Path):
    rewrite(models, lambda manifest, _: manifest["libraries"].update({"scikit-learn": "1.8.0"}))
    with pytest.raises(ArtefactError, match=r"pickled by scikit-learn 1\.8\.0.*train it again"):
        Engine(artefact.read(models, "wine", 2))


def test_a_pickle_of_a_fix_release_is_served_with_a_warning(models: Path, caplog: Any):
    rewrite(models, lambda manifest, _: manifest["libraries"].update({"scikit-learn": "1.9.99"}))
    Engine(artefact.read(models, "wine", 2))
    assert "wine 2 was pickled by scikit-learn 1.9.99" in caplog.text


def test_a_pickle_that_fails_to_load_is_refused_with_what_it_raised(models: Path):
    rewrite(models, lambda _, contents: spoil(_, contents) or leave_the_pickle(contents))
    with pytest.raises(ArtefactError, match="wine 2: the pickle cannot be loaded: EOFError"):
        Engine(artefact.read(models, "wine", 2))


def test_a_pickle_that_predicts_otherwise_than_recorded_is_refused(models: Path):
    """As another library beneath it might make it."""

    def swap(_: Any, contents: dict[str, bytes]) -> None:
        table = np.load(io.BytesIO(contents[OUTPUTS]))
        contents[OUTPUTS] = recorded_outputs.encode(table[:, :-2], table[:, [-1, -2]])
        leave_the_pickle(contents)

    rewrite(models, swap)
    with pytest.raises(ArtefactError, match="wine 2: the pickle does not predict as recorded"):
        Engine(artefact.read(models, "wine", 2))


def test_outputs_of_another_model_are_refused(models: Path):
    def cut(_: Any, contents: dict[str, bytes]) -> None:
        table = np.load(io.BytesIO(contents[OUTPUTS]))
        contents[OUTPUTS] = recorded_outputs.encode(table[:, 1:-2], table[:, -2:])

    rewrite(models, cut)
    with pytest.raises(ArtefactError, match=r"outputs\.npy: it contains the outputs of another"):
        Engine(artefact.read(models, "wine", 2))
    rewrite(models, lambda _, contents: contents.update({OUTPUTS: b"none"}))
    with pytest.raises(ArtefactError, match=r"wine 3: outputs\.npy: "):
        Engine(artefact.read(models, "wine", 3))


def test_the_witness_loads_the_pickle_of_every_live_model(models: Path, caplog: Any):
    caplog.set_level("INFO")
    shutil.copytree(models / "wine", models / "spoilt")
    manifest = models / "spoilt" / "1" / MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b'"name": "wine"', b'"name": "spoilt"'))
    spoilt = artefact.read(models, "spoilt", 1)
    contents = dict(spoilt.contents)
    spoil(None, contents)
    model_folder.put_live(models / "spoilt", artefact.write(models, spoilt.manifest, contents))
    pickle_check.check(Decisions(models, models))
    assert "spoilt 2: the pickle cannot be loaded: EOFError" in caplog.text
    assert "wine 1: the pickle loads, and predicts what it did when it was written" in caplog.text


def test_the_pickle_of_every_model_out_of_the_box_loads(models: Path):
    command = [sys.executable, "-m", "serving.server.pickle_check"]
    variables = os.environ | {"MODELS_DIR": str(models)}
    said = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True
    )
    told = [json.loads(line)["message"] for line in said.stdout.splitlines()]
    assert [message.split(":")[0] for message in told] == ["diabetes 1", "wine 1", "wine-score 1"]
    assert all("the pickle loads, and predicts what it did" in message for message in told)


def test_a_forest_serves_onnx_without_it_and_the_pickle_without_both(models: Path):
    rewrite(models, lambda _, contents: contents.pop(FOREST))
    rewrite(models, lambda _, contents: leave_the_pickle(contents))
    engines = [Engine(artefact.read(models, "wine", number)) for number in (1, 2, 3)]
    assert [engine.backend for engine in engines] == [FASTEST, "onnx", "pickle"]
    rows = artefact.read(models, "wine", 1).reference.sample(engines[0].manifest.fields, 50, 3)
    first, *others = (engine.predict(rows).values for engine in engines)
    assert others == [first, first]


def test_an_onnx_that_disagrees_with_its_pickle_does_not_serve(models: Path, caplog: Any):
    """A threshold moved in the compiled trees, as a faulty conversion would."""

    def move(_: Any, contents: dict[str, bytes]) -> None:
        contents[ONNX] = with_a_threshold_moved(contents[ONNX])
        del contents[FOREST]

    rewrite(models, move)
    assert Engine(artefact.read(models, "wine", 2)).backend == "pickle"
    assert "wine 2: model.onnx does not predict as recorded" in caplog.text
