"""The service as it runs: real gunicorn, real sockets, a real stop."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, wine
from load import Load
from servers import PATIENCE, Server, connect, get, gunicorn, proc, running, wait_until, workers

pytestmark = pytest.mark.slow

RECORD = json.dumps(wine()).encode()


def curl(*arguments: str) -> Any:
    run = subprocess.run(["curl", "-sS", *arguments], cwd=ROOT, capture_output=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", ["bom", "ruim"])
def test_curl_with_a_file_and_no_label_is_answered(server: Server, name: str):
    assert curl("-d", f"@{name}.json", f"{server.url}/predict")["prediction"] == name


def test_every_request_is_a_json_line_with_the_id_that_its_answer_carries(server: Server):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.request("POST", "/predict", RECORD, {"X-Request-ID": "find-me"})
    answer = connection.getresponse()
    assert answer.headers["X-Request-ID"] == "find-me"
    answer.read()
    connection.close()

    def logged() -> list[dict[str, Any]]:
        return [line for line in server.lines() if line.get("request_id") == "find-me"]

    wait_until(lambda: bool(logged()))
    (line,) = logged()
    assert (line["method"], line["path"], line["status"]) == ("POST", "/predict", 200)
    assert line["duration_ms"] > 0


@pytest.mark.skipif(
    find_spec("gunicorn_h1c") is None and "CI" not in os.environ,
    reason="gunicorn_h1c is not installed: it needs a C compiler",
)
def test_the_c_parser_reads_requests(server: Server):
    """A header name with a space is refused by both parsers, in each one's own words."""
    with connect(server) as raw:
        raw.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nbad name: 1\r\n\r\n")
        assert b" 400 " in raw.recv(4096)
    wait_until(lambda: any("Invalid request" in line["message"] for line in server.lines()))
    maps = "".join((proc(child) / "maps").read_text() for child in workers(server.process.pid))
    assert "gunicorn_h1c" in maps


def test_a_body_that_is_too_large_is_refused_while_it_is_sent(server: Server):
    run = subprocess.run(
        ["curl", "-sS", "--data-binary", "@-", f"{server.url}/predict"],
        input=b" " * 20_000_000,
        capture_output=True,
        check=True,
    )
    assert json.loads(run.stdout)["status"] == 413


REQUEST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (
    len(RECORD),
    RECORD,
)
HALF = len(REQUEST) // 2
BATCH = b"[%s]" % b",".join([RECORD] * 1000)


def answers(connection: socket.socket, count: int) -> list[bytes]:
    """The bodies of so many answers, and a check that each is a 200."""
    stream, bodies = connection.makefile("rb"), []
    for _ in range(count):
        head = b"".join(iter(stream.readline, b"\r\n"))
        assert head.startswith(b"HTTP/1.1 200 OK"), head
        bodies.append(stream.read(int(head.lower().split(b"content-length: ")[1].split()[0])))
    return bodies


@pytest.mark.parametrize(
    "pieces",
    [
        [REQUEST],
        [REQUEST[:4], REQUEST[4:]],
        [REQUEST[:HALF], REQUEST[HALF:]],
        [REQUEST[:-1], REQUEST[-1:]],
        [REQUEST.replace(b"Content-Length", b"CONTENT-LENGTH")],
        [REQUEST.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue")],
        [
            b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(RECORD), RECORD),
        ],
    ],
)
def test_a_request_is_answered_however_it_arrives(server: Server, pieces: list[bytes]):
    with connect(server) as connection:
        for _ in range(2):  # the second time on a connection that is kept
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.05)
            if b"Expect" in pieces[0]:
                assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
            (body,) = answers(connection, 1)
            assert json.loads(body)["prediction"] == "bom"


