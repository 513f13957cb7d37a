"""What /metrics tells is what happened, from whichever worker and whatever became of the others."""

import re
from pathlib import Path

import msgspec
import pytest
from conftest import ROOT, body, moved, predict, rewrite, wine
from flask.testing import FlaskClient
from plain_way import WAYS, ask
from scraping import scraped, started

from app import create_app
from serving.metrics import families
from serving.metrics.counters import Counters
from serving.metrics.families import METRICS, Sample, exposition
from serving.metrics.requests import Metrics
from serving.settings import Settings


@pytest.fixture(params=WAYS)
def client(request: pytest.FixtureRequest, settings: Settings) -> FlaskClient:
    """A service of its own, asked both ways that a request may be answered."""
    return ask(create_app(settings), request.param).test_client()


def test_requests_are_counted_by_route_method_and_status(client: FlaskClient):
    for record in (wine(), [wine()] * 3, {}):
        predict(client, record)
    client.post("/models/wine/predict", **body(wine()))
    client.post("/models/beer/predict", **body(wine()))
    client.post("/models/wine/versions/1/predict", **body(wine()))
    client.get("/predict")
    client.get("/nothing/here")
    client.open("/models", method="BREW")
    counted = {name: count for name, count in scraped(client).items() if "requests_total" in name}
    at = 'serving_requests_total{route="%s",method="%s",status="%s",predicts="%s"}'
    assert counted == {
        at % ("/predict", "POST", 200, "true"): 2,
        at % ("/predict", "POST", 422, "true"): 1,
        at % ("/models/<name>/predict", "POST", 200, "true"): 1,
        at % ("/models/<name>/predict", "POST", 404, "true"): 1,
        at % ("/models/<name>/versions/<int:version>/predict", "POST", 200, "true"): 1,
        at % ("/predict", "GET", 200, "false"): 1,
        at % ("", "GET", 404, "false"): 1,
        at % ("", "other", 405, "false"): 1,
    }


def test_a_histogram_counts_the_duration_of_requests(client: FlaskClient):
    for _ in range(3):
        predict(client, wine())
    found = scraped(client)
    buckets = [
        found[
            f'serving_request_duration_seconds_bucket{{route="/predict",predicts="true",le="{bound}"}}'
        ]
        for bound in families.DURATION.buckets
    ]
    assert buckets == sorted(buckets)
    assert (
        found['serving_request_duration_seconds_count{route="/predict",predicts="true"}']
        == buckets[-1]
        == 3
    )
    assert 0 < found['serving_request_duration_seconds_sum{route="/predict",predicts="true"}'] < 30


def test_predictions_are_counted_by_label_and_rows_by_request(client: FlaskClient):
    bad = msgspec.json.decode((ROOT / "ruim.json").read_bytes())
    predict(client, wine())
    predict(client, [wine(), bad, bad])
    score = client.get("/models/wine-score/example").json["input"]
    client.post("/models/wine-score/predict", **body(score))
    found = scraped(client)
    assert found['serving_predictions_total{model="wine",version="1",label="bom"}'] == 2
    assert found['serving_predictions_total{model="wine",version="1",label="ruim"}'] == 2
    assert found['serving_predictions_total{model="wine-score",version="1",label=""}'] == 1
    assert found['serving_request_rows_bucket{model="wine",le="1.0"}'] == 1
    assert found['serving_request_rows_bucket{model="wine",le="10.0"}'] == 2
    assert found['serving_request_rows_sum{model="wine"}'] == 4


def test_models_are_reported_with_their_versions(models: Path, tmp_path: Path):
    tried = rewrite(models, lambda manifest, _: manifest.update(title="newer"))
    (models / "wine" / "trial").write_text(str(tried))
    (models / "diabetes" / "current").write_text("latest")
    found = scraped(started(Settings(models_dir=models, var_dir=tmp_path / "var")))
    assert {name: value for name, value in found.items() if "serving_model" in name} == {
        'serving_model_live_version{model="wine"}': 1,
        'serving_model_live_version{model="wine-score"}': 1,
        'serving_model_trial_version{model="wine"}': 2,
        'serving_model_loaded{model="wine",version="1"}': 1,
        'serving_model_loaded{model="wine",version="2"}': 1,
        'serving_model_broken{model="wine"}': 0,
        'serving_model_broken{model="wine-score"}': 0,
        'serving_model_broken{model="diabetes"}': 1,
    }


def test_the_journal_and_its_collector_are_reported(settings: Settings):
    client = started(settings)
    predict(client, wine())
    before = scraped(client)
    assert before["serving_journal_segments"] == 1
    assert before["serving_journal_bytes"] > 100
    assert before["serving_journal_lost_total"] == before["serving_journal_failing"] == 0
    assert "serving_collector_waiting_bytes" not in before
    moved(settings).close()
    after = scraped(client)
    assert after["serving_collector_waiting_bytes"] == after["serving_collector_failing"] == 0
    assert after["serving_collector_last_run_timestamp_seconds"] > 1.7e9


def test_predictions_that_could_not_be_recorded_are_counted(settings: Settings):
    settings.var_dir.mkdir()
    settings.journal_dir.write_text("in its place")
    client = started(settings)
    predict(client, [wine()] * 2)
    found = scraped(client)
    assert (found["serving_journal_lost_total"], found["serving_journal_failing"]) == (2, 1)


def test_without_a_journal_neither_it_nor_the_store_is_reported(tmp_path: Path):
    found = scraped(started(Settings(var_dir=tmp_path, journal=False)))
    assert not [name for name in found if re.search("journal|collector|store", name)]


def test_a_count_of_a_release_with_other_labels_is_ignored(tmp_path: Path):
    older = Counters(tmp_path)
    older.add([(("serving_requests_total", "/predict", "200"), 7), (("serving_gone", "x"), 7)])
    assert list(Metrics(tmp_path).samples()) == []


def test_each_metric_is_documented():
    rows = [
        tuple(cell.strip(" `") for cell in line.strip("|").split("|"))
        for line in (ROOT / "docs/metrics.md").read_text().splitlines()
        if line.startswith("| `serving_")
    ]
    assert rows == [
        (metric.name, metric.kind, ", ".join(metric.labels), metric.help) for metric in METRICS
    ]


def test_a_label_may_hold_any_text():
    sample = Sample(families.PREDICTIONS, ("a", 1, 'not "good"\\\n'), 1)
    assert 'label="not \\"good\\"\\\\\\n"' in exposition([sample])
