"""The HTTP contract: whatever is wrong is answered with a problem that says what to do."""

import json
from typing import Any

import pytest
from conftest import body, wine
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.models.engine import Engine


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
    "no such path": ("GET", "/nothing", {}, 404, "/nothing does not exist; GET /models"),
    "no such model": ("POST", "/models/vine/predict", body(wine()), 404, "try 'wine'"),
    "no such card": ("GET", "/models/vine", {}, 404, "no model 'vine' is served"),
    "no such example": ("GET", "/models/vine/example", {}, 404, "no model 'vine' is served"),
    "path for a name": ("GET", "/models/..%2f..%2fetc", {}, 404, "does not exist"),
    "wrong method": (
        "PUT",
        "/predict",
        {},
        405,
        "/predict allows GET, HEAD, OPTIONS, POST, not PUT",
    ),
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
        "Content-Type 'text/xml' is not supported; send application/json",
    ),
    "empty array": ("POST", "/predict", body([]), 422, "1 fault in the input"),
    "10,001 records": ("POST", "/predict", body([wine()] * 10_001), 413, "send at most 10000"),
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
            "message": 'is missing; did you send it as "sulfates"?',
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
    allowed = client.put("/predict").headers["Allow"].split(", ")
    assert set(allowed) == {"GET", "HEAD", "OPTIONS", "POST"}


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


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(changes=st.dictionaries(st.sampled_from([*wine(), "extra"]), anything, max_size=3))
def test_no_record_makes_the_service_fail(client: FlaskClient, changes: dict[str, Any]):
    answer = client.post("/predict", **body(wine() | changes))
    if answer.status_code == 200:
        assert answer.json["prediction"] in {"bom", "ruim"}
    else:
        problem(answer, answer.status_code)
        assert answer.status_code in {400, 422}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(sent=st.binary(max_size=300))
def test_no_body_makes_the_service_fail(client: FlaskClient, sent: bytes):
    assert client.post("/predict", data=sent).status_code in {400, 422}
