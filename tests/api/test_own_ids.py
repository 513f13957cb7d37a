"""A caller's own id: recorded with each prediction of a request, and named by feedback."""

import json
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from conftest import BAD, GOOD, body, moved, wine
from flask.testing import FlaskClient
from keyed import bearing, entry, written
from plain_way import PlainFirst
from recorded import holding
from streams import AS_CSV, AS_LINES, lines, table
from tensors import binary, columns, numbers

from app import create_app
from serving.recording.collector import Collector
from serving.recording.store import Store
from serving.settings import Settings

OWN = "order-17"
HEADERS = {"X-Own-ID": OWN}
EVENT = {"specversion": "1.0", "id": OWN, "type": "test", "source": "shop"}
BINARY, LENGTH = binary(*numbers(GOOD), id=OWN)


def own_ids(settings: Settings) -> list[str | None]:
    """The own ids of all predictions of wines, in their order."""
    with closing(moved(settings)) as store:
        made = store.predictions("wine", limit=9_999)
    return [each.own_id for each in reversed(made)]


@pytest.mark.parametrize("own_id", [OWN, "a@b.example|~+=:", ".", "x" * 128])
def test_a_prediction_has_the_own_id_of_its_request(
    own_client: FlaskClient, settings: Settings, own_id: str
):
    made = own_client.post(
        "/predict", **body(GOOD), headers={"X-Own-ID": own_id, "X-Subject": "ana"}
    )
    other = own_client.post("/predict", **body(GOOD)).json["id"]
    path = f"/predictions/{made.json['id']}"
    waiting = own_client.get(path).json
    assert (waiting["own_id"], waiting["request_id"]) == (own_id, made.headers["X-Request-ID"])
    moved(settings).close()
    assert own_client.get(path).json == waiting
    assert "own_id" not in own_client.get(f"/predictions/{other}").json
    (exported,) = own_client.get("/subjects/ana").json["predictions"]
    assert exported["own_id"] == own_id


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/predict", body([GOOD, BAD, GOOD])),
        ("/models/wine/predict", body([GOOD, BAD, GOOD]) | {"headers": {"Accept": "text/csv"}}),
        ("/predict?faults=inline", body([GOOD, BAD, GOOD])),
        ("/predict", {"data": table(GOOD, BAD, GOOD), **AS_CSV}),
        ("/predict", {"data": lines(GOOD, BAD, GOOD), **AS_LINES}),
        ("/v1/models/wine:predict", body({"instances": [GOOD, BAD, GOOD]})),
        ("/invocations?faults=inline", {"data": lines(GOOD, BAD, GOOD), **AS_LINES}),
    ],
)
def test_of_several_records_each_has_its_position(
    own_client: FlaskClient, settings: Settings, path: str, sent: dict[str, Any]
):
    headers = sent.get("headers", {}) | HEADERS
    assert own_client.post(path, **sent | {"headers": headers}).status_code == 200
    assert own_ids(settings) == [f"{OWN}/0", f"{OWN}/1", f"{OWN}/2"]


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/predict", body([GOOD])),
        ("/predict?faults=inline", body([GOOD])),
        ("/predict", {"data": table(GOOD), **AS_CSV}),
        ("/invocations?faults=inline", {"data": lines(GOOD), **AS_LINES}),
    ],
)
def test_a_single_record_has_the_own_id_itself_in_every_format(
    own_client: FlaskClient, settings: Settings, path: str, sent: dict[str, Any]
):
    assert own_client.post(path, **sent, headers=HEADERS).status_code == 200
    assert own_ids(settings) == [OWN]


@pytest.mark.parametrize("path", ["/predict", "/invocations"])
@pytest.mark.parametrize("form", [AS_CSV, AS_LINES])
def test_positions_go_on_from_batch_to_batch_and_count_records_with_faults(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, path: str, form: dict[str, str]
):
    for module in ("delimited", "json_lines"):
        monkeypatch.setattr(f"serving.formats.{module}.MAX_RECORDS", 2)
    client = create_app(settings).test_client()
    records = [GOOD, wine(alcohol="strong"), GOOD, GOOD, wine(alcohol="strong"), GOOD]
    sent = table(*records) if form == AS_CSV else lines(*records)
    answered = client.post(f"{path}?faults=inline", data=sent, **form, headers=HEADERS)
    assert len(answered.data.splitlines()) >= 1  # all of it is read
    assert sorted(map(str, own_ids(settings))) == [f"{OWN}/{place}" for place in (0, 2, 3, 5)]


