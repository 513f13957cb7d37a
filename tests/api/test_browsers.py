"""What pages may have a browser send: nothing on their reader's behalf, and nothing by any name."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from conftest import ROOT, body, moved, wine
from flask.testing import FlaskClient
from plain_way import WAYS, ask
from servers import Server

from app import create_app
from serving.errors import SettingsError
from serving.settings import Settings

HERE, ELSEWHERE = "http://localhost:5000", "https://evil.example"
Open = Callable[..., FlaskClient]


@pytest.fixture(params=WAYS)
def opened(request: pytest.FixtureRequest, settings: Settings) -> Open:
    """Make a client of a service with some settings, which asks in one of the two ways."""

    def make(**more: Any) -> FlaskClient:
        app = create_app(Settings(var_dir=settings.var_dir, **more))
        return ask(app, request.param).test_client()

    return make


def post(client: FlaskClient, host: str = "localhost:5000", **headers: str) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.post("/predict", **body(wine()), headers=sent | {"Host": host})
    if answer.status_code == 403:
        assert answer.mimetype == "application/problem+json"
    return answer.status_code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec_Fetch_Site": "same-origin", "Origin": HERE}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Sec_Fetch_Site": "cross-site", "Origin": ELSEWHERE}, 403),
        ({"Sec_Fetch_Site": "same-site", "Origin": "http://localhost:3000"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "anything-new"}, 403),
        ({"Origin": HERE}, 200),  # of a browser that sends no more, or without TLS
        ({"Origin": "HTTP://LOCALHOST:5000"}, 200),
        ({"Origin": "http://localhost"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ELSEWHERE}, 403),
        ({"Origin": "http://["}, 403),
    ],
)
def test_only_the_services_own_pages_may_have_a_browser_send(
    opened: Open, headers: dict[str, str], status: int
):
    assert post(opened(), **headers) == status


@pytest.mark.parametrize(
    "origins", [ELSEWHERE, ELSEWHERE.upper(), f"https://a.example,{ELSEWHERE}", "*"]
)
def test_pages_of_an_allowed_origin_may_have_a_browser_send(opened: Open, origins: str):
    client = opened(cors_origins=origins)
    assert post(client, Sec_Fetch_Site="cross-site", Origin=ELSEWHERE) == 200
    other = post(client, Sec_Fetch_Site="cross-site", Origin="https://b.example")
    assert other == (200 if origins == "*" else 403)


def test_feedback_of_a_page_elsewhere_is_refused_with_the_setting_and_not_recorded(
    opened: Open, settings: Settings
):
    client = opened()
    id_ = client.post("/predict", **body(wine())).json["id"]
    sent = {
        "data": json.dumps({"id": id_, "actual": "ruim"}),
        "content_type": "text/plain",  # which a form may send without a preflight
        "headers": {"Origin": ELSEWHERE, "Sec-Fetch-Site": "cross-site"},
    }
    answer = client.post("/feedback", **sent)
    assert answer.status_code == 403
    assert "CORS_ORIGINS" in answer.json["detail"]
    assert "X-Request-ID" in answer.headers
    assert 'method="POST",status="403"' in client.get("/metrics").text
    _, feedback = moved(settings).prediction(id_)
    assert feedback == []


def test_links_and_preflights_from_elsewhere_are_answered(opened: Open):
    client, sent = opened(), {"Sec-Fetch-Site": "cross-site", "Accept": "text/html"}
    for path in ("/", "/docs", "/models/wine/card"):
        assert client.get(path, headers=sent).status_code == 200
        assert client.head(path, headers=sent).status_code == 200
    asking = {"Origin": ELSEWHERE, "Access-Control-Request-Method": "POST"}
    answer = client.options("/predict", headers=asking)
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:5000", "LOCALHOST:5000", "adega.localhost:80", "localhost."),
        *("127.0.0.1:5000", "192.168.1.20:5000", "[::1]:5000", "[fe80::1]"),
        *("ml.example.org", "ML.example.org:8443", "serving:5000"),
    ],
)
def test_a_browser_may_open_addresses_loopback_names_and_allowed_hosts(opened: Open, host: str):
    client = opened(allowed_hosts="ML.example.org, serving")
    own = {"Sec_Fetch_Site": "same-origin", "Origin": f"http://{host}"}
    assert post(client, host, **own) == 200
    assert client.get("/", headers={"Host": host, "Accept-Language": "pt"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example:5000", "localhost.evil.example", "127.0.0.1.evil.example", "serving", ""]
)
def test_a_browser_may_open_no_other_name_and_a_program_any(opened: Open, host: str):
    client = opened(allowed_hosts="ml.example.org")
    browser = (
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": f"http://{host}"},  # as without TLS
        {"Accept-Language": "en"},  # likewise, with a GET
    )
    for sent in browser:
        answer = client.get("/models/wine/predictions", headers=sent | {"Host": host})
        assert answer.status_code == 403
        assert "ALLOWED_HOSTS" in answer.json["detail"]
    assert post(client, host, Origin=f"http://{host}", Sec_Fetch_Site="same-origin") == 403
    assert post(client, host) == 200
    node = {"Sec-Fetch-Mode": "cors", "Accept-Language": "*"}  # as the fetch of Node.js sends
    for path in ("/health/live", "/models", "/metrics"):
        for program in ({}, node):
            assert client.get(path, headers=program | {"Host": host}).status_code == 200


@pytest.mark.parametrize("wrong", ["https://a.example", "a.example:80", "*.a.example", "a/b", "*"])
def test_an_allowed_host_that_is_no_name_stops_the_start(opened: Open, wrong: str):
    with pytest.raises(SettingsError, match=r"ALLOWED_HOSTS: '.*' is not the name of a host"):
        opened(allowed_hosts=f"ml.example.org,{wrong}")


def test_every_response_forbids_guessing_its_type_and_pages_other_frames(opened: Open):
    client = opened()
    answers = [client.get(path) for path in ("/models", "/nothing", "/static/0/icon.svg")]
    answers.append(client.post("/predict", **body(wine())))
    page = client.get("/", headers={"Accept": "text/html"})
    for answer in (*answers, page):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("scheme", "host", "kept"),
    [
        ("https", "ml.example.org", True),
        ("http", "ml.example.org", False),
        ("https", "localhost:8443", False),  # it would hold for all else on that machine
        ("https", "127.0.0.1", False),
    ],
)
def test_a_browser_keeps_to_tls_once_it_has_it(opened: Open, scheme: str, host: str, kept: bool):
    answer = opened().get("/", base_url=f"{scheme}://{host}")
    assert ("Strict-Transport-Security" in answer.headers) == kept


def test_curl_sends_as_ever(server: Server):
    command = ["curl", "-sSf", "-d", "@bom.json", "-H", "Host: serving:5000"]
    command += [f"{server.url}/predict"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert json.loads(done.stdout)["prediction"] == "bom"
