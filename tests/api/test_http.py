"""What curl, browsers and other pages expect of HTTP: packing, indenting, methods, origins."""

import gzip
import json
import shlex
import subprocess
import zlib
from dataclasses import replace
from typing import Any

import pytest
from conftest import ROOT, body, wine
from flask.testing import FlaskClient
from servers import Server

from app import create_app
from serving.errors import SettingsError
from serving.settings import Settings

GZIP = {"Content-Encoding": "gzip"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def origin(settings: Settings, origins: str) -> FlaskClient:
    return create_app(Settings(var_dir=settings.var_dir, cors_origins=origins)).test_client()


PACK = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("encoding", PACK)
@pytest.mark.parametrize("path", ["/predict", "/feedback"])
def test_a_body_may_be_packed(client: FlaskClient, path: str, encoding: str):
    made = client.post("/predict", **body(wine())).json
    sent = wine() if path == "/predict" else {"id": made["id"], "actual": "bom"}
    packed = PACK[encoding](json.dumps(sent).encode())
    plain = client.post(path, json=sent)
    labels = {"Content-Encoding": encoding}
    answer = client.post(path, data=packed, content_type="application/json", headers=labels)
    assert answer.status_code == plain.status_code == 200
    assert answer.json.get("prediction") == plain.json.get("prediction")


@pytest.mark.parametrize(
    ("content", "encoding", "status", "detail"),
    [
        (gzip.compress(b" " * 20_000_000), "gzip", 413, "larger than 16777216 bytes"),
        (gzip.compress(json.dumps(wine()).encode())[:-9], "gzip", 400, "is incomplete"),
        (json.dumps(wine()).encode(), "gzip", 400, "the body is not gzip"),
        (zlib.compress(b" " * 20_000_000), "deflate", 413, "larger than 16777216 bytes"),
        (zlib.compress(json.dumps(wine()).encode())[:-9], "deflate", 400, "is incomplete"),
        (b"", "deflate", 400, "is incomplete"),
        (json.dumps(wine()).encode(), "deflate", 400, "the body is not deflate"),
        (b"", "br", 415, "send gzip, deflate or none"),
        (b"", "gzip, gzip", 415, "send gzip, deflate or none"),
    ],
)
def test_what_cannot_be_unpacked_is_refused(
    client: FlaskClient, content: bytes, encoding: str, status: int, detail: str
):
    ask = {"data": content, "headers": {"Content-Encoding": encoding}}
    answer = client.post("/predict", **ask)
    assert answer.status_code == status
    assert detail in answer.json["detail"]
    assert answer.headers.get("Accept-Encoding") == ("gzip, deflate" if status == 415 else None)
    if status != 413:
        assert client.post("/predict", content_type="text/csv", **ask).json == answer.json


@pytest.mark.parametrize("kind", ["application/json", "text/csv"])
def test_a_packed_body_is_limited_even_if_it_unpacks_to_nothing(settings: Settings, kind: str):
    small = replace(settings, max_body_bytes=1_000, max_stream_bytes=2_000)
    client = create_app(small).test_client()
    for bytes_sent, status in ((900, 400), (90_000, 413)):
        empty = gzip.compress(b"")
        content = empty * (bytes_sent // len(empty))
        answer = client.post("/predict", data=content, content_type=kind, headers=GZIP)
        assert answer.status_code == status


def test_a_stream_is_limited_by_its_unpacked_size(settings: Settings):
    bounded = Settings(var_dir=settings.var_dir, max_stream_bytes=3_000_000, max_body_bytes=1000)
    content = gzip.compress(b"alcohol\n" * 1_000_000)
    answer = (
        create_app(bounded)
        .test_client()
        .post("/predict", data=content, content_type="text/csv", headers=GZIP)
    )
    assert answer.status_code == 413
    assert answer.json is not None
    assert "larger than 3000000 bytes" in answer.json["detail"]


@pytest.mark.parametrize("accept", ["gzip", "deflate, gzip;q=1.0, *;q=0.5", "br, gzip"])
def test_a_large_response_is_packed_for_clients_that_accept_it(client: FlaskClient, accept: str):
    ask = {"headers": {"Accept-Encoding": accept}}
    answer = client.post("/predict", **body([wine()] * 50), **ask)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) == len(answer.data) < 2000
    assert len(json.loads(gzip.decompress(answer.data))["predictions"]) == 50
    assert "Content-Encoding" not in client.post("/predict", **body(wine()), **ask).headers


def test_a_response_is_deflated_for_clients_that_accept_nothing_better(client: FlaskClient):
    accept = {"headers": {"Accept-Encoding": "deflate"}}
    answer = client.post("/predict", **body([wine()] * 50), **accept)
    assert answer.headers["Content-Encoding"] == "deflate"
    assert len(json.loads(zlib.decompress(answer.data))["predictions"]) == 50


@pytest.mark.parametrize("accept", ["", "identity", "gzip;q=0", "br", "gzip;q=0.5, identity"])
def test_a_response_is_not_packed_for_other_clients(client: FlaskClient, accept: str):
    ask = {"headers": {"Accept-Encoding": accept}}
    answer = client.post("/predict", **body([wine()] * 50), **ask)
    assert "Content-Encoding" not in answer.headers
    assert len(answer.json["predictions"]) == 50


def test_a_stream_is_packed_too(client: FlaskClient):
    lines = "".join(json.dumps(wine()) + "\n" for _ in range(5000))
    answer = client.post(
        "/predict",
        data=gzip.compress(lines.encode()),
        content_type="application/jsonl",
        headers=GZIP | {"Accept-Encoding": "gzip"},
    )
    assert gzip.decompress(answer.data).count(b"\n") == 5000
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize(
    ("path", "ask"),
    [
        *((each, {"query_string": "pretty"}) for each in ("/models", "/nothing", "/health/ready")),
        *((each, {"headers": BROWSER}) for each in ("/example", "/health/live", "/health/ready")),
    ],
)
def test_json_is_indented_for_people(client: FlaskClient, ask: dict[str, Any], path: str):
    seen, plain = client.get(path, **ask), client.get(path)
    assert seen.json == plain.json
    assert (seen.status_code, seen.content_type) == (plain.status_code, plain.content_type)
    assert seen.text.startswith('{\n  "')
    assert "\n" not in plain.text
    assert client.post("/predict?pretty", **body(wine())).text.startswith('{\n  "id"')


@pytest.mark.parametrize("path", ["/models", "/predict", "/example", "/health/live", "/nothing"])
def test_head_has_the_headers_of_get(client: FlaskClient, path: str):
    got, head = client.get(path), client.head(path)
    assert head.data == b""
    for name in ("Content-Type", "Content-Length", "Vary"):
        assert head.headers[name] == got.headers[name]
    assert head.status_code == got.status_code


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/predict", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("/models/wine/predict", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("/models", {"GET", "HEAD", "OPTIONS"}),
        ("/feedback", {"OPTIONS", "POST"}),
    ],
)
def test_options_lists_the_allowed_methods(client: FlaskClient, path: str, methods: set[str]):
    answer = client.options(path)
    assert answer.status_code == 200
    assert set(answer.headers["Allow"].split(", ")) == methods