@pytest.mark.parametrize("own_id", ["", "a b", "a,b", "a/b", "order-17/0", "x" * 129, "é"])
@pytest.mark.parametrize("path", ["/predict", "/v1/models/wine:predict"])
def test_an_invalid_own_id_is_an_error(client: FlaskClient, path: str, own_id: str):
    sent = body(GOOD if path == "/predict" else {"instances": [GOOD]})
    refused = client.post(path, **sent, headers={"X-Own-ID": own_id})
    assert refused.status_code == 400
    assert "X-Own-ID is" in refused.json["detail"]


def test_an_own_id_does_not_make_a_request_slower_than_others(settings: Settings):
    app = create_app(settings)
    app.wsgi_app = plain = PlainFirst(app)
    for own_id, answered in ((OWN, 1), ("a b", 1), (OWN, 2)):
        app.test_client().post("/predict", **body(GOOD), headers={"X-Own-ID": own_id})
        assert plain.answered == answered


SENT: dict[str, tuple[str, dict[str, Any]]] = {
    "our header": ("/predict", body(GOOD) | {"headers": HEADERS}),
    "V2": ("/v2/models/wine/infer", body({"id": OWN, "inputs": columns(GOOD)})),
    "V2, binary": (
        "/v2/models/wine/infer",
        {"data": BINARY, "headers": LENGTH, "content_type": "application/octet-stream"},
    ),
    "a binary CloudEvent": (
        "/v1/models/wine:predict",
        body({"instances": [GOOD]})
        | {"headers": {f"Ce-{name}": each for name, each in EVENT.items()}},
    ),
    "a structured CloudEvent": (
        "/v1/models/wine:predict",
        {
            "data": json.dumps(EVENT | {"data": {"instances": [GOOD]}}),
            "content_type": "application/cloudevents+json",
        },
    ),
    "SageMaker": (
        "/endpoints/wine/invocations",
        body({"instances": [GOOD]}) | {"headers": {"X-Amzn-SageMaker-Inference-Id": OWN}},
    ),
    "MLflow": ("/invocations", body({"dataframe_records": [GOOD]}) | {"headers": HEADERS}),
    "Vertex AI": (
        "/v1/projects/p/locations/l/endpoints/wine:predict",
        body({"instances": [GOOD]}) | {"headers": HEADERS},
    ),
}


@pytest.mark.parametrize("protocol", SENT)
def test_feedback_by_own_id_counts_in_every_protocol(
    own_client: FlaskClient, settings: Settings, protocol: str
):
    path, sent = SENT[protocol]
    moved(settings).close()  # there is a store
    assert own_client.post(path, **sent).status_code == 200
    given = own_client.post("/feedback", **body({"own_id": OWN, "actual": "ruim"}))
    assert (given.status_code, given.json) == (200, {"recorded": 1, "unmatched": []})
    with closing(moved(settings)) as store:
        assert [bytes(each.actual) for each in store.labelled("wine")] == [b'"ruim"']
    (found,) = own_client.get(f"/models/wine/predictions?own_id={OWN}").json["predictions"]
    assert (found["own_id"], found["actual"]) == (OWN, "ruim")


@pytest.mark.parametrize("foreign", ["not one of ours ✓", "order/17", "x" * 129])
def test_a_protocols_id_that_is_no_own_id_is_returned_and_not_recorded(
    own_client: FlaskClient, settings: Settings, foreign: str
):
    answered = own_client.post(
        "/v2/models/wine/infer", **body({"id": foreign, "inputs": columns(GOOD)})
    )
    assert (answered.status_code, answered.json["id"]) == (200, foreign)
    assert own_ids(settings) == [None]


def test_our_header_comes_before_the_id_of_a_protocol(own_client: FlaskClient, settings: Settings):
    sent = body({"id": "other", "inputs": columns(GOOD)})
    answered = own_client.post("/v2/models/wine/infer", **sent, headers=HEADERS)
    assert answered.json["id"] == "other"
    assert own_ids(settings) == [OWN]


@pytest.mark.parametrize("own_id", ["a%00", "a%20b", "", "/0"])
def test_a_list_by_an_invalid_own_id_is_refused(client: FlaskClient, own_id: str):
    answered = client.get(f"/models/wine/predictions?own_id={own_id}")
    assert (answered.status_code, "own_id" in answered.json["detail"]) == (400, True)


def test_an_own_id_is_erased_with_its_prediction(settings: Settings):
    settings = replace(settings, api_keys=written(ana=entry("ana", "admin")))
    client = create_app(settings).test_client()
    sent = body([GOOD, BAD]) | {"headers": HEADERS | bearing("ana")}
    made = [each["id"] for each in client.post("/predict", **sent).json["predictions"]]
    with closing(moved(settings)):
        assert holding(settings.var_dir, OWN)
    client.post("/erasures", **body({"ids": made}), headers=bearing("ana"))
    with closing(Store(settings.store_url)) as store:
        Collector(settings.journal_dir, store).attempt()
    assert holding(settings.var_dir, OWN) == []
