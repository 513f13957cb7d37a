"""Requests reach the service in every kind of event, and its responses come back as they are."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from conftest import BAD, GOOD
from functions import JSON, Function, running
from keyed import KEYS, bearing, key_of
from lambda_events import (
    CLIENT,
    KINDS,
    URL,
    Answer,
    balancer,
    function_url,
    http,
    rest,
)
from tensors import INFER, LENGTH, binary, numbers

from bench.runtime_api import FunctionError

ORIGIN = "https://shop.example.org"
BROWSER = {
    "accept": "text/html",
    "accept-language": "pt-BR",
    "sec-fetch-site": "none",
    "accept-encoding": "gzip",
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    """A function that records nothing, with a path of an older system."""
    variables = {
        "PREDICT_ROUTE": "/predictions",
        "MAX_BODY_BYTES": "2000000",
        "MAX_EXPLAINED": "10000",
        "CORS_ORIGINS": ORIGIN,
    }
    with running(tmp_path_factory.mktemp("function"), **variables) as started:
        yield started


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    """A function that needs keys."""
    folder = tmp_path_factory.mktemp("keyed")
    with running(folder, API_KEYS=KEYS, SESSION_SECRET="s" * 32) as started:
        yield started


@every_kind
def test_a_record_gets_its_prediction(function: Function, kind: Callable[..., Any]):
    for record, label in ((GOOD, "bom"), (BAD, "ruim")):
        answer = function.post("/predict", record, kind)
        assert (answer.status, answer.json["prediction"]) == (200, label)
        assert answer.headers["content-type"] == "application/json"


@every_kind
def test_the_log_has_the_client_that_no_header_can_make_up(
    function: Function, kind: Callable[..., Any]
):
    answer = function.get("/models", kind)
    (line,) = [
        each
        for each in function.lines()
        if each.get("request_id") == answer.headers["x-request-id"]
    ]
    assert (line["client"], line["method"], line["path"]) == (CLIENT, "GET", "/models")
    assert (line["status"], line["bytes"]) == (200, len(answer.body))


@every_kind
def test_tensors_come_and_go_as_bytes(function: Function, kind: Callable[..., Any]):
    asked = [{"name": "predict_proba", "parameters": {"binary_data": True}}]
    inputs, parts = numbers(GOOD, BAD)
    body, length = binary(inputs, parts, outputs=asked)
    sent = {"content-type": "application/octet-stream", **length}
    answer = function.send(kind("POST", INFER, body, sent))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/octet-stream")
    head = int(answer.headers[LENGTH.lower()])
    (output,) = json.loads(answer.body[:head])["outputs"]
    assert output["shape"] == [2, 2]
    assert len(answer.body) == head + 2 * 2 * 8


@every_kind
def test_bodies_are_compressed_both_ways(function: Function, kind: Callable[..., Any]):
    packed = gzip.compress(json.dumps([GOOD, BAD] * 20).encode())
    headers = JSON | {"content-encoding": "gzip", "accept-encoding": "gzip"}
    answer = function.send(kind("POST", "/predict", packed, headers))
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
    made = json.loads(gzip.decompress(answer.body))["predictions"]
    assert [each["prediction"] for each in made] == ["bom", "ruim"] * 20


@every_kind
def test_tables_and_queries_arrive(function: Function, kind: Callable[..., Any]):
    table = "\n".join(
        [",".join(GOOD), *(",".join(map(str, each.values())) for each in (GOOD, BAD))]
    )
    query = "explain=2&language=pt"
    answer = function.send(kind("POST", "/predict", table, {"content-type": "text/csv"}))
    assert answer.body.decode().count("bom") >= 1
    assert answer.headers["content-type"].startswith("text/csv")
    explained = function.send(kind("POST", "/predict", json.dumps(GOOD), JSON, query=query)).json
    assert len(explained["explanation"]["contributions"]) == 2


@every_kind
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (("POST", "/predict", "{"), 400),
        (("POST", "/predict", '{"alcohol": "x"}'), 422),
        (("GET", "/models/vinho", None), 404),
        (("GET", "/nowhere", None), 404),
        (("DELETE", "/predict", None), 405),
        (("POST", "/predict", "[" + " " * 2_000_000 + "]"), 413),
    ],
)
def test_errors_are_problems(
    function: Function, kind: Callable[..., Any], request_: tuple[Any, ...], status: int
):
    answer = function.send(kind(*request_, JSON))
    assert (answer.status, answer.json["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"


@every_kind
def test_a_page_of_another_origin_may_ask_first(function: Function, kind: Callable[..., Any]):
    asking = {"origin": ORIGIN, "access-control-request-method": "POST"}
    answer = function.send(kind("OPTIONS", "/predict", None, asking))
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in answer.headers["access-control-allow-methods"]
    other = asking | {"origin": "https://evil.example.org"}
    assert (
        "access-control-allow-origin"
        not in function.send(kind("OPTIONS", "/predict", None, other)).headers
    )


@every_kind
def test_pages_open_in_a_browser(function: Function, kind: Callable[..., Any]):
    page = function.send(kind("GET", "/", None, BROWSER))
    assert (page.status, page.headers["content-encoding"]) == (200, "gzip")
    text = gzip.decompress(page.body).decode()
    assert 'lang="pt' in text
    prefix = "/dev" if kind is rest else ""
    files = re.findall('(?:src|<link rel="stylesheet" href)="(.*?)"', text)
    assert {each.rsplit(".")[-1] for each in files} >= {"js", "css"}
    for each in files:
        assert each.startswith(f"{prefix}/static/")
        assert function.get(each.removeprefix(prefix), kind).status == 200


def test_a_balancer_has_names_that_have_to_be_allowed(function: Function):
    answer = function.send(balancer("GET", "/", None, BROWSER, host="evil.example.org"))
    assert answer.status == 403
    assert function.send(function_url("GET", "/", None, BROWSER)).status == 200


OWN = "api.example.org"
PATHS = {
    "a REST API by its own name": (rest, {}, "/dev", "abc123"),
    "with a route for each path": (rest, {"proxied": False}, "/dev", "abc123"),
    "by a domain of one's own": (rest, {"host": OWN, "base": ""}, "", OWN),
    "by a path of that domain": (rest, {"host": OWN, "base": "/ml"}, "/ml", OWN),
    "by a path and the stage": (rest, {"host": OWN, "base": "/ml/dev"}, "/ml/dev", OWN),
    "an HTTP API": (http, {}, "", "abc123"),
    "with a stage": (http, {"stage": "dev"}, "/dev", "abc123"),
    "with a stage and a domain of one's own": (http, {"stage": "dev", "host": OWN}, "", OWN),
    "a function URL": (function_url, {}, "", URL),
    "a balancer": (balancer, {"host": OWN}, "", OWN),
}


@pytest.mark.parametrize(("kind", "more", "prefix", "host"), PATHS.values(), ids=PATHS)
def test_links_begin_with_the_prefix_that_a_client_has(
    function: Function, kind: Callable[..., Any], more: Any, prefix: str, host: str
):
    described = function.send(kind("GET", "/openapi.json", **more))
    assert described.status == 200
    (server,) = described.json["servers"]
    scheme, _, rest_ = server["url"].partition("://")
    assert scheme == "https"
    assert rest_.startswith(host)
    assert "/" + rest_.partition("/")[2] == (prefix or "/")
    predicted = function.send(kind("POST", "/models/wine/predict", json.dumps(GOOD), JSON, **more))
    assert predicted.json["prediction"] == "bom"


@pytest.mark.parametrize(("stage", "prefix"), [("dev", "/dev/ml"), ("$default", "/ml")])
def test_what_a_route_has_before_its_proxy_is_of_the_prefix(
    function: Function, stage: str, prefix: str
):
    event = http("GET", "/ml/openapi.json", stage=stage)
    event |= {"routeKey": "ANY /ml/{proxy+}", "pathParameters": {"proxy": "openapi.json"}}
    (server,) = function.send(event).json["servers"]
    assert server["url"].endswith(prefix)


def test_a_path_that_contains_its_stage_is_found_without_a_route(function: Function):
    event = rest("POST", "/predictions", json.dumps(GOOD), JSON)
    event |= {"resource": "", "pathParameters": None, "path": "/dev/predictions"}
    assert function.send(event).json["prediction"] == "bom"
    del event["requestContext"]["path"]
    assert function.send(event).json["prediction"] == "bom"


@every_kind
@pytest.mark.parametrize("name", ["vinho-ção", "vinho-%C3%A7%C3%A3o", "日本", "%E6%97%A5%E6%9C%AC"])
def test_a_path_may_have_any_letters(function: Function, kind: Callable[..., Any], name: str):
    answer = function.send(kind("GET", f"/models/{name}"))
    assert answer.status == 404
    assert repr(unquote(name)) in answer.json["detail"]


def test_a_prefix_is_nothing_but_a_path(function: Function):
    event = rest("GET", "/openapi.json")
    event["requestContext"]["path"] = '/"><script>/openapi.json'
    described = function.send(event)
    assert described.status == 200
    assert b"script>" not in described.body.split(b"servers")[1][:200]


@pytest.mark.parametrize(
    "event",
    [
        {"source": "aws.events", "detail-type": "Scheduled Event"},
        {"Records": [{"eventSource": "aws:s3"}]},
        {},
        [],
        "text",
        None,
    ],
)
def test_an_event_that_is_no_request_is_an_error_of_its_own_invocation(
    function: Function, event: Any
):
    with pytest.raises(FunctionError, match="no event of API Gateway, a function URL") as raised:
        function.api.invoke(event)
    assert raised.value.kind == "ValueError" or raised.value.reported["errorType"] == "ValueError"
    assert function.post("/predict", GOOD).status == 200


def test_a_response_that_is_too_large_is_refused_with_the_remedy(function: Function):
    many = json.dumps([GOOD] * 6_000)
    refused = function.send(rest("POST", "/predict", many, JSON, query="explain=12"))
    assert (refused.status, refused.json["status"]) == (413, 413)
    assert "no response of more than 6 MB" in refused.json["detail"]
    packed = JSON | {"accept-encoding": "gzip"}
    sent = function.send(rest("POST", "/predict", many, packed, query="explain=12"))
    assert len(json.loads(gzip.decompress(sent.body))["predictions"]) == 6_000


def test_invocations_that_come_at_once_are_answered_one_by_one(function: Function):
    def ask(number: int) -> tuple[int, Answer]:
        headers = JSON | {"x-request-id": f"r-{number}"}
        record = GOOD if number % 2 else BAD
        return number, function.send(rest("POST", "/predict", json.dumps(record), headers))

    with ThreadPoolExecutor(16) as pool:
        for number, answer in pool.map(ask, range(64)):
            assert answer.headers["x-request-id"] == f"r-{number}"
            assert answer.json["prediction"] == ("bom" if number % 2 else "ruim")


@every_kind
def test_keys_allow_what_their_scopes_do(keyed: Function, kind: Callable[..., Any]):
    assert keyed.post("/predict", GOOD, kind).status == 401
    assert keyed.post("/predict", GOOD, kind, **bearing("predict")).status == 200
    assert keyed.post("/predict", GOOD, kind, **{"X-API-Key": key_of("read")}).status == 403
    assert keyed.post("/predict", GOOD, kind, **bearing("shop")).status == 403
    assert keyed.get("/health/live", kind).status == 200


@pytest.mark.parametrize("kind", [each for each in KINDS.values() if each is not balancer])
def test_a_browser_signs_in_for_all_environments(
    keyed: Function, kind: Callable[..., Any], tmp_path: Path
):
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    body = f"key={key_of('predict')}&then=%2Fmodels"
    entered = keyed.send(kind("POST", "/login", body, form))
    assert entered.status == 303
    (cookie,) = entered.cookies
    prefix = "/dev" if kind is rest else "/"
    for part in (f"Path={prefix}", "Secure", "HttpOnly"):
        assert part in cookie
    token = cookie.partition(";")[0]
    page = {**BROWSER, "accept-encoding": "identity"}
    with running(tmp_path, API_KEYS=KEYS, SESSION_SECRET="s" * 32) as other:
        for each in (keyed, other):
            assert each.send(kind("GET", "/", None, page)).status == 401
            signed_in = page | {"cookie": f"theme=dark; {token}"}
            assert each.send(kind("GET", "/", None, signed_in)).status == 200


def test_a_function_without_keys_warns_of_what_is_open(function: Function, keyed: Function):
    def warned(of: Function) -> bool:
        return any("no keys are set" in each["message"] for each in of.lines())

    assert warned(function)
    assert not warned(keyed)
