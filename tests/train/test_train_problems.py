"""The problems of the field: honest figures, kept beside what tutorials publish."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from conftest import (
    FASTEST,
    ROOT,
    same_arrays,
)
from sklearn.base import clone
from training import refused, served

from serving.models import artefact, model_folder
from serving.models.artefact import FOREST, ONNX, Artefact
from serving.models.engine import Engine
from serving.models.forest import is_available
from train.evaluation.evaluate import Protocol
from train.onnx import proof
from train.problem import Problem
from train.problems.problems import COMMITTED, PROBLEMS, data_of
from train.training import train

BY_NAME = {problem.name: problem for problem in PROBLEMS}
OUT_OF_THE_BOX = ["wine", "wine-score", "diabetes"]


def committed(name: str) -> Artefact:
    return artefact.read(ROOT / "models", name, model_folder.live_version(ROOT / "models" / name))


def predicted(made: Artefact, **changes: object) -> str | float:
    """What is answered to a version's example with some of its fields changed."""
    (value,) = served(made, made.manifest.example | changes)
    return value


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "PROOF_ROWS", 2_000)


def data(name: str) -> Path:
    if "DATA_DIR" not in os.environ:
        pytest.skip("DATA_DIR, a folder with the data that cannot be committed, is not set")
    return data_of(BY_NAME[name])


def quickly(problem: Problem, models: Path, **changes: object) -> Artefact:
    """Train with one short cross-validation."""
    problem = replace(problem, protocol=Protocol(folds=3, repeats=1), **changes)
    return train(problem, data(problem.name), models, lambda: None).artefact


