"""Behind Caddy and nginx as docs/proxy.md configures them, under /ml/ and with TLS."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import wine
from crawl import Got, crawl
from proxying import NAME, PROGRAMS, Proxy
from servers import Server, get, gunicorn, proc, running, wait_until

RECORD = json.dumps(wine())
BROWSER = ("--header", "Accept: text/html", "--header", "Accept-Language: en")
BEFORE_PAGES = "/ml/models/wine/predictions?limit=1"

pytestmark = pytest.mark.slow


class Installed(NamedTuple):
    """A service and the proxy before it."""

    server: Server
    proxy: Proxy

    def client(self, request_id: str) -> str:
        """The client that the log has of a request, which it has after the response."""

        def logged() -> list[Any]:
            lines = self.server.lines()
            return [each["client"] for each in lines if each.get("request_id") == request_id]

        wait_until(lambda: len(logged()) > 0)
        (client,) = logged()
        return client


@pytest.fixture(scope="module", params=PROGRAMS)
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp(request.param)
    own = {"TRUSTED_PROXIES": "127.0.0.1", "ALLOWED_HOSTS": NAME}
    with (
        running(gunicorn(), folder / "log", **own) as server,
        PROGRAMS[request.param](folder, server.url.removeprefix("http://")) as proxy,
    ):
        yield Installed(server, proxy)


def opened(proxy: Proxy, path: str) -> Got:
    """What a browser gets, without following redirects."""
    sent = proxy.curl(path, "--include", "--http1.1", *BROWSER)
    head, _, text = sent.partition("\n\n")
    status, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    return Got(
        int(status.split()[1]), {name.lower(): value for name, value in headers.items()}, text
    )


def test_every_link_of_every_page_is_under_the_prefix_and_leads_somewhere(installed: Installed):
    proxy = installed.proxy
    predicted = json.loads(proxy.curl("/ml/predict", "--data", RECORD))
    assert json.loads(proxy.curl("/ml/predict", "--data", RECORD))["prediction"] == "bom"
    stored = f"{installed.server.url}/predictions/{predicted['id']}"
    wait_until(lambda: get(stored)[0] == 200)

    def through(path: str) -> Got:
        assert path.startswith("/ml/"), path
        return opened(proxy, path)

    paths = crawl(through, "/ml/") | crawl(through, BEFORE_PAGES)
    paths |= crawl(through, "/ml/monitor/wine/predictions?limit=1&label=")
    for kind in ("/docs", "/openapi.json", "/static/", "/predictions/wine.1.", "after="):
        assert any(kind in path for path in paths), kind
    assert opened(proxy, "/ml").headers["location"].endswith("/ml/")
    listed = opened(proxy, BEFORE_PAGES)
    assert listed.headers["link"].startswith("</ml/models/wine/predictions?")
    described = json.loads(proxy.curl("/ml/openapi.json"))
    assert described["servers"] == [{"url": f"https://{NAME}:{proxy.port}/ml"}]


@pytest.mark.parametrize("query", ["", "?pretty"])  # plain, and through Flask
def test_the_clients_address_is_logged_and_no_spoofed_one(installed: Installed, query: str):
    spoofed = [
        option
        for name, value in {
            "X-Forwarded-For": "6.6.6.6",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Prefix": "/evil",
            "X-Real-IP": "6.6.6.6",
        }.items()
        for option in ("--header", f"{name}: {value}")
    ]
    named = f"spoofed{query}".replace("?", "-")
    # Another address of this machine: a client elsewhere than the proxy.
    elsewhere = ("--header", f"X-Request-ID: {named}", "--interface", "127.0.0.9")
    sent = installed.proxy.curl(f"/ml/predict{query}", *spoofed, *elsewhere, "--data", RECORD)
    assert json.loads(sent)["prediction"] == "bom"
    assert installed.client(named) == "127.0.0.9"
    described = json.loads(installed.proxy.curl("/ml/openapi.json", *spoofed))
    assert described["servers"] == [{"url": f"https://{NAME}:{installed.proxy.port}/ml"}]


def test_a_client_that_passes_by_the_proxy_is_not_believed(installed: Installed):
    url = f"{installed.server.url}/predict"
    sent = ("--header", "X-Forwarded-For: 6.6.6.6", "--header", "X-Request-ID: passed-by")
    command = ["curl", "-sSf", "--interface", "127.0.0.9", *sent, "--data", RECORD, url]
    assert subprocess.run(command, capture_output=True, check=True).stdout
    assert installed.client("passed-by") == "127.0.0.9"


def test_bodies_as_large_as_the_service_takes_pass_and_larger_ones_are_refused(
    installed: Installed, tmp_path: Path
):
    header, row = ",".join(wine()), ",".join(map(str, wine().values()))
    table = tmp_path / "rows.csv"
    table.write_text(f"{header}\n" + f"{row}\n" * 30_000)  # 2 MB, more than nginx's own 1 MB
    csv = ("--request", "POST", "--header", "Content-Type: text/csv", "--upload-file", str(table))
    assert installed.proxy.curl("/ml/predict", *csv).count("\n") == 30_001
    with table.open("wb") as out:
        out.truncate(257 * 2**20)
    code = (*csv, "--output", "/dev/null", "--write-out", "%{http_code}")
    # A proxy may reset the stream of a body that nobody reads, once the response is sent.
    assert installed.proxy.curl("/ml/predict", *code, check=False) == "413"


def test_a_connection_to_the_service_is_kept_for_the_next_request(installed: Installed):
    assert json.loads(installed.proxy.curl("/ml/predict", "--data", RECORD))["id"]
    end = f":{int(installed.server.url.rpartition(':')[2]):04X} 01 "  # of one that is established
    assert any(end in line for line in (proc("net") / "tcp").read_text().splitlines())


def test_a_page_of_another_origin_is_refused_and_the_services_own_is_not(installed: Installed):
    for origin, status in (
        (f"https://{NAME}:{installed.proxy.port}", 200),
        ("https://a.example", 403),
    ):
        sent = installed.proxy.curl(
            "/ml/predict", "--data", RECORD, "--header", f"Origin: {origin}", "--include"
        )
        assert re.match(rf"HTTP/\S+ {status}", sent)
        assert "strict-transport-security: max-age=" in sent.lower()