def test_requests_sent_in_one_go_are_answered_in_order(server: Server):
    with connect(server) as connection:
        batch = REQUEST.replace(b"%d\r\n" % len(RECORD), b"%d\r\n" % len(BATCH), 1)
        connection.sendall(REQUEST + batch.replace(RECORD, BATCH) + REQUEST)
        one, many, another = map(json.loads, answers(connection, 3))
    assert one["prediction"] == another["prediction"] == "bom"
    assert len(many["predictions"]) == 1000


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that gives nobody up: whoever waits for a silent client waits for ever."""
    never = {"MAX_HEAD_SECONDS": "3600", "MAX_STALL_SECONDS": "3600"}
    command = gunicorn("--keep-alive=3600", "--workers=1")
    with running(command, tmp_path_factory.mktemp("patient") / "log", **never) as started:
        yield started


def assert_answers(server: Server) -> None:
    for _ in range(40):
        assert get(f"{server.url}/health/live")[0] == 200


def test_a_client_that_reads_no_answers_keeps_nobody_waiting(patient: Server):
    with connect(patient) as deaf:
        deaf.settimeout(0)
        try:
            while True:
                deaf.send(REQUEST * 100)
        except BlockingIOError:
            pass
        assert_answers(patient)


def test_silent_connections_keep_nobody_waiting(patient: Server):
    """Browsers open connections in advance: far more here than there are threads."""
    with ExitStack() as silent:
        for _ in range(40):
            silent.enter_context(connect(patient))
        assert_answers(patient)


def test_clients_that_stall_within_a_request_keep_nobody_waiting(patient: Server):
    """More than there are threads; a request in two packets is answered beside them."""
    body = (ROOT / "bom.json").read_bytes()
    head = b"st: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    with ExitStack() as open_:
        for number in range(60):
            stalled = open_.enter_context(connect(patient))
            stalled.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\n")
            stalled.sendall(b"Content-Length: 9\r\n\r\n{" if number % 2 else b"Conte")
        slow = open_.enter_context(connect(patient))
        for part in (b"POST /predict HTTP/1.1\r\nHo", head, body[:9], body[9:]):
            slow.sendall(part)
            time.sleep(0.05)
        assert slow.recv(12) == b"HTTP/1.1 200"
        assert_answers(patient)


def test_a_stop_under_load_loses_no_accepted_request(tmp_path: Path):
    with running(gunicorn(), tmp_path / "log") as started:
        load = Load("127.0.0.1", int(started.url.rsplit(":", 1)[1]))
        wait_until(lambda: load.outcomes["200"] > 200)
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(timeout=PATIENCE) == 0
        outcomes = load.finish()
    assert set(outcomes) == {"200", "not connected"}, outcomes


def test_a_stop_closes_no_connection_on_which_a_client_is_about_to_send(tmp_path: Path):
    """The next response asks the client to close, however long after the signal it comes."""
    with running(gunicorn(), tmp_path / "log") as started, ExitStack() as stack:
        address = started.url.removeprefix("http://")
        kept = [http.client.HTTPConnection(address, timeout=PATIENCE) for _ in range(5)]
        for each in kept:
            stack.callback(each.close)
            each.request("POST", "/predict", RECORD)
            assert each.getresponse().read()
        for number, each in enumerate(kept):
            if number == 1:
                started.process.send_signal(signal.SIGTERM)
                wait_until(lambda: "Handling signal: term" in started.log.read_text())
            time.sleep(0.3)
            each.request("POST", "/predict", RECORD)
            response = each.getresponse()
            assert response.status == 200
            assert response.read()
            assert (response.headers["Connection"] == "close") == (number > 0)
        assert started.process.wait(timeout=PATIENCE) == 0


@pytest.mark.faults
def test_a_killed_worker_is_replaced(tmp_path: Path):
    with running(gunicorn(), tmp_path / "log", WEB_CONCURRENCY="1") as started:
        (worker,) = workers(started.process.pid)
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: len({*workers(started.process.pid)} - {worker}) == 1)
        assert get(f"{started.url}/health/ready")[0] == 200


def test_nothing_is_reported_home(tmp_path: Path):
    """ONNX Runtime from 1.29 on leaves a device id in the user's folder, and reports."""
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home")}
    with running(gunicorn(), tmp_path / "log", ORT_DISABLE_TELEMETRY="", **home) as started:
        assert get(f"{started.url}/example")[0] == 200
        pids = [started.process.pid, *workers(started.process.pid)]
        threads = {pid: len(list((proc(pid) / "task").iterdir())) for pid in pids}
    assert not (tmp_path / "home").exists()
    assert threads[started.process.pid] == 1  # what is forked has no threads to lose


def test_the_development_server_has_the_debugger_and_stays_on_this_machine(tmp_path: Path):
    with running([sys.executable, "app.py"], tmp_path / "log", HOST="0.0.0.0") as started:
        assert curl("-d", "@bom.json", f"{started.url}/predict")["prediction"] == "bom"
        log = started.log.read_text()
        assert "Debugger is active" in log
        assert "Running on http://127.0.0.1" in log
        assert "0.0.0.0" not in log