@pytest.mark.parametrize("name", OUT_OF_THE_BOX)
def test_what_is_committed_is_served_compiled_and_small(name: str):
    assert Engine(committed(name)).backend == FASTEST
    assert sum(map(len, committed(name).contents.values())) < 4_000_000
    assert committed(name).manifest.data.sha256 in (COMMITTED / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", OUT_OF_THE_BOX[1:])
def test_the_committed_model_comes_out_again(name: str, tmp_path: Path):
    problem = replace(BY_NAME[name], protocol=Protocol(folds=2, repeats=1))
    again = train(problem, data_of(problem), tmp_path, lambda: None).artefact
    assert again.contents[ONNX] == committed(name).contents[ONNX]
    if is_available():
        assert same_arrays(again.contents[FOREST], committed(name).contents[FOREST])
    assert again.manifest.fields == committed(name).manifest.fields


@pytest.mark.parametrize(
    ("name", "metric", "reached"),
    [
        ("wine", "roc_auc", 0.853),
        ("wine-score", "mae", 0.494),
        ("wine-score", "r2", 0.40),
        ("wine-score", "within_0.5", 0.60),
        ("diabetes", "roc_auc", 0.836),
        ("diabetes", "brier", 0.157),
    ],
)
def test_figures_reach_the_best_simple_model_within_their_spread(
    name: str, metric: str, reached: float
):
    figure = committed(name).manifest.metrics[metric]
    assert abs(figure.mean - reached) < figure.spread
    assert abs(figure.mean - figure.baseline) > figure.spread


def test_wine_score_predicts_with_an_interval_whose_coverage_was_measured():
    made = committed("wine-score")
    interval = made.manifest.interval
    assert interval is not None
    assert (interval.coverage, interval.relative, interval.rows) == (0.9, False, 1359)
    assert interval.observed == pytest.approx(0.9, abs=0.015)
    assert interval.low < -0.5 < 0.5 < interval.high
    assert "62.4 %" in made.manifest.published
    assert predicted(made, alcohol=13.5) > predicted(made, alcohol=9)


def test_diabetes_takes_what_was_not_measured_as_null_as_zero_and_as_nothing():
    made = committed("diabetes")
    assert made.manifest.threshold is not None
    assert "missed positive is assumed to cost" in made.manifest.threshold.reason
    assert made.reference.fields["Insulin"].missing == pytest.approx(374 / 768, abs=1e-6)
    engine = Engine(made)
    without = {name: value for name, value in made.manifest.example.items() if name != "Insulin"}
    records = [without, without | {"Insulin": None}, without | {"Insulin": 0}]
    rows = engine.schema.decode(msgspec.json.encode(records), 3).matrix
    absent, null, zero = engine.predict(rows).probabilities
    assert absent == null == zero
    assert predicted(made, Glucose=190, BMI=40) == "positive"
    assert predicted(made, Glucose=80, BMI=20) == "negative"


def test_the_pima_data_are_the_file_that_their_readme_describes():
    file = data_of(BY_NAME["diabetes"])
    assert hashlib.sha256(file.read_bytes()).hexdigest() in (COMMITTED / "README.md").read_text()
    patients = pd.read_csv(file)
    assert patients["Outcome"].value_counts().to_dict() == {"negative": 500, "positive": 268}
    zeros = {"Glucose": 5, "BloodPressure": 35, "SkinThickness": 227, "Insulin": 374, "BMI": 11}
    assert (patients[list(zeros)] == 0).sum().to_dict() == zeros


@pytest.mark.usefixtures("short")
def test_loan_takes_applications_as_the_file_has_them(tmp_path: Path):
    made = quickly(BY_NAME["loan"], tmp_path)
    assert made.manifest.metrics["accuracy"].mean > 0.77
    record = {"LoanAmount": 120, "Credit_History": 1, "Property_Area": "Semiurban"}
    incomes = {"ApplicantIncome": 3000, "CoapplicantIncome": 1500}
    assert served(made, record | incomes) == ["Aprovado"]
    assert predicted(made, Credit_History="1") == "Aprovado"
    assert predicted(made, Credit_History="0") == "Não aprovado"


@pytest.mark.usefixtures("short")
def test_imoveis_are_sales_within_the_city_and_buildings_stay_together(tmp_path: Path):
    homes = BY_NAME["imoveis"].load(data("imoveis"))
    assert len(homes) == 6302
    assert homes["Latitude"].isna().sum() == 460
    made = quickly(
        BY_NAME["imoveis"],
        tmp_path,
        load=lambda _: homes.iloc[::3],
        estimator=clone(BY_NAME["imoveis"].estimator).set_params(regressor__max_iter=100),
    )
    district = next(field for field in made.manifest.fields if field.name == "District")
    assert len(district.categories) > 80
    assert "Moema" in district.categories
    assert made.manifest.metrics["r2"].mean > 0.75
    assert made.manifest.interval is not None
    assert made.manifest.interval.relative
    assert "rows with equal Latitude and Longitude never on both sides" in made.manifest.evaluation
    assert predicted(made, Size=200, Rooms=4) > 1.5 * predicted(made, Size=50, Rooms=1)


@pytest.mark.usefixtures("short")
def test_credit_calls_a_default_where_a_missed_one_would_cost_more(tmp_path: Path):
    every = BY_NAME["credit"].load(data("credit"))
    made = quickly(
        BY_NAME["credit"],
        tmp_path,
        load=lambda _: every.iloc[::3],
        estimator=clone(BY_NAME["credit"].estimator).set_params(max_iter=70),
    )
    threshold = made.manifest.threshold
    assert threshold is not None
    assert (threshold.label, threshold.value) == ("default", pytest.approx(1 / 6, abs=1e-4))
    costs = [float(part.split()[-1]) for part in threshold.reason.split(" false alarms a row")[:1]]
    without = float(threshold.reason.split("at 0.5, ")[1].split()[0])
    assert costs[0] < without
    assert made.manifest.metrics["roc_auc"].mean > 0.65
    assert "accuracy" not in made.manifest.metrics


@pytest.mark.parametrize("name", ["loan", "imoveis", "credit"])
def test_data_without_a_clear_licence_are_asked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("DATA_DIR", raising=False)
    message = refused(tmp_path, name)
    assert BY_NAME[name].obtain in message
    assert f"adega train {name} --data FILE" in message
    assert not (COMMITTED / BY_NAME[name].file).exists()
    assert name not in model_folder.known_models(ROOT / "models")


def test_a_file_of_another_kind_is_refused(tmp_path: Path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert "does not fit the problem loan" in refused(
        tmp_path, "loan", "--data", tmp_path / "other.csv"
    )
    row = "1,2,100,1,Urban,Maybe"
    names = "ApplicantIncome,CoapplicantIncome,LoanAmount,Credit_History,Property_Area,Loan_Status"
    (tmp_path / "maybe.csv").write_text(f"{names}\n{row}\n")
    assert "none of Aprovado, Não aprovado" in refused(
        tmp_path, "loan", "--data", tmp_path / "maybe.csv"
    )


def test_a_file_may_be_named(tmp_path: Path):
    with pytest.raises(Exception, match="there is no file nowhere"):
        data_of(BY_NAME["loan"], Path("nowhere"))
    (tmp_path / "mine.csv").touch()
    assert data_of(BY_NAME["loan"], tmp_path / "mine.csv") == tmp_path / "mine.csv"
