"""The HTTP contract: answers, warnings, and problems instead of errors."""

import json
from typing import Any

import pytest
from conftest import ROOT, wine
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import create_app
from serving.engine import Engine
from serving.settings import Settings

PREDICT = ["/predict", "/models/wine/predict"]


def body(value: Any) -> dict[str, Any]:
    """Arguments of a request with a value as JSON."""
    return {"data": json.dumps(value), "content_type": "application/json"}


@pytest.mark.parametrize("path", PREDICT)
@pytest.mark.parametrize("name", ["bom", "ruim"])
def test_the_good_and_the_bad_wine_are_told_apart(client: FlaskClient, path: str, name: str):
    answer = client.post(path, data=(ROOT / f"{name}.json").read_bytes())
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.json is not None
    assert answer.json["prediction"] == name
    assert answer.json["probabilities"][name] > 0.6
    assert (answer.json["model"], answer.json["version"]) == ("wine", 1)
    assert answer.json["warnings"] == []
    assert set(answer.json["probabilities"]) == {"bom", "ruim"}


def test_many_records_are_answered_in_order_with_ids_of_their_own(client: FlaskClient):
    good, bad = wine(), json.loads((ROOT / "ruim.json").read_text())
    answer = client.post("/predict", **body([bad, good, bad])).json
    assert [one["prediction"] for one in answer["predictions"]] == ["ruim", "bom", "ruim"]
    assert len({one["id"] for one in answer["predictions"]}) == 3
    assert (answer["model"], answer["version"]) == ("wine", 1)


def test_a_record_is_answered_alike_alone_and_among_others(client: FlaskClient):
    wines = [wine(alcohol=8 + step / 20, pH=3 + step / 200) for step in range(100)]
    together = client.post("/predict", **body(wines)).json["predictions"]
    alone = [client.post("/predict", **body(one)).json for one in wines]
    for name in ("prediction", "probabilities", "warnings"):
        assert [one[name] for one in together] == [one[name] for one in alone]


def test_an_array_of_one_is_answered_with_an_array(client: FlaskClient):
    assert len(client.post("/predict", **body([wine()])).json["predictions"]) == 1


def test_the_label_follows_the_threshold_of_the_model_card(client: FlaskClient):
    threshold = client.get("/models/wine").json["threshold"]
    assert threshold["value"] != 0.5
    assert "F1" in threshold["reason"]
    alcohols = [8 + step / 10 for step in range(60)]
    answer = client.post("/predict", **body([wine(alcohol=value) for value in alcohols])).json
    for one in answer["predictions"]:
        reached = one["probabilities"][threshold["label"]] >= threshold["value"]
        assert one["prediction"] == ("bom" if reached else "ruim")


def test_warnings_name_extra_fields_and_values_training_did_not_see(client: FlaskClient):
    answer = client.post("/predict", **body(wine(alcohol=15.2) | {"quality": 8})).json
    assert answer["warnings"] == [
        {
            "field": "alcohol",
            "message": "15.2 is above 14.9, the highest value seen in training",
        },
        {"field": "quality", "message": "is no field of this model and was not used"},
    ]


@pytest.mark.parametrize("path", ["/example", "/models/wine/example"])
def test_the_example_is_a_record_with_its_prediction(client: FlaskClient, path: str):
    example = client.get(path).json
    predicted = client.post("/predict", **body(example["input"])).json
    for answer in (example, predicted):
        del answer["id"]
    assert example == {"input": example["input"], **predicted}


def test_models_lists_what_is_served_and_where(client: FlaskClient):
    listed = client.get("/models").json
    assert listed["default"] == "wine"
    (summary,) = (model for model in listed["models"] if model["name"] == "wine")
    assert summary["version"] == 1
    assert client.post(summary["predict"], **body(wine())).status_code == 200
    card = client.get(summary["card"]).json
    assert [field["name"] for field in card["fields"]] == list(wine())
    assert card["metrics"]["roc_auc"]["mean"] > 0.853
    assert card["backend"] == "onnx"


def test_health(client: FlaskClient):
    assert client.get("/health/live").json == {"status": "live"}
    ready = client.get("/health/ready").json
    assert ready["status"] == "ready"
    assert ready["models"]["wine"] == 1


def problem(answer: Any, status: int) -> dict[str, Any]:
    """Check that an answer is a problem of this status and return it."""
    assert answer.status_code == status, answer.data
    assert answer.content_type == "application/problem+json"
    assert answer.headers["X-Request-ID"]
    said = answer.json
    assert said["status"] == status
    assert said["type"]
    assert said["title"]
    assert said["detail"]
    return said


