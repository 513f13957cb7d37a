"""A record that the estimator refuses is a fault of that record, and the others are answered."""

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import hurry, moved
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from servers import wait_until
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder
from training import latest, output

from app import create_app
from serving.__main__ import main
from serving.models.engine import Engine
from serving.models.refusals import NOT_FINITE, compute_or_refuse, reason
from serving.predicting.trial import LivePredictions, TrialRunner
from serving.settings import Settings
from train.onnx import proof

pytestmark = pytest.mark.slow

random = np.random.default_rng(3)
CODES = pd.DataFrame({"code": random.choice([1, 2, 5, 9], 200), "x": random.normal(size=200)})
POSITIVE = pd.DataFrame({"x": random.uniform(0.1, 9, 200).round(3)})
UNKNOWN = "{} is none of the values that the model knows: 1, 2, 5, 9"


def of_codes(encoder: Any, model: Any) -> Any:
    prepared = ColumnTransformer([("codes", encoder, ["code"])], remainder="passthrough")
    return make_pipeline(prepared, model).fit(CODES, CODES["code"] > 4)


def of_logarithms(model: Any) -> Any:
    return make_pipeline(FunctionTransformer(np.log), model).fit(POSITIVE, POSITIVE["x"])


class Kind:
    """An estimator, its sample, a record that it predicts and one that it refuses."""

    def __init__(self, estimator: Any, frame: pd.DataFrame, good: Any, bad: Any, says: str) -> None:
        self.estimator, self.frame = estimator, frame
        self.good, self.bad, self.says = good, bad, says


