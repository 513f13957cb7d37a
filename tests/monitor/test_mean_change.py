"""Drift is ordered by where it matters, and fields explain the change of the mean prediction."""

import json
import math
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from artefacts import made, put_live
from conftest import MODELS, ROOT, body, moved
from estimators import CASES, fitted, loans
from monitored import monitor, opened, report_of, window
from traffic import Traffic

from app import create_app
from serving import clock
from serving.models.artefact import pretty
from serving.models.card import Card, MeanContribution
from serving.monitor.wording import sentence
from serving.recording.store.deliveries import Delivery
from serving.settings import Settings
from serving.statement import Statement

WINES = pd.read_csv(ROOT / "train/data/winequality.csv").drop_duplicates().drop(columns="quality")
SOME = WINES.sample(400, random_state=0)


def predicted(settings: Settings, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Predictions of wines over HTTP, which are in the store afterwards."""
    client = create_app(settings).test_client()
    made = client.post("/predict", **body(frame.to_dict("records"))).json["predictions"]
    moved(settings).close()
    return made


def drifted(**shifts: float) -> pd.DataFrame:
    return SOME.assign(**{name: SOME[name] + shift for name, shift in shifts.items()})


def test_each_field_explains_its_part_of_the_change_of_the_mean_prediction(settings: Settings):
    made = predicted(settings, drifted(alcohol=1.5))
    found = report_of(settings)
    mean = found["report"]["mean_change"]
    assert (mean["output"], mean["unit"], mean["rows"]) == ("P(bom)", "probability", 400)
    now = math.fsum(each["probabilities"]["bom"] for each in made) / 400
    assert mean["now"] == pytest.approx(now, abs=1e-9)
    assert mean["then"] == pytest.approx(0.19, abs=0.01)
    changes = {each["field"]: each["change"] for each in mean["fields"]}
    assert len(changes) == 12
    assert math.fsum(changes.values()) == pytest.approx(mean["now"] - mean["then"], abs=1e-9)
    assert mean["fields"][0]["field"] == "alcohol"
    assert {each["field"] for each in mean["fields"] if each["drifted"]} == {"alcohol"}
    assert changes["alcohol"] > 0.05
    assert all(abs(change) < 0.05 for name, change in changes.items() if name != "alcohol")


def test_alerts_about_data_and_predictions_have_what_the_fields_explain(settings: Settings):
    hooked = replace(settings, alert_webhook="http://127.0.0.1:9/")
    predicted(settings, drifted(alcohol=1.5))
    monitor(hooked)
    found = report_of(settings)
    mean = found["report"]["mean_change"]
    points = f"{100 * mean['fields'][0]['change']:+.1f}"
    clause = f"alcohol: explains {points} points of that change; all other fields together: "
    sentences = {alert["kind"]: alert["sentence"] for alert in found["alerts"]}
    assert sentences.keys() == {"data drift", "prediction drift"}
    assert all("the mean of P(bom) is " in each and clause in each for each in sentences.values())
    statements = [
        Statement(each["code"], each.get("values", {}), each.get("field", ""))
        for each in mean["statements"]
    ]
    assert "alcohol: explica +" in sentence(statements, language="pt-BR")
    with closing(moved(settings)) as store:
        messages = store.deliveries.due(clock.now() + 10**9, 9)
    assert all(isinstance(each, Delivery) for each in messages)
    sent = [json.loads(each.body)["data"]["sentence"] for each in messages]
    assert len(sent) == 2
    assert all(clause in each for each in sent)


def test_what_drifted_most_where_it_matters_comes_first(settings: Settings):
    predicted(settings, drifted(alcohol=0.8, **{"citric acid": 0.4}))
    report = report_of(settings)["report"]
    fields = {each["field"]: each for each in report["drift"]["fields"]}
    citric, alcohol = fields["citric acid"], fields["alcohol"]
    assert alcohol["importance"] == 1
    assert 0 < citric["importance"] < 0.5
    assert citric["change"] > alcohol["change"]
    order = [each for each in report["drift"]["drifted"] if each in fields]
    assert order.index("alcohol") < order.index("citric acid")
    weights = [fields[each]["change"] * fields[each]["importance"] for each in order]
    assert weights == sorted(weights, reverse=True)
    assert report["sentence"].startswith("alcohol: ")


def test_the_mean_of_a_number_is_explained_in_its_unit(settings: Settings):
    reds = WINES[WINES["color"] == "red"].drop(columns="color").sample(300, random_state=0)
    moved_up = reds.assign(alcohol=reds["alcohol"] + 2)
    client = create_app(settings).test_client()
    sent = body(moved_up.to_dict("records"))
    made = client.post("/models/wine-score/predict", **sent).json["predictions"]
    moved(settings).close()
    report = report_of(settings, "wine-score")["report"]
    mean = report["mean_change"]
    assert (mean["output"], mean["unit"]) == ("predicted quality", "number")
    assert mean["now"] == pytest.approx(math.fsum(each["prediction"] for each in made) / 300)
    assert mean["fields"][0]["field"] == "alcohol"
    assert mean["fields"][0]["change"] > 5 * mean["fields"][0]["standard_error"] > 0
    assert mean["sentence"].startswith("the mean of predicted quality is ")
    assert f"alcohol: explains {mean['fields'][0]['change']:+.3g} of that" in mean["sentence"]


def test_without_drift_nothing_is_explained(settings: Settings):
    predicted(settings, SOME[:50])
    assert report_of(settings)["report"]["mean_change"] is None


def test_a_field_that_is_not_recorded_leaves_the_mean_unexplained(settings: Settings):
    omitting = replace(settings, journal_omit=json.dumps({"wine": ["pH"]}))
    predicted(omitting, drifted(alcohol=1.5))
    found = report_of(settings)
    assert found["report"]["verdict"] == "drift"
    assert found["report"]["mean_change"] is None
    assert all("explains" not in alert["sentence"] for alert in found["alerts"])


def test_predictions_that_the_contributions_do_not_add_up_to_are_not_explained(
    settings: Settings,
):
    with closing(opened(settings)) as store:
        store.add(window(alcohol=1.5), {})  # with probabilities that the model did not predict
    report = report_of(settings)["report"]
    assert report["verdict"] == "drift"
    assert report["mean_change"] is None


def test_explaining_stops_when_its_time_is_up(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    predicted(settings, drifted(alcohol=1.5))
    monkeypatch.setattr("serving.monitor.drift.mean_change.MAX_SECONDS", 0.0)
    assert report_of(settings)["report"]["mean_change"] is None
    monkeypatch.setattr("serving.monitor.drift.mean_change.MIN_EXPLAINED", 50)
    predicted(settings, SOME[:1])
    assert report_of(settings)["report"]["mean_change"]["rows"] == 50


def of_loans(folder: Path, name: str, case: str, card: Card | None = None) -> Any:
    """A report on loans whose income doubled, by a model of the case."""
    settings = Settings(models_dir=folder / "models", var_dir=folder / "var")
    settings.models_dir.mkdir()
    (settings.models_dir / "wine").symlink_to(MODELS / "wine")
    frame = loans(missing=CASES[case].missing)
    artefact = made(name, fitted(CASES[case]), frame, **CASES[case].says)
    labels = artefact.manifest.classes
    grid = tuple(at / 100 for at in range(101))
    reference = json.loads(artefact.contents["reference.json"])
    if labels:
        reference["probabilities"] = dict.fromkeys(labels, grid)
    artefact.contents["reference.json"] = json.dumps(reference).encode()
    if card:
        artefact.contents["card.json"] = pretty(card)
    put_live(settings.models_dir, artefact)
    traffic = Traffic(settings, name)
    traffic.come(frame.assign(**{"the income": 2 * frame["the income"]}), clock.now())
    traffic.store.close()
    return report_of(settings, name)["report"]


def test_a_linear_model_is_explained_in_its_own_unit(tmp_path: Path):
    report = of_loans(tmp_path, "loan", "text and numbers")
    mean = report["mean_change"]
    assert mean["unit"] == "log-odds"
    assert mean["fields"][0]["field"] == "the income"
    assert mean["fields"][0]["drifted"]
    others = [each["change"] for each in mean["fields"][1:]]
    assert max(map(abs, others)) < 1e-9  # their values are those of training
    assert "as log-odds" in mean["sentence"]
    assert all(each["importance"] is None for each in report["drift"]["fields"])


def test_without_importance_by_permutation_the_mean_contribution_counts(tmp_path: Path):
    means = {"the income": 0.2, "debt": 0.8, "term": 0.0}
    card = Card(contributions=tuple(MeanContribution(*each) for each in means.items()))
    report = of_loans(tmp_path, "amount", "nothing that compiles", card)
    found = {each["field"]: each["importance"] for each in report["drift"]["fields"]}
    assert found == {"the income": 0.25, "debt": 1, "term": 0, "area": None, "purpose": None}


def test_a_model_that_would_have_to_be_sampled_is_not_explained(tmp_path: Path):
    report = of_loans(tmp_path, "amount", "nothing that compiles")
    assert report["verdict"] == "drift"
    assert report["mean_change"] is None
