"""The monitor as people run it: predictions and feedback over HTTP, a check, and its report."""

import json
from typing import Any

import pandas as pd
import pytest
from conftest import ROOT, body, moved
from flask.testing import FlaskClient
from monitored import monitor, report_of

from app import create_app
from serving.settings import Settings

WINES = (
    pd.read_csv(ROOT / "train/data/winequality.csv").drop_duplicates().sample(400, random_state=0)
)
GOOD = ["bom" if quality >= 7 else "ruim" for quality in WINES.pop("quality")]


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    """A service with a record of its own."""
    return create_app(settings).test_client()


def answers(client: FlaskClient, frame: pd.DataFrame) -> list[dict[str, Any]]:
    return client.post("/predict", **body(frame.to_dict("records"))).json["predictions"]


def monitored(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/models/wine/monitor")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    return answer.json


def test_what_comes_in_otherwise_is_an_alarm_that_names_it(client: FlaskClient, settings: Settings):
    answers(client, WINES.assign(alcohol=WINES["alcohol"] + 1.5))
    moved(settings).close()
    run = monitor(settings)
    assert run.exit_code == 3
    assert "wine 1: drift: alcohol: " in run.stdout
    assert "    data drift since " in run.stdout
    assert "diabetes 1: not enough yet: 0 values so far, 200 are needed" in run.stdout
    found = monitored(client)
    report = found["report"]
    assert report["verdict"] == "drift"
    assert report["drift"]["drifted"][0] == "alcohol"
    assert report["sentence"].startswith("alcohol: ")
    kinds = {alert["kind"]: alert for alert in found["alerts"]}
    assert kinds["data drift"]["sentence"].startswith("alcohol: ")
    assert kinds["data drift"]["cleared"] is None
    (point,) = found["points"]
    assert (point["version"], point["time"]) == (1, report["time"])
    assert point["figures"]["verdicts"]["alcohol"] == "drift"
    assert point["figures"]["predictions"] == 400
    assert found["checked"] == report["time"]
    assert (report["traffic"]["requests"], report["traffic"]["errors"]) == (1, {})


def test_labels_that_do_not_fit_any_more_are_concept_drift(client: FlaskClient, settings: Settings):
    other = {"bom": "ruim", "ruim": "bom"}
    made = answers(client, WINES)
    truths = [other[label] if at % 2 else label for at, label in enumerate(GOOD)]
    feedback = [{"id": one["id"], "actual": label} for one, label in zip(made, truths, strict=True)]
    assert client.post("/feedback", **body(feedback)).status_code == 200
    moved(settings).close()
    assert monitor(settings, "wine").exit_code == 3
    report = monitored(client)["report"]
    assert report["concept"]["verdict"] == "drift"
    assert report["concept"]["rows"] == 400
    assert report["concept"]["sentence"].endswith("the model got worse")
    assert report["arrival"]["with_feedback"] == 400
    assert {each["metric"] for each in report["realised"]} >= {"accuracy", "roc_auc", "brier"}
    assert {alert["kind"] for alert in monitored(client)["alerts"]} >= {"concept drift"}


def test_a_few_predictions_are_not_enough_to_tell(client: FlaskClient, settings: Settings):
    answers(client, WINES[:20])
    moved(settings).close()
    run = monitor(settings, "wine")
    assert run.exit_code == 0
    assert "wine 1: not enough yet: 20 values so far, 200 are needed" in run.stdout
    assert "not measured: performance: these predictions have no feedback yet" in run.stdout
    report = monitored(client)["report"]
    assert report["traffic"]["labels"].keys() == {"bom", "ruim"}
    assert sum(report["traffic"]["labels"].values()) == report["traffic"]["predictions"] == 20
    assert monitored(client)["alerts"] == []


def test_a_regression_is_monitored_by_its_numbers(client: FlaskClient, settings: Settings):
    reds = WINES.drop(columns="color").to_dict("records")[:250]
    made = client.post("/models/wine-score/predict", **body(reds)).json["predictions"]
    client.post("/feedback", **body([{"id": one["id"], "actual": 6.5} for one in made]))
    moved(settings).close()
    report = report_of(settings, model="wine-score")["report"]
    (predictions,) = report["drift"]["predictions"]
    assert predictions["field"] == "predicted quality"
    assert report["concept"]["loss"] == "absolute error"
    assert {each["metric"] for each in report["realised"]} >= {"mae", "within_0.5"}
    assert report["estimated"] == []
    assert any(
        each["sentence"].startswith("estimated performance: ") for each in report["unmeasured"]
    )
    assert report["traffic"]["labels"] == {}


def test_an_empty_store_says_what_would_fill_it(settings: Settings):
    run = monitor(settings)
    assert run.exit_code == 0
    assert "adega collect" in run.stdout


def test_before_a_first_pass_the_answer_says_how_to_make_one(
    client: FlaskClient, settings: Settings
):
    moved(settings).close()
    found = monitored(client)
    assert (found["report"], found["points"], found["alerts"]) == (None, [], [])
    assert "adega monitor" in found["sentence"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("beer/monitor", 404), ("wine/monitor?days=0", 400), ("wine/monitor?days=many", 400)],
)
def test_what_cannot_be_told_is_a_problem(
    client: FlaskClient, settings: Settings, path: str, status: int
):
    moved(settings).close()
    answer = client.get(f"/models/{path}")
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_a_store_that_is_down_is_not_the_end_of_the_service(tmp_path: Any):
    url = "postgresql://nobody@127.0.0.1:1/none"
    client = create_app(Settings(var_dir=tmp_path, database_url=url)).test_client()
    assert client.get("/models/wine/monitor").status_code == 503


def test_without_a_record_there_is_nothing_to_monitor(tmp_path: Any):
    client = create_app(Settings(var_dir=tmp_path, journal=False)).test_client()
    answer = client.get("/models/wine/monitor")
    assert (answer.status_code, "JOURNAL=off" in answer.json["detail"]) == (404, True)


def test_points_are_of_as_many_days_as_are_asked_for(client: FlaskClient, settings: Settings):
    moved(settings).close()
    monitor(settings, "wine")
    assert len(client.get("/models/wine/monitor?days=1").json["points"]) == 1


def test_a_wrong_use_says_what_is_right(settings: Settings):
    unknown = monitor(settings, "beer")
    assert unknown.exit_code == 1
    assert "there is no model 'beer'; there are diabetes, wine, wine-score" in unknown.stderr


def test_each_model_is_a_line_of_json(settings: Settings):
    lines = [json.loads(line) for line in monitor(settings, "--json").stdout.splitlines()]
    assert [line["model"] for line in lines] == ["diabetes", "wine", "wine-score"]
    assert all(line["alerts"] == [] and line["failure"] == "" for line in lines)