CODE = {"code": 5, "x": 0.25}, {"code": 7, "x": 0.25}, UNKNOWN.format(7)
KINDS = {
    "one-hot codes, compiled": Kind(of_codes(OneHotEncoder(), Ridge()), CODES, *CODE),
    "ordinal codes": Kind(of_codes(OrdinalEncoder(), Ridge()), CODES, *CODE),
    "one-hot codes and labels": Kind(of_codes(OneHotEncoder(), LogisticRegression()), CODES, *CODE),
    "a logarithm": Kind(
        of_logarithms(LinearRegression()), POSITIVE, {"x": 2.5}, {"x": -2}, "Input X contains NaN"
    ),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each kind, imported."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as short:
        hurry(short)
        short.setattr(proof, "PROOF_ROWS", 400)
        for name, kind in KINDS.items():
            joblib.dump(kind.estimator, folder / "model.pkl")
            kind.frame.to_csv(folder / "rows.csv", index=False)
            files = (folder / "model.pkl", "--sample", folder / "rows.csv")
            output(folder, "import", *files, "--name", called(name))
    return folder


def called(kind: str) -> str:
    return kind.replace(" ", "-").replace(",", "")


@pytest.fixture
def settings(models: Path, tmp_path: Path) -> Settings:
    return Settings(models_dir=models, default_model=called(next(iter(KINDS))), var_dir=tmp_path)


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()


@pytest.mark.parametrize("name", KINDS)
def test_a_refused_record_is_named_and_nothing_is_recorded(
    client: FlaskClient, settings: Settings, name: str
):
    kind, path = KINDS[name], f"/models/{called(name)}/predict"
    for sent, place in ((kind.bad, 0), ([kind.good, kind.bad, kind.good], 1)):
        refused = client.post(path, json=sent)
        assert (refused.status_code, refused.mimetype) == (422, "application/problem+json")
        (error,) = refused.json["errors"]
        assert error["record"] == place
        assert kind.says in error["message"]
        assert "\n" not in error["message"]
    table = "".join(f"{','.join(map(str, each.values()))}\n" for each in (kind.good, kind.bad))
    text = f"{','.join(kind.good)}\n{table}"
    refused = client.post(path, data=text, content_type="text/csv")
    assert refused.status_code == 422
    assert [(each["record"], each["line"]) for each in refused.json["errors"]] == [(1, 3)]
    lines = "\n".join(map(json.dumps, (kind.good, kind.bad)))
    refused = client.post(path, data=lines, content_type="application/jsonl")
    assert refused.status_code == 422
    assert [(each["record"], each["line"]) for each in refused.json["errors"]] == [(1, 2)]
    assert list(moved(settings).labelled(called(name))) == []
    assert client.post(path, json=kind.good).status_code == 200


@pytest.mark.parametrize("name", KINDS)
def test_inline_a_refused_record_has_its_faults_in_its_place(client: FlaskClient, name: str):
    kind, path = KINDS[name], f"/models/{called(name)}/predict?faults=inline"
    said = client.post(f"/models/{called(name)}/predict", json=kind.good).json["prediction"]
    lines = "".join(json.dumps(each) + "\n" for each in (kind.bad, kind.good, kind.bad))
    answer = client.post(path, data=lines, content_type="application/jsonl")
    first, second, third = map(json.loads, answer.text.splitlines())
    assert answer.status_code == 200
    assert kind.says in first["errors"][0]["message"]
    assert second["prediction"] == said
    assert third["errors"][0] == first["errors"][0] | {"record": 2, "line": 3}
    table = "".join(f"{','.join(map(str, each.values()))}\n" for each in (kind.bad, kind.good))
    answer = client.post(path, data=f"{','.join(kind.good)}\n{table}", content_type="text/csv")
    bad, good = csv.DictReader(io.StringIO(answer.text))
    assert kind.says in bad["error"]
    assert bad["prediction"] == ""
    assert good["prediction"] == str(said)


@pytest.mark.parametrize("name", KINDS)
def test_the_command_line_predicts_the_others(models: Path, tmp_path: Path, name: str):
    kind = KINDS[name]
    lines = "".join(json.dumps(each) + "\n" for each in (kind.good, kind.bad, kind.good))
    variables = {"MODELS_DIR": str(models), "VAR_DIR": str(tmp_path)}
    command = ["predict", called(name), "-", "--from", "jsonl"]
    done = CliRunner(env=variables).invoke(main, command, input=lines)
    assert done.exit_code == 3
    first, bad, third = (json.loads(line) for line in done.stdout.splitlines() if line[0] == "{")
    assert first["prediction"] == third["prediction"]
    assert kind.says in bad["errors"][0]["message"]


def test_what_encoders_know_is_in_the_manifest_and_a_fault_names_the_field(models: Path):
    engine = Engine(latest(models, "one-hot-codes-compiled"))
    assert engine.backend != "pickle"
    assert engine.manifest.known == {"code": (1, 2, 5, 9)}
    assert Engine(latest(models, "ordinal-codes")).backend == "pickle"  # whose ONNX refuses nothing


def test_a_trial_that_refuses_a_record_costs_the_others_nothing(models: Path):
    live, tried = (Engine(latest(models, called(name))) for name in list(KINDS)[1:3])
    recorded: list[Any] = []
    registry = SimpleNamespace(trial=lambda _: tried)
    trial = TrialRunner(registry, SimpleNamespace(append=recorded.append))  # type: ignore[arg-type]
    rows = np.array([[5.0, 0.25], [7.0, 0.25], [1.0, 0.5]])
    trial.submit(LivePredictions(live, ["a", "b", "c"], rows))
    wait_until(lambda: bool(recorded))
    assert recorded[0].ids == ["a", "c"]
    assert recorded[0].predictions == tried.predict(rows[[0, 2]])[0]


@given(st.lists(st.booleans(), max_size=70), st.integers(1, 70))
def test_refused_rows_are_found_and_all_others_predicted(bad: list[bool], max_refused: int):
    rows = np.array([[-1.0 if each else float(at)] for at, each in enumerate(bad)]).reshape(-1, 1)
    calls = 0

    def compute(some: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if (some < 0).any():
            raise ValueError("negative")
        return np.where(some == 3, np.nan, some * 2)

    places, outputs, refused = compute_or_refuse(compute, rows)
    expected = [at for at, each in enumerate(bad) if each or at == 3]
    assert sorted(refused) == expected
    assert [refused[at] == NOT_FINITE for at in expected] == [not bad[at] for at in expected]
    assert sorted(places.tolist()) == [at for at in range(len(bad)) if at not in expected]
    assert (outputs == rows[places] * 2).all()
    assert calls <= 2 * sum(bad) * (1 + np.log2(max(len(bad), 1))) + 1
    few = compute_or_refuse(compute, rows, max_refused)[2]
    assert min(max_refused, len(expected)) <= len(few) <= len(expected)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("two\nlines", "two"),
        ("", "ValueError"),
        ("x" * 999, "x" * 199 + "…"),
        ("see https://scikit-learn.org/stable/x.html for more.", "see for more"),
        ("cannot read /home/ana/secret/model.txt, sorry", "cannot read model.txt, sorry"),
        ("tab\tand \x00 null", "tab and null"),
        ("unknown [np.float64(3.5), np.str_('a')]", "unknown [3.5, 'a']"),
        ("half \ud800 of a sign", "half of a sign"),
    ],
)
def test_an_estimators_error_is_reported_as_a_clean_sentence(said: str, told: str):
    assert reason(ValueError(said)) == told
