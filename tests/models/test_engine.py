"""What may serve a version, and what is refused before it does."""

import gc
import sys
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from artefacts import made
from estimators import CASES, fitted, loans
from sklearn.linear_model import LogisticRegression

from serving.errors import ArtefactError
from serving.inputs.schema import Matrix
from serving.models import artefact, backends
from serving.models.artefact import FOREST, ONNX, PICKLE, Artefact
from serving.models.backends import Compute
from serving.models.engine import Engine
from serving.models.model_folder import MANIFEST


def version(case: str) -> Artefact:
    missing, says = CASES[case].missing, CASES[case].says
    return made("loan", fitted(CASES[case]), loans(missing=missing), **says)


def with_file(changed: Artefact, file: str, content: bytes) -> Artefact:
    kept = {each: changed.contents[each] for each in changed.contents if each != FOREST}
    return replace(changed, contents={**kept, file: content})


def of_two_columns() -> bytes:
    frame = loans(missing=False)[["debt", "term"]]
    model = LogisticRegression().fit(frame.to_numpy(), frame["debt"] > 0)
    return made("two", model, frame).contents[ONNX]


COMPILED = {
    "nothing": (lambda: b"", "cannot be loaded"),
    "no model": (lambda: b"ONNX", "cannot be loaded"),
    "a model of other rows": (of_two_columns, "cannot predict the recorded rows"),
    "a model of other classes": (
        lambda: version("a tree of yes and no").contents[ONNX],
        "does not predict as recorded",
    ),
}


@pytest.mark.parametrize("case", COMPILED)
def test_the_pickle_serves_where_what_was_compiled_cannot(case: str, caplog: Any):
    compiled, reason = COMPILED[case]
    engine = Engine(with_file(version("a scaled forest"), ONNX, compiled()))
    assert engine.backend == "pickle"
    assert f"loan 0: model.onnx {reason}" in caplog.text


def test_a_pickle_that_cannot_predict_is_refused():
    other = version("a forest of text and numbers").contents[PICKLE]
    with pytest.raises(ArtefactError, match="the pickle cannot predict the recorded rows: "):
        Engine(with_file(version("nothing that compiles"), PICKLE, other))


def test_an_engine_does_not_keep_its_artefact_in_memory():
    read = version("a scaled forest")
    files = weakref.ref(read)
    engine = Engine(read)
    del read
    gc.collect()
    assert files() is None, engine.backend  # naming the engine keeps it alive until here


def test_an_engine_that_fails_blames_no_record(monkeypatch: pytest.MonkeyPatch):
    fails = False

    def from_onnx(*given: Any) -> Compute:
        compute = backends.from_onnx(*given)

        def computes_at_first(rows: Matrix) -> Matrix:
            if fails:
                raise RuntimeError("the runtime is broken")
            return compute(rows)

        return computes_at_first

    monkeypatch.setattr("serving.models.engine.from_onnx", from_onnx)
    model = version("scaled and imputed")
    engine = Engine(model)
    assert engine.backend == "onnx"
    fails = True
    with pytest.raises(RuntimeError, match="the runtime is broken"):
        engine.predict(model.recorded_outputs()[0][:3])


def test_a_compiled_model_of_frames_needs_no_pandas(monkeypatch: pytest.MonkeyPatch):
    model = version("text and numbers")
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert Engine(model).backend == "onnx"
    with pytest.raises(ArtefactError, match=r"the pickle cannot be loaded: .*pandas"):
        Engine(with_file(model, ONNX, b""))


CONTRADICTIONS = {
    "a regression has no classes": {"task": "regression", "threshold": None},
    "a classification has two or more different classes": {"classes": ["bom", "bom"]},
    "classification has two": {"classes": ["bom"], "threshold": None},
    "a threshold is for one of two classes": {"classes": ["a", "b", "c"]},
    "is for one of two": {"threshold": {"label": "good", "value": 0.5, "reason": ""}},
    "an interval is for a regression": {
        "interval": dict.fromkeys(("coverage", "low", "high", "observed"), 0.5)
        | {"relative": False, "rows": 1}
    },
}


@pytest.mark.parametrize("reason", CONTRADICTIONS)
def test_a_manifest_that_contradicts_itself_is_refused(models: Path, reason: str):
    manifest = artefact.read_manifest(models, "wine", 1)
    content = msgspec.json.decode(msgspec.json.encode(manifest)) | CONTRADICTIONS[reason]
    (models / "wine" / "1" / MANIFEST).write_bytes(msgspec.json.encode(content))
    with pytest.raises(ArtefactError, match=reason):
        artefact.read(models, "wine", 1)


def test_sampled_rows_miss_as_many_values_as_training_rows():
    one = version("scaled and imputed")
    rows = one.reference.sample(one.manifest.fields, 5_000, seed=1)
    shares = loans(missing=True).isna().mean()
    np.testing.assert_allclose(np.isnan(rows).mean(axis=0), shares, atol=0.02)
    assert set(shares > 0) == {True, False}
    codes = rows[:, [field.type == "category" for field in one.manifest.fields]]
    assert set(codes[~np.isnan(codes)]) == {0, 1, 2}