FAILING: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "no such path": ("GET", "/nothing", {}, 404, "nothing is at /nothing; GET /models"),
    "no such model": ("POST", "/models/vine/predict", body(wine()), 404, "try 'wine'"),
    "no such card": ("GET", "/models/vine", {}, 404, "no model 'vine' is served"),
    "no such example": ("GET", "/models/vine/example", {}, 404, "no model 'vine' is served"),
    "path for a name": ("GET", "/models/..%2f..%2fetc", {}, 404, "nothing is at"),
    "wrong method": ("GET", "/predict", {}, 405, "/predict takes OPTIONS, POST, not GET"),
    "empty body": ("POST", "/predict", {}, 400, "the body is empty"),
    "not JSON": ("POST", "/predict", {"data": "alcohol=12"}, 400, "the body is not JSON"),
    "not UTF-8": ("POST", "/predict", {"data": b'{"\xff"}'}, 400, "the body is not UTF-8"),
    "NaN": ("POST", "/predict", {"data": b'{"alcohol": NaN}'}, 400, "NaN is not a JSON value"),
    "deep nesting": ("POST", "/predict", {"data": b"[" * 100_000}, 400, "nests too deeply"),
    "wrong content type": (
        "POST",
        "/predict",
        {"data": "<wine/>", "content_type": "text/xml"},
        415,
        "Content-Type 'text/xml' is not read here; send application/json",
    ),
    "empty array": ("POST", "/predict", body([]), 422, "1 fault in the input"),
    "10,001 records": ("POST", "/predict", body([wine()] * 10_001), 413, "the most is 10000"),
    "20 MB": ("POST", "/predict", {"data": b" " * 20_000_000}, 413, "larger than 16777216 bytes"),
    "a text": ("POST", "/predict", body("wine"), 422, "1 fault"),
    "null": ("POST", "/predict", body(None), 422, "1 fault"),
    "empty record": ("POST", "/predict", body({}), 422, "12 faults in the input"),
    "1e999": (
        "POST",
        "/predict",
        {"data": json.dumps(wine()).replace("12.8", "1e999")},
        422,
        "1 fault",
    ),
    "lone surrogate": ("POST", "/predict", {"data": rb'{"\ud800": "\ud800"}'}, 422, "12 faults"),
    "duplicated name": (
        "POST",
        "/predict",
        {"data": json.dumps(wine())[:-1] + ', "alcohol": 9}'},
        422,
        "1 fault",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_every_error_is_a_problem_that_says_what_to_do(client: FlaskClient, case: str):
    method, path, sent, status, detail = FAILING[case]
    assert detail in problem(client.open(path, method=method, **sent), status)["detail"]


def test_all_faults_of_a_record_are_named_with_field_and_value(client: FlaskClient):
    wrong = wine(alcohol="12,8", pH=-1, color=None, density=1e300)
    del wrong["sulphates"]
    assert problem(client.post("/predict", **body(wrong | {"sulfates": 1})), 422)["errors"] == [
        {
            "record": 0,
            "field": "density",
            "message": "1e+300 is above 1.5, the highest possible",
            "value": 1e300,
        },
        {"record": 0, "field": "pH", "message": "-1 is below 0, the lowest possible", "value": -1},
        {
            "record": 0,
            "field": "sulphates",
            "message": 'is missing; "sulfates" was sent: is that it?',
        },
        {
            "record": 0,
            "field": "alcohol",
            "message": '"12,8" is not a number; send 12.8 without quotes',
            "value": "12,8",
        },
        {
            "record": 0,
            "field": "color",
            "message": 'null is none of "red", "white"',
            "value": None,
        },
    ]


def test_a_refused_method_says_which_are_allowed(client: FlaskClient):
    assert set(client.get("/predict").headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


@pytest.mark.parametrize("label", ["application/json; charset=utf-8", "application/ld+json", None])
def test_json_is_read_under_each_of_its_labels(client: FlaskClient, label: str | None):
    answer = client.post("/predict", data=json.dumps(wine()), content_type=label)
    assert answer.status_code == 200


@pytest.mark.parametrize("ask", [{"path": "/health/live"}, {"path": "/predict", **body(wine())}])
def test_a_client_may_name_its_request_soundly(client: FlaskClient, ask: dict[str, Any]):
    method = "POST" if "data" in ask else "GET"
    named = client.open(**ask, method=method, headers={"X-Request-ID": "order-7/1"})
    assert named.status_code == 200
    assert named.headers["X-Request-ID"] == "order-7/1"
    unsound = client.open(**ask, method=method, headers={"X-Request-ID": 'x" onclick="'})
    assert len(unsound.headers["X-Request-ID"]) == 32


def test_a_failure_tells_the_client_its_request_id_and_the_log_the_rest(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("the secret reason")

    monkeypatch.setattr(Engine, "predict", fail)
    answer = client.post("/predict", headers={"X-Request-ID": "abc"}, **body(wine()))
    assert problem(answer, 500)["detail"].endswith("its log has the reason under request id abc")
    assert "secret" not in answer.text
    assert "the secret reason" in caplog.text
    assert [record.request_id for record in caplog.records if record.exc_info] == ["abc"]


def test_a_plain_request_does_not_come_to_flask_and_any_other_does():
    app = create_app(Settings())
    came: list[str] = []
    app.before_request(lambda: came.append("here"))
    client = app.test_client()
    assert client.post("/predict", **body(wine())).status_code == 200
    assert client.post("/models/wine/predict", **body([wine(), wine()])).status_code == 200
    assert not came
    assert client.post("/predict", **body(wine(alcohol=None))).status_code == 422
    assert client.post("/predict", data="{}", content_type="text/xml").status_code == 415
    assert client.get("/predict").status_code == 405
    assert len(came) == 3


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=st.dictionaries(st.sampled_from([*wine(), "extra"]), anything, max_size=3))
def test_no_record_makes_the_service_fail(client: FlaskClient, changes: dict[str, Any]):
    answer = client.post("/predict", **body(wine() | changes))
    if answer.status_code == 200:
        assert answer.json["prediction"] in {"bom", "ruim"}
    else:
        problem(answer, answer.status_code)
        assert answer.status_code in {400, 422}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(sent=st.binary(max_size=300))
def test_no_body_makes_the_service_fail(client: FlaskClient, sent: bytes):
    assert client.post("/predict", data=sent).status_code in {400, 422}
