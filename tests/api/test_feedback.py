"""Predictions are found again, and feedback is recorded and returned with them."""

import http.client
import json
import time
from contextlib import closing
from dataclasses import replace

import pytest
from conftest import ROOT, body, moved, predict, wine
from flask.testing import FlaskClient
from servers import Server, get, wait_until

from app import create_app
from serving import clock
from serving.predicting.service import LATEST_ARRIVAL
from serving.recording.entry import FeedbackEntry
from serving.settings import Settings


def test_a_prediction_is_found_with_its_record(client: FlaskClient):
    answer = predict(client, wine(alcohol=14.95, color=0))
    result = client.get(f"/predictions/{answer['id']}").json
    assert result["record"] == wine(alcohol=14.95, color="red")
    assert {name: result[name] for name in answer} == answer
    assert len(answer["warnings"]) == 1
    assert (result["actual"], result["feedback"]) == (None, [])


def test_each_prediction_of_a_batch_has_a_record(client: FlaskClient):
    answers = predict(client, [wine(), wine(alcohol=9)])["predictions"]
    result = [client.get(f"/predictions/{answer['id']}").json for answer in answers]
    assert [one["record"]["alcohol"] for one in result] == [12.8, 9]
    assert [one["prediction"] for one in result] == [answer["prediction"] for answer in answers]


def test_the_example_is_neither_recorded_nor_counted(settings: Settings):
    client = create_app(settings).test_client()
    for path in ("/example", "/models/wine/example", "/models/wine/versions/1/example"):
        assert "id" not in client.get(path).json
    assert not settings.journal_dir.exists()
    with closing(moved(settings)) as store:
        assert store.predictions("wine", limit=1) == []
    assert "serving_predictions_total{" not in client.get("/metrics").text


def test_of_two_feedbacks_the_latest_counts_and_both_are_returned(client: FlaskClient):
    answer = predict(client, wine())
    for actual in ("ruim", "bom", "bom"):
        sent = client.post("/feedback", **body({"id": answer["id"], "actual": actual}))
        assert sent.status_code == 200
        assert sent.json["recorded"] == 1
        time.sleep(0.002)
    result = client.get(f"/predictions/{answer['id']}").json
    assert result["actual"] == "bom"
    assert [each["actual"] for each in result["feedback"]] == ["bom", "ruim"]


def test_feedback_without_a_prediction_is_returned_as_unmatched(settings: Settings):
    client = create_app(settings).test_client()
    made = predict(client, [wine()] * 3)["predictions"]
    moved(settings).close()
    made += predict(client, [wine()] * 2)["predictions"]  # in the journal alone
    stem, last = made[0]["id"][:-3], made[0]["id"][-3]  # the last of its random digits
    other = f"{stem}{int(last, 16) ^ 1:x}.0"
    never = [other, made[3]["id"].replace("wine.1.", "wine.2."), KNOWN]
    ids = [never[0], *(each["id"] for each in made), *never[1:], never[0]]
    sent = client.post("/feedback", **body([{"id": id_, "actual": "bom"} for id_ in ids]))
    assert sent.json == {"recorded": len(ids), "unmatched": never}
    moved(settings).close()
    sent = client.post("/feedback", **body([{"id": id_, "actual": "ruim"} for id_ in ids]))
    assert sent.json == {"recorded": len(ids), "unmatched": never}


def test_thousands_of_ids_are_looked_up(settings: Settings):
    client = create_app(settings).test_client()
    made = [one["id"] for one in predict(client, [wine()] * 4000)["predictions"]]
    moved(settings).close()
    made += [one["id"] for one in predict(client, [wine()] * 2000)["predictions"]]
    never = [f"wine.1.{at:011x}0123456789abcdef" for at in range(3000)]
    feedback = [{"id": id_, "actual": "bom"} for id_ in [*made, *never]]
    assert client.post("/feedback", **body(feedback)).json == {"recorded": 9000, "unmatched": never}


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/x.db", "postgresql://u@127.0.0.1:9/x"])
def test_without_a_store_feedback_is_recorded_and_unmatched_is_null(settings: Settings, url: str):
    client = create_app(replace(settings, database_url=url)).test_client()
    sent = client.post("/feedback", **body({"id": predict(client, wine())["id"], "actual": "bom"}))
    assert (sent.status_code, sent.json) == (200, {"recorded": 1, "unmatched": None})
    client = create_app(settings).test_client()
    with closing(moved(settings)) as store:
        assert len([*store.labelled("wine")]) == 1


def test_an_id_that_another_worker_has_just_returned_is_known(server: Server):
    """Its record is in a file before its answer goes out; the store has it later."""
    wait_until(lambda: get(f"{server.url}/feedback/unmatched")[0] == 200)  # there is a store
    url = server.url.removeprefix("http://")
    for _ in range(100):
        with closing(http.client.HTTPConnection(url)) as asking:
            asking.request("POST", "/predict", json.dumps(wine()))
            id_ = json.load(asking.getresponse())["id"]
        with closing(http.client.HTTPConnection(url)) as telling:
            telling.request("POST", "/feedback", json.dumps({"id": id_, "actual": "bom"}))
            assert json.load(telling.getresponse()) == {"recorded": 1, "unmatched": []}


