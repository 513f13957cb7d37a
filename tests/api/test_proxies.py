"""Behind a proxy: who the client is, and that every link is right under a prefix."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, body, moved, wine
from crawl import Got, crawl
from flask.testing import FlaskClient
from keyed import KEYS, key_of
from plain_way import WAYS, ask
from servers import gunicorn, running, wait_until

from app import create_app
from serving.access.proxies import Proxies
from serving.errors import SettingsError
from serving.settings import Settings

PROXY = "10.0.0.7"
UNDER_ML = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "ml.example.org",
    "X-Forwarded-Prefix": "/ml",
}
BROWSER = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ("", "127.0.0.1", "203.0.113.9", "127.0.0.1"),
        ("10.0.0.7", "10.0.0.8", "203.0.113.9", "10.0.0.8"),
        ("10.0.0.7", "10.0.0.7", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.0/8", "10.1.2.3", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.7", "10.0.0.7", "", "10.0.0.7"),
        # What a client itself sent is before what the proxies added.
        ("10.0.0.7", "10.0.0.7", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.7", "6.6.6.6, 203.0.113.9,10.0.0.8", "203.0.113.9"),
        ("10.0.0.7", "10.0.0.7", "203.0.113.9, 10.0.0.8", "10.0.0.8"),
        ("10.0.0.0/8", "10.0.0.7", "10.0.0.9, 10.0.0.8", "10.0.0.9"),
        ("10.0.0.7", "10.0.0.7", "203.0.113.9:5123", "203.0.113.9"),
        ("10.0.0.7", "10.0.0.7", "[2001:db8::1]:5123", "2001:db8::1"),
        ("::1, 2001:db8::/32", "2001:db8::7", "2001:db9::1", "2001:db9::1"),
        ("10.0.0.7", "::ffff:10.0.0.7", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.7", "10.0.0.7", "203.0.113.9, unknown", "10.0.0.7"),
        ("10.0.0.7", "10.0.0.7", '"><script>', "10.0.0.7"),
        ("unix", "", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.7", "", "203.0.113.9", ""),
        ("unix", "127.0.0.1", "203.0.113.9", "127.0.0.1"),
    ],
)
def test_the_client_is_the_last_that_no_trusted_proxy_vouches_for(
    trusted: str, peer: str, forwarded: str, client: str
):
    assert Proxies(Settings(trusted_proxies=trusted)).client(peer, forwarded) == client


@pytest.mark.parametrize("wrong", ["caddy", "10.0.0.1/8", "10.0.0.0/33", "*", "localhost"])
def test_a_proxy_that_is_no_address_stops_the_start(wrong: str):
    with pytest.raises(SettingsError, match=r"TRUSTED_PROXIES: '.*' is not an address"):
        Proxies(Settings(trusted_proxies=f"127.0.0.1, {wrong}"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    var = tmp_path_factory.mktemp("var")
    own = Settings(var_dir=var, trusted_proxies=PROXY, allowed_hosts="ml.example.org")
    moved(own).close()
    return own


@pytest.fixture(scope="module", params=WAYS)
def client(request: pytest.FixtureRequest, settings: Settings) -> FlaskClient:
    return ask(create_app(settings), request.param).test_client()


Get = Callable[..., Any]


@pytest.fixture
def get(client: FlaskClient) -> Get:
    """Send a GET as the proxy does, unless another peer is given."""

    def got(path: str, peer: str = PROXY, **headers: str) -> Any:
        sent = UNDER_ML | {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get(path, headers=sent, environ_overrides={"REMOTE_ADDR": peer})

    return got


def test_every_link_under_a_prefix_is_right(client: FlaskClient, settings: Settings, get: Get):
    for record in ("bom", "ruim"):
        sent = (ROOT / f"{record}.json").read_text()
        assert client.post("/predict", data=sent, headers=UNDER_ML).status_code == 200
    moved(settings)

    def through(path: str) -> Got:
        assert path == "/ml" or path.startswith("/ml/"), path
        answer = get(path.removeprefix("/ml"), **BROWSER)
        headers = {name.lower(): value for name, value in answer.headers}
        return Got(answer.status_code, headers, answer.get_data(as_text=True))

    opened = crawl(through, "/ml/")
    opened |= crawl(through, "/ml/monitor/wine/predictions?limit=1&label=")
    opened |= crawl(through, "/ml/models/wine/predictions?limit=1")
    for path in ("/docs", "/openapi.json", "/monitor", "/models/wine/card", "/models/wine"):
        assert f"/ml{path}" in opened
    for kind in (
        "/static/",
        "/predictions/",
        "after=",
        "/monitor/diabetes",
        "/models/wine/predict",
    ):
        assert any(kind in path for path in opened), kind


def test_urls_with_a_host_are_those_of_the_proxy(get: Get):
    root = "https://ml.example.org/ml"
    assert get("/openapi.json").json["servers"] == [{"url": root}]
    assert f" {root}/predict" in get("/predict").json["curl"]["one record"]
    assert f"curl {root}/example" in get("/", **BROWSER).text
    assert get("/nothing").json["detail"].startswith("/ml/nothing does not exist; GET /ml/models")
    index = get("/").json["links"]
    assert "/ml/models" in index
    for path in index:
        refused = path == "/ml/trainings"  # without keys, what comes by a proxy may not train
        assert get(path.removeprefix("/ml")).status_code == (403 if refused else 200)
    assert "Strict-Transport-Security" in get("/").headers


@pytest.mark.parametrize("peer", ["10.0.0.8", "127.0.0.1"])
def test_nobody_else_is_believed(get: Get, peer: str):
    assert get("/openapi.json", peer).json["servers"] == [{"url": "http://localhost"}]
    assert get("/models", peer).json["models"][0]["card"].startswith("/models/")
    assert "Strict-Transport-Security" not in get("/", peer).headers


@pytest.mark.parametrize(
    "prefix",
    ["//evil.example", "/ml//x", "ml", "https://evil.example", '/"><script>', "/a, /b", "/"],
)
def test_a_prefix_that_is_no_path_is_ignored(get: Get, prefix: str):
    answer = get("/models", X_Forwarded_Prefix=prefix, X_Forwarded_Proto="javascript")
    assert answer.json["models"][0]["card"].startswith("/models/")
    servers = get("/openapi.json", X_Forwarded_Prefix=prefix, X_Forwarded_Proto="javascript")
    assert servers.json["servers"] == [{"url": "http://ml.example.org"}]


def test_the_end_of_a_prefix_makes_no_difference(get: Get):
    assert (
        get("/models", X_Forwarded_Prefix="/a/b/").json
        == get("/models", X_Forwarded_Prefix="/a/b").json
    )


def test_a_page_behind_the_proxy_is_known_by_the_hosts_name(client: FlaskClient):
    page = {"Origin": "https://ml.example.org", "Host": "127.0.0.1:5000"}
    for sent, peer, status in (
        (UNDER_ML, PROXY, 200),
        (UNDER_ML | {"X-Forwarded-Host": "evil.example"}, PROXY, 403),
        (UNDER_ML, "10.0.0.8", 403),
    ):
        answer = client.post(
            "/predict",
            **body(wine()),
            headers=page | sent,
            environ_overrides={"REMOTE_ADDR": peer},
        )
        assert answer.status_code == status


def test_a_login_leads_back_to_the_page_under_the_prefix(settings: Settings):
    browser = create_app(replace(settings, api_keys=KEYS)).test_client()
    sent = {"headers": UNDER_ML | BROWSER, "environ_overrides": {"REMOTE_ADDR": PROXY}}
    page = browser.get("/monitor?x=1", **sent)
    assert page.status_code == 401
    (then,) = re.findall('name="then" value="(.*?)"', page.text)
    assert 'action="/ml/login"' in page.text
    answer = browser.post("/login", data={"key": key_of("read"), "then": then}, **sent)
    assert answer.headers["Location"] == "/ml/monitor?x=1"
    assert "Path=/ml/;" in answer.headers["Set-Cookie"]
    assert "Secure" in answer.headers["Set-Cookie"]


def test_what_proxies_add_leaves_a_request_plain(settings: Settings):
    app = ask(create_app(settings), WAYS[0])
    added = UNDER_ML | {"X-Real-IP": "203.0.113.9", "Via": "1.1 Caddy", "X-Forwarded-Port": "443"}
    assert app.test_client().post("/predict", **body(wine()), headers=added).status_code == 200
    assert app.wsgi_app.answered == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trusted", "by_tcp", "by_socket"),
    [
        ("127.0.0.1", "203.0.113.9", ""),
        ("unix", "127.0.0.1", "203.0.113.9"),
        ("127.0.0.2", "127.0.0.1", ""),
    ],
)
def test_the_log_has_the_clients_address_if_the_proxy_is_trusted(
    tmp_path: Path, trusted: str, by_tcp: str, by_socket: str
):
    # gunicorn's own settings for proxies make no difference, nor does a SCRIPT_NAME.
    own = {"TRUSTED_PROXIES": trusted, "FORWARDED_ALLOW_IPS": "*"}
    file, expected = f"{tmp_path}/adega.sock", []
    both = f'exec "$@" --bind "127.0.0.1:$PORT" --bind "unix:{file}"'
    with running(["sh", "-c", both, "sh", *gunicorn()], tmp_path / "log", **own) as server:
        for client, address in (
            (by_tcp, server.url.replace("127.0.0.1", "localhost")),
            (by_socket, "http://localhost"),
        ):
            reached = [] if client == by_tcp else ["--unix-socket", file]
            for path in ("/predict", "/predict?pretty"):  # plain, and through Flask
                _send(address, path, *reached, "--data", "@bom.json")
            sent = _send(address, "/openapi.json", *reached, "--header", "SCRIPT_NAME: /openapi")
            is_believed = client == "203.0.113.9"
            root = "https://ml.example.org/ml" if is_believed else address
            assert json.loads(sent)["servers"] == [{"url": root}]
            expected += [(path, client) for path in ("/predict", "/predict", "/openapi.json")]

        def logged() -> list[tuple[str, str]]:
            found = [(line.get("path"), line.get("client")) for line in server.lines()]
            return [each for each in found if each[0] in {"/predict", "/openapi.json"}]

        wait_until(lambda: len(logged()) == len(expected))
        assert logged() == expected


def _send(address: str, path: str, *options: str) -> str:
    forwarded = [part for pair in UNDER_ML.items() for part in ("--header", ": ".join(pair))]
    command = ["curl", "-sSf", *forwarded, *options, f"{address}{path}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
