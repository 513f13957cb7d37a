"""Where no keys are set, whoever sits at the machine may decide, and nobody else."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import MODELS, body
from flask.testing import FlaskClient
from servers import gunicorn, running

from app import create_app
from serving.settings import Settings

KEY = "a-key-of-a-person"
NOTHING_TO_DO = {"action": "promote", "version": 99, "why": ""}  # 404 if one may decide
ELSEWHERE = "https://evil.example"


def client_of(settings: Settings, **own: Any) -> FlaskClient:
    return create_app(Settings(var_dir=settings.var_dir, **own)).test_client()


def decide(client: FlaskClient, address: str = "127.0.0.1", **headers: str) -> Any:
    sent = {"Host": "localhost:5000"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        "/models/wine/versions",
        **body(NOTHING_TO_DO),
        headers=sent,
        environ_base={"REMOTE_ADDR": address},
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "127.0.0.1:5000"},
        {"Host": "[::1]:5000"},
        {"Host": "LOCALHOST"},
        {"Origin": "http://localhost:5000", "Sec_Fetch_Site": "same-origin"},
        {"X_API_Key": "of something else"},
    ],
)
def test_a_request_of_this_machine_may_decide_without_a_key(
    client: FlaskClient, headers: dict[str, str]
):
    assert decide(client, **headers).status_code == 404
    assert decide(client, "::1", **headers).status_code == 404


def test_a_decision_without_a_key_is_recorded_as_such(settings: Settings, tmp_path: Path):
    models = Path(shutil.copytree(MODELS, tmp_path / "models"))
    client = client_of(settings, models_dir=models)
    taken = client.post("/models/wine/versions", **body({"action": "trial", "why": "none"}))
    assert (taken.status_code, taken.json["who"]) == (200, "somebody without a key")
    listed = client.get("/models/wine/versions").json["decisions"]
    assert listed[0]["who"] == "somebody without a key"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X_Forwarded_For": "203.0.113.9"}, "through a proxy (it has X-Forwarded-For)"),
        ({"X_Forwarded_Proto": "https"}, "through a proxy (it has X-Forwarded-Proto)"),
        ({"X_Forwarded_For": ""}, "through a proxy"),
        ({"Forwarded": "for=203.0.113.9"}, "through a proxy (it has Forwarded)"),
        ({"Via": "1.1 squid"}, "through a proxy (it has Via)"),
        ({"X_Real_IP": "203.0.113.9"}, "through a proxy (it has X-Real-Ip)"),
        ({"CF_Connecting_IP": "203.0.113.9"}, "through a proxy"),
        ({"Host": "evil.example:5000"}, "for the host 'evil.example:5000'"),
        ({"Host": "localhost.evil.example"}, "for the host 'localhost.evil.example'"),
        ({"Host": "192.168.1.20:5000"}, "for the host '192.168.1.20:5000'"),
        ({"Host": "0.0.0.0:5000"}, "for the host '0.0.0.0:5000'"),
        ({"Host": ""}, "for the host ''"),
    ],
)
def test_what_a_proxy_may_pass_on_and_other_names_may_not_decide(
    client: FlaskClient, headers: dict[str, str], reason: str
):
    refused = decide(client, **headers)
    assert refused.status_code == 403
    assert reason in refused.json["detail"]
    assert "set ADMIN_KEYS to name:key" in refused.json["detail"]


@pytest.mark.parametrize("address", ["192.168.1.7", "203.0.113.9", "fe80::1", ""])
def test_another_address_and_a_socket_of_proxies_may_not_decide(client: FlaskClient, address: str):
    assert decide(client, address).status_code == 403


def test_a_proxy_that_is_trusted_may_not_decide_even_without_its_headers(settings: Settings):
    refused = decide(client_of(settings, trusted_proxies="127.0.0.1"))
    assert refused.status_code == 403
    assert "came through a proxy" in refused.json["detail"]


def test_an_old_protocol_may_be_of_a_proxy(client: FlaskClient):
    sent = {"SERVER_PROTOCOL": "HTTP/1.0"}
    answer = client.post("/models/wine/versions", **body(NOTHING_TO_DO), environ_overrides=sent)
    assert answer.status_code == 403
    assert "HTTP/1.1" in answer.json["detail"]


@pytest.mark.parametrize("origins", ["*", ELSEWHERE])
def test_a_page_of_another_origin_may_call_but_not_decide(settings: Settings, origins: str):
    client, sent = client_of(settings, cors_origins=origins), {"Sec_Fetch_Site": "cross-site"}
    refused = decide(client, Origin=ELSEWHERE, **sent)
    assert refused.status_code == 403
    assert "page of another origin" in refused.json["detail"]
    assert decide(client, **sent).status_code == 403
    assert decide(client, Origin="http://localhost:3000").status_code == 403


def test_in_a_container_that_only_this_machine_reaches_its_engine_may_decide(settings: Settings):
    own = {"host": "0.0.0.0", "published_host": "127.0.0.1"}
    client = client_of(settings, **own)
    assert decide(client, "172.18.0.1").status_code == 404
    assert decide(client, "8.8.8.8").status_code == 403
    assert decide(client, "172.18.0.1", Host="serving:5000").status_code == 403


@pytest.mark.parametrize(
    ("own", "remedy"),
    [
        ({"host": "0.0.0.0"}, "HOST=127.0.0.1 and no ALLOWED_HOSTS"),
        ({"published_host": "0.0.0.0"}, "HOST=127.0.0.1 and no ALLOWED_HOSTS"),
        ({"allowed_hosts": "ml.example.org"}, "HOST=127.0.0.1 and no ALLOWED_HOSTS"),
    ],
)
def test_nobody_decides_without_keys_where_others_may_reach_the_service(
    settings: Settings, own: dict[str, str], remedy: str
):
    client = client_of(settings, **own)
    refused = decide(client)
    assert refused.status_code == 403
    assert remedy in refused.json["detail"]
    assert "set ADMIN_KEYS" in refused.json["detail"]
    assert "admin" not in client.get("/health/ready").json["access"]["open"]


@pytest.mark.parametrize(
    ("own", "status"), [({"api_keys": "{}"}, 403), ({"admin_keys": f"ana:{KEY}"}, 401)]
)
def test_with_any_keys_set_nobody_decides_without_one(
    settings: Settings, own: dict[str, str], status: int
):
    client = client_of(settings, **own)
    assert decide(client).status_code == status


@pytest.mark.slow
def test_the_running_service_knows_its_own_machine(tmp_path: Path):
    file = f"{tmp_path}/adega.sock"
    both = f'exec "$@" --bind "127.0.0.1:$PORT" --bind "unix:{file}"'
    with running(["sh", "-c", both, "sh", *gunicorn()], tmp_path / "log") as server:

        def status(*options: str) -> str:
            sent = '{"action": "promote", "version": 99}'
            show = ("-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", sent)
            url = f"{server.url}/models/wine/versions"
            command = ["curl", *show, *options, url]
            return subprocess.run(command, capture_output=True, check=True, text=True).stdout

        assert status() == "404"
        assert status("--unix-socket", file) == "403"
        assert status("--http1.0") == "403"
        assert status("-H", "X-Forwarded-For: 127.0.0.1") == "403"
        assert status("-H", "Host: evil.example") == "403"
        assert status("-H", "Origin: https://evil.example") == "403"