KNOWN = "wine.1.19aa63c2f3c0123456789abcdef"
FAULTS = {
    "no object": (["bom"], "record"),
    "no id": ({"actual": "bom"}, "is missing"),
    "no actual": ({"id": KNOWN}, "is missing"),
    "id of another make": ({"id": "42", "actual": "bom"}, "is not the id of a prediction"),
    "id that is a number": ({"id": 42, "actual": "bom"}, "is not the id of a prediction"),
    "id of the future": ({"id": KNOWN.replace(".1.1", ".1.f"), "actual": "bom"}, "from the future"),
    "id of no model": ({"id": KNOWN.replace("wine", "vine"), "actual": "bom"}, "try 'wine'"),
    "unknown label": (
        {"id": KNOWN, "actual": "good"},
        'not a label of this model; send one of "bom"',
    ),
    "label as code": ({"id": KNOWN, "actual": 1}, "not a label"),
    "label in a list": ({"id": KNOWN, "actual": ["bom"]}, "not a label"),
    "an unknown name": ({"id": KNOWN, "actual": "bom", "note": 1}, "is unknown"),
    "none": ([], "the array is empty"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_invalid_feedback_is_refused_with_the_reason(client: FlaskClient, fault: str):
    sent, message = FAULTS[fault]
    answer = client.post("/feedback", **body(sent))
    assert answer.status_code == 422
    if fault != "no object":
        assert message in answer.json["errors"][0]["message"]


def test_no_feedback_of_an_array_with_one_fault_is_recorded(client: FlaskClient):
    id_ = predict(client, wine())["id"]
    sent = [{"id": id_, "actual": "bom"}, {"id": id_, "actual": "good"}]
    assert client.post("/feedback", **body(sent)).json["errors"][0]["record"] == 1
    assert client.get(f"/predictions/{id_}").json["feedback"] == []


def test_feedback_may_come_before_its_prediction_is_known(settings: Settings):
    client = create_app(settings).test_client()
    assert client.post("/feedback", **body({"id": KNOWN, "actual": "bom"})).status_code == 200
    with closing(moved(settings)) as store:
        count, (only,) = store.unmatched(clock.now() + 1, 10)
    assert (count, only.prediction_id) == (1, KNOWN)


def test_a_model_s_predictions_are_listed_page_by_page(settings: Settings):
    client = create_app(settings).test_client()
    ids = [one["id"] for _ in range(3) for one in predict(client, [wine(), wine()])["predictions"]]
    bad = predict(client, json.loads((ROOT / "ruim.json").read_text()))
    moved(settings).close()
    url, found = "/models/wine/predictions?limit=4", []
    while url:
        page = client.get(url)
        found += [one["id"] for one in page.json["predictions"]]
        url = page.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert len(found) == 7
    assert set(found) == {*ids, bad["id"]}
    only = client.get("/models/wine/predictions?label=ruim&since=2026-01-01&version=1").json
    assert [one["id"] for one in only["predictions"]] == [bad["id"]]
    assert client.get("/models/wine/predictions?until=2026-01-01").json == {"predictions": []}


def test_predictions_are_returned_as_csv_with_a_column_for_each_field(settings: Settings):
    client = create_app(settings).test_client()
    answer = predict(client, wine())
    client.post("/feedback", **body({"id": answer["id"], "actual": "ruim"}))
    moved(settings).close()
    listed = client.get("/models/wine/predictions", headers={"Accept": "text/csv"})
    assert listed.mimetype == "text/csv"
    head, row = listed.data.decode("utf-8-sig").splitlines()
    columns = dict(zip(head.split(","), row.split(","), strict=True))
    assert columns.items() > {"id": answer["id"], "pH": "3.46", "color": "white"}.items()
    assert (columns["prediction"], columns["actual"]) == ("bom", "ruim")
    assert columns["P(bom)"] == str(answer["probabilities"]["bom"])


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "since=soon", "after=1", "colour=red"])
def test_an_invalid_query_is_refused(client: FlaskClient, query: str):
    answer = client.get(f"/models/wine/predictions?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json["detail"]


def test_a_list_before_anything_is_collected_is_not_available(settings: Settings):
    client = create_app(settings).test_client()
    predict(client, wine())
    answer = client.get("/models/wine/predictions")
    assert (answer.status_code, "nothing is recorded" in answer.json["detail"]) == (503, True)
    assert int(answer.headers["Retry-After"]) > 0


def test_an_unknown_prediction_is_not_found(settings: Settings):
    client = create_app(settings).test_client()
    moved(settings).close()
    answer = client.get(f"/predictions/{KNOWN}")
    assert answer.status_code == 404
    assert KNOWN in answer.json["detail"]


def test_feedback_that_fits_no_prediction_is_counted_and_listed(settings: Settings):
    client = create_app(settings).test_client()
    late = KNOWN.replace("wine.1.19", "wine.1.18")
    long_ago = clock.now() - LATEST_ARRIVAL - 1
    with closing(moved(settings)) as store:
        store.add([FeedbackEntry(long_ago, "mine", [KNOWN, late], ["bom", "ruim"])], {})
    result = client.get("/feedback/unmatched?limit=1").json
    assert result["count"] == 2
    assert [(each["id"], each["actual"]) for each in result["feedback"]] == [(late, "ruim")]


def test_a_text_that_no_database_stores_is_not_an_id(client: FlaskClient):
    assert client.get("/predictions/wine%00").status_code == 404
