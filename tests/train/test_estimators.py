"""Whatever scikit-learn fits is served, and says over HTTP what it says itself."""

import re
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from artefacts import made, put_live, records_of
from conftest import body
from estimators import CASES, fitted, given, loans
from flask.testing import FlaskClient

from app import create_app
from serving.models.artefact import COMPILED, FOREST, ONNX, OUTPUTS, Artefact
from serving.models.engine import Engine
from serving.settings import Settings
from train.onnx import proof

pytestmark = pytest.mark.slow

BACKENDS = {"forest": (), "onnx": (FOREST,), "pickle": COMPILED}  # and the files left out for each


def serving(artefact: Artefact, backend: str) -> str:
    """What serves a version where one of the backends is to serve it, if it can."""
    left = {*artefact.contents} - {*BACKENDS[backend]}
    return "forest" if FOREST in left else "onnx" if ONNX in left else "pickle"


def model(case: str, backend: str) -> str:
    """What a case's model is called where one of the backends is to serve it."""
    return "-".join([*re.findall("[a-z]+", case), backend])


@pytest.fixture(scope="module")
def estimators() -> dict[str, Any]:
    return {name: fitted(case) for name, case in CASES.items()}


@pytest.fixture(scope="module")
def artefacts(estimators: dict[str, Any]) -> dict[str, Artefact]:
    """A version of each case, compiled in each way that is possible."""
    return {
        name: made(
            model(name, "forest"), estimators[name], loans(missing=case.missing), **case.says
        )
        for name, case in CASES.items()
    }


@pytest.fixture(scope="module")
def client(artefacts: dict[str, Artefact], tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A service of all cases, each as it was made and without what was compiled."""
    models = tmp_path_factory.mktemp("models")
    for name, artefact in artefacts.items():
        for backend, without in BACKENDS.items():
            manifest = msgspec.structs.replace(artefact.manifest, name=model(name, backend))
            contents = {
                file: content for file, content in artefact.contents.items() if file not in without
            }
            put_live(models, replace(artefact, manifest=manifest, contents=contents))
    own = tmp_path_factory.mktemp("var")
    default = model(next(iter(CASES)), "onnx")
    settings = Settings(models_dir=models, default_model=default, var_dir=own)
    return create_app(settings).test_client()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES)
def test_what_is_served_is_what_the_estimator_says(
    client: FlaskClient,
    estimators: dict[str, Any],
    artefacts: dict[str, Artefact],
    case: str,
    backend: str,
):
    estimator, rows = estimators[case], given(CASES[case])
    records = records_of(loans(missing=CASES[case].missing))
    path = f"/models/{model(case, backend)}"
    answers = client.post(f"{path}/predict", **body(records)).json["predictions"]
    card = client.get(path).json
    assert card["backend"] == serving(artefacts[case], backend)
    values, said = [answer["prediction"] for answer in answers], estimator.predict(rows)
    if card["task"] == "regression":
        np.testing.assert_allclose(values, said, rtol=0, atol=0.5)
    elif card["threshold"] is None:
        assert values == [str(label) for label in said]
    if hasattr(estimator, "predict_proba"):
        chances = [list(answer["probabilities"].values()) for answer in answers]
        np.testing.assert_allclose(chances, estimator.predict_proba(rows), atol=6e-7)
        assert list(answers[0]["probabilities"]) == card["classes"]
    else:
        assert "probabilities" not in answers[0]
    assert ("interval" in answers[0]) == (card["interval"] is not None)
    for record, answer in zip(records[:9], answers, strict=False):
        alone = client.post(f"{path}/predict", **body(record)).json
        assert alone["prediction"] == pytest.approx(answer["prediction"])
        if "probabilities" in answer:  # which may differ in the last bit, added up in another order
            assert alone["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-12)


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case].compiles])
def test_what_is_compiled_is_proved_equal(
    artefacts: dict[str, Artefact], case: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(proof, "PROOF_ROWS", 4_000)
    agreements = proof.prove(artefacts[case])
    assert ONNX in agreements
    for agreement in agreements.values():
        assert agreement.holds
        assert agreement.largest_gap < 1e-12
        assert agreement.rows == 4_000
        # All but those that meet no threshold, as where the root asks for what is missing.
        assert agreement.on_thresholds == pytest.approx(2_000 * CASES[case].has_trees, rel=0.01)


@pytest.mark.parametrize("case", CASES)
def test_what_is_recorded_of_an_estimator_lets_it_serve(
    artefacts: dict[str, Artefact],
    estimators: dict[str, Any],
    case: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(proof, "PROOF_ROWS", 1_000)
    made_here = artefacts[case]
    content = proof.record(made_here, estimators[case])
    engine = Engine(replace(made_here, contents={**made_here.contents, OUTPUTS: content}))
    assert engine.backend == serving(made_here, "forest")
    assert CASES[case].compiles == (ONNX in made_here.contents)


@pytest.mark.parametrize("case", CASES)
def test_the_example_is_answered(client: FlaskClient, case: str):
    example = client.get(f"/models/{model(case, 'onnx')}/example").json
    assert example["input"] == records_of(loans(missing=CASES[case].missing))[0]
    assert "prediction" in example


def test_of_several_classes_the_most_probable_is_predicted(client: FlaskClient):
    path = f"/models/{model('text and numbers', 'onnx')}/predict"
    for answer in client.post(path, **body(records_of(loans(missing=True)))).json["predictions"]:
        chances = answer["probabilities"]
        assert chances[answer["prediction"]] == max(chances.values())


def test_a_threshold_decides_between_two(client: FlaskClient):
    path = f"/models/{model('a threshold', 'onnx')}/predict"
    answers = client.post(path, **body(records_of(loans(missing=True)))).json["predictions"]
    for answer in answers:
        assert answer["prediction"] == str(answer["probabilities"]["True"] >= 0.3)
    assert any(0.3 <= answer["probabilities"]["True"] < 0.5 for answer in answers)