def test_get_on_predict_shows_commands_that_work(server: Server):
    def get(path: str) -> Any:
        command = ["curl", "-sSf", f"{server.url}{path}"]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    for path in ("/predict", "/models/diabetes/predict", "/models/wine/versions/1/predict"):
        usage = get(path)
        assert set(usage["example"]) == set(usage["fields"])
        for title in ("one record", "one record, explained"):
            command = [*shlex.split(usage["curl"][title]), "-sSf"]
            answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            assert (answer["model"], answer["version"]) == (usage["model"], usage["version"])
            assert ("explanation" in answer) == ("explained" in title)


def test_other_origins_get_no_cors_headers_unless_they_are_allowed(client: FlaskClient):
    answer = client.get("/models", headers={"Origin": "https://a.example"})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    ("origins", "origin_sent", "allowed"),
    [
        ("https://a.example, http://localhost:8080", "https://a.example", "https://a.example"),
        (
            "https://a.example,http://localhost:8080",
            "http://localhost:8080",
            "http://localhost:8080",
        ),
        ("https://a.example", "https://b.example", None),
        ("*", "https://b.example", "*"),
    ],
)
def test_allowed_origins_get_cors_headers(
    settings: Settings, origins: str, origin_sent: str, allowed: str | None
):
    client = origin(settings, origins)
    headers = {"Origin": origin_sent}
    asking = headers | {"Access-Control-Request-Method": "POST"}
    before = client.options("/predict", headers=asking)
    assert before.status_code == 200
    answers = [before, client.post("/predict", **body(wine()), headers=headers)]
    answers.append(client.get("/nothing", headers=headers))
    for answer in answers:
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert origins == "*" or "Origin" in answer.headers["Vary"]
    if allowed:
        assert "POST" in before.headers["Access-Control-Allow-Methods"]
        assert "Authorization" in before.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("wrong", ["a.example", "https://a.example/path", "ftp://x", "https://*.x"])
def test_an_invalid_origin_stops_the_start(settings: Settings, wrong: str):
    with pytest.raises(SettingsError, match="is not an origin such as"):
        origin(settings, wrong)


def test_a_small_body_that_unpacks_to_much_gets_a_response(server: Server):
    content = gzip.compress((ROOT / "bom.json").read_bytes() + b" " * 10_000_000)
    command = ["curl", "-sSf", "--data-binary", "@-", "-H", "Content-Encoding: gzip"]
    command += [f"{server.url}/predict"]
    run = subprocess.run(command, input=content, capture_output=True, check=True)
    assert json.loads(run.stdout)["prediction"] == "bom"
