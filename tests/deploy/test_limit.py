"""`make limit URL=…`, against a server whose limit is known."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("wrk") and "CI" not in os.environ, reason="wrk is not installed"
    ),
]

KEY = "key-of-a-client"
TWO = threading.Semaphore(2)


class TwoAtATime(BaseHTTPRequestHandler):
    """Answers a wine to whoever has the key, others 401, and 429 while it answers two."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # a response is sent as a whole

    def do_POST(self) -> None:
        record = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = 401
        if self.headers["Authorization"] == f"Bearer {KEY}" and "alcohol" in record:
            status = 429
            if TWO.acquire(blocking=False):
                time.sleep(0.01)
                TWO.release()
                status = 200
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def finish(self) -> None:
        with suppress(BrokenPipeError):  # of the last requests
            super().finish()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), TwoAtATime) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def limit(url: str, *options: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", "limit", "--url", url, "--seconds", "1", *options]
    environment = os.environ | {"KEY": key}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_the_load_ends_where_requests_fail_and_the_rate_before_is_the_limit(url: str):
    run = limit(url)
    assert run.returncode == 0, run.stderr
    steps = [line.split() for line in run.stdout.splitlines() if line[:5].strip().isdigit()]
    assert [int(step[0]) for step in steps] == [1, 2, 3]
    assert [" ".join(step[-2:]) for step in steps[:2]] == ["no errors", "no errors"]
    assert "Stopped: errors at 3 connections: " in run.stdout
    assert "answers with status 400 or above. " in run.stdout
    assert "requests/s are sustained (connections: 2)." in run.stdout


def test_the_load_ends_where_requests_take_longer_than_is_allowed(url: str):
    run = limit(url, "--slack-ms", "0")
    assert "Stopped: p99 passed " in run.stdout
    assert "Not even one connection is answered within the bound." in run.stdout


def test_the_load_is_bounded(url: str):
    run = limit(url, "--slack-ms", "60000", "--connections", "1")
    assert "Stopped: 1 connections, the highest number that is tried" in run.stdout


def test_without_the_key_nothing_is_measured(url: str):
    run = limit(url, key="")
    assert run.returncode == 1
    assert "answers 401" in run.stderr
