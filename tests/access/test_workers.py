"""Keys, sessions and limits are right over all workers of the service, and after a restart."""

import http.client
import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import ROOT
from keyed import bearing, entry, key_of, written
from servers import PATIENCE, Server, connect, gunicorn, running, wait_until, workers

pytestmark = pytest.mark.slow

WORKERS = 3
LARGE = 1_000_000  # bytes
RECORD = (ROOT / "bom.json").read_bytes()
FIRST = written(shop=entry("shop", "predict"), read=entry("read"))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("keyed") / "keys.json"
    made.write_text(FIRST)
    return made


@pytest.fixture(scope="module")
def keyed(file: Path) -> Iterator[Server]:
    own = {"WEB_CONCURRENCY": str(WORKERS), "API_KEYS_FILE": str(file)}
    with running(gunicorn(), file.with_name("log"), **own) as server:
        wait_until(lambda: len(workers(server.process.pid)) == WORKERS)
        yield server


def ask(
    server: Server,
    path: str,
    headers: dict[str, str],
    body: bytes | None = None,
    method: str = "POST",
) -> http.client.HTTPResponse:
    """Ask over a connection of its own, which any worker may take."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def statuses(server: Server, count: int, headers: dict[str, str]) -> list[int]:
    return [ask(server, "/predict", headers, RECORD).status for _ in range(count)]


def test_every_worker_follows_the_file(keyed: Server, file: Path):
    assert {*statuses(keyed, 12, bearing("shop"))} == {200}
    file.write_text(written(other=entry("other", "predict")))
    wait_until(lambda: {*statuses(keyed, 12, bearing("other"))} == {200})
    wait_until(lambda: {*statuses(keyed, 12, bearing("shop"))} <= {401, 429})
    file.write_text(FIRST)
    wait_until(lambda: {*statuses(keyed, 12, bearing("shop"))} == {200})


def test_the_log_has_the_name_of_the_key_whatever_way_it_was_answered(keyed: Server):
    statuses(keyed, 1, bearing("shop"))
    ask(keyed, "/models", bearing("read"), method="GET")
    ask(keyed, "/health/live", {}, method="GET")
    expected = {"/predict": "shop", "/models": "read", "/health/live": None}

    def logged() -> dict[str, str | None]:
        found = {line["path"]: line["key"] for line in keyed.lines() if "path" in line}
        return {path: found[path] for path in expected if path in found}

    wait_until(lambda: logged().keys() == expected.keys())
    assert logged() == expected
    assert key_of("shop") not in keyed.log.read_text()


def test_a_session_is_valid_for_every_worker_and_after_a_restart(
    keyed: Server, file: Path, tmp_path: Path
):
    form = urllib.parse.urlencode({"key": key_of("shop")}).encode()
    cookie = ask(keyed, "/login", FORM, form).headers["Set-Cookie"].split(";")[0]
    assert {*statuses(keyed, 12, {"Cookie": cookie})} == {200}
    own = {"API_KEYS_FILE": str(file), "VAR_DIR": str(file.with_name("var"))}
    with running(gunicorn(), tmp_path / "log", **own) as again:
        assert {*statuses(again, 6, {"Cookie": cookie})} == {200}


def test_nothing_large_is_received_without_a_key(keyed: Server):
    def status(headers: dict[str, str], kind: str, patience: float = PATIENCE) -> int:
        """The status of a request of which only the head was sent; 0 if none comes."""
        with connect(keyed) as client:
            client.settimeout(patience)
            lines = {"Host": "x", "Content-Type": kind, "Content-Length": str(LARGE)} | headers
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            client.sendall(f"POST /predict HTTP/1.1\r\n{head}\r\n".encode())
            try:
                received = client.recv(100)
            except TimeoutError:
                return 0
        return int(received.split()[1])

    for kind in ("application/json", "text/csv"):
        assert status({}, kind) == 401
        assert status({"X-API-Key": "wrong"}, kind) in {401, 429}
        assert status(bearing("shop"), kind, 1) == 0  # it waits for the body


def test_a_limit_holds_over_all_workers(tmp_path: Path, file: Path):
    own = {"API_KEYS_FILE": str(file), "KEY_REQUESTS_PER_SECOND": "1"}
    with running(gunicorn(), tmp_path / "log", WEB_CONCURRENCY=str(WORKERS), **own) as server:
        began = time.monotonic()
        with ThreadPoolExecutor(10) as clients:
            pairs = clients.map(lambda _: statuses(server, 3, bearing("shop")), range(10))
            answered = [status for three in pairs for status in three]
        seconds = time.monotonic() - began
        assert {*answered} <= {200, 429}
        assert 1 <= answered.count(200) <= 1 + seconds  # the first at once, then one each second
        wait_until(lambda: 429 in statuses(server, 3, bearing("shop")))


def test_a_start_without_keys_warns_once_if_others_may_reach_it(server: Server, tmp_path: Path):
    with running(gunicorn(), tmp_path / "log", PUBLISHED_HOST="0.0.0.0") as published:
        for started, levels in ((server, []), (published, ["warning"])):
            ready = json.load(urllib.request.urlopen(f"{started.url}/health/ready"))
            assert ready["access"]["exposed"] is bool(levels)
            lines = [each for each in started.lines() if "no keys are set" in each["message"]]
            assert [each["level"] for each in lines] == levels


def test_a_faulty_key_stops_the_start_with_its_entry(tmp_path: Path):
    own = {"API_KEYS": '{"shop": {"sha256": "x", "scopes": []}}', "VAR_DIR": str(tmp_path)}
    done = subprocess.run(
        gunicorn(), cwd=ROOT, env=os.environ | own, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "cannot start: API_KEYS: entry 'shop': sha256 is not" in done.stdout + done.stderr
