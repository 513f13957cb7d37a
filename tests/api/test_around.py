"""What surrounds every request works in one order: two layers that change places fail a test."""

import gzip
import re
from typing import Any

import pytest
from conftest import ROOT, body, wine
from flask.testing import FlaskClient
from plain_way import WAYS, ask

from app import create_app
from serving.settings import Settings

PAGE = "https://page.example"


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    own = Settings(var_dir=settings.var_dir, cors_origins=PAGE)
    return create_app(own).test_client()


def test_an_error_before_the_view_has_all_that_a_response_has(client: FlaskClient):
    headers = {"Content-Encoding": "br", "X-Request-ID": "mine", "Origin": PAGE}
    answer = client.post("/predict", data=b"x", headers=headers)
    assert (answer.status_code, answer.mimetype) == (415, "application/problem+json")
    assert answer.headers["X-Request-ID"] == "mine"
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert 'method="POST",status="415"' in client.get("/metrics").text


def test_a_packed_body_that_ends_too_early_is_measured_before_it_is_unpacked(client: FlaskClient):
    packed = gzip.compress((ROOT / "bom.json").read_bytes())
    answer = client.post(
        "/predict",
        data=packed[:-20],
        environ_overrides={"CONTENT_LENGTH": str(len(packed))},
        headers={"Content-Encoding": "gzip"},
    )
    assert answer.status_code == 400
    assert f"ends after {len(packed) - 20} of the {len(packed)} bytes" in answer.json["detail"]


def test_an_indented_response_is_packed(client: FlaskClient):
    answer = client.get("/models/wine?pretty", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data).startswith(b'{\n  "name": "wine"')


@pytest.mark.parametrize("records", [wine(), [wine()] * 50, [wine()] * 1_000])
def test_a_plain_request_gets_the_same_headers_as_through_flask(settings: Settings, records: Any):
    sent = []
    for way in WAYS:
        app = ask(create_app(settings), way)
        asked = {"Accept-Encoding": "gzip", "X-Request-ID": "mine"}
        answer = app.test_client().post("/predict", **body(records), headers=asked)
        sent.append({name: value for name, value in answer.headers if name != "Content-Length"})
        assert getattr(app.wsgi_app, "answered", 1) == 1
    assert sent[0] == sent[1]


def test_a_batch_gets_the_same_bytes_as_through_flask_but_for_its_ids(settings: Settings):
    records = [wine(alcohol=8 + place / 200) for place in range(1_000)]
    sent = []
    for way in WAYS:
        answer = ask(create_app(settings), way).test_client().post("/predict", **body(records))
        sent.append(re.sub(rb'"id":"[^"]+"', b"", answer.data))
    assert sent[0].count(b'"prediction":') == 1_000
    assert sent[0] == sent[1]
