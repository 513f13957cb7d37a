"""With JOURNAL_REQUIRED=store all that was answered is in PostgreSQL, whatever burns or hangs.

Without it, a host that stops leaves nothing in its journal.
"""

import http.client
import json
import os
import shutil
import signal
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from conftest import wine
from load import Load
from relay import relayed
from servers import PATIENCE, Server, children, get, gunicorn, running, wait_until, workers
from test_faults import drain, small_disk, tree

from bench.postgres import Postgres

pytestmark = pytest.mark.faults

RECORD = json.dumps(wine()).encode()
REASONS = ("the database cannot be reached", "the database has not committed", "no collector")


class Clients(Load):
    """A load that keeps what was answered, and all else by its status."""

    def __init__(self, server: Server, clients: int = 8) -> None:
        self.ids: list[str] = []
        self.refusals: list[tuple[int, dict[str, Any], str]] = []
        self.broken: list[str] = []
        self.longest = 0.0
        super().__init__("127.0.0.1", int(server.url.rsplit(":", 1)[1]), clients)
        wait_until(lambda: len(self.ids) > 100)

    def run(self) -> None:
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                connection.request("POST", "/predict", RECORD)
                response = connection.getresponse()
                content = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError) as fault:
                self.broken.append(repr(fault))
                connection.close()
                time.sleep(0.01)
                continue
            self.longest = max(self.longest, time.monotonic() - began)
            if response.status == 200:
                self.ids.append(content["id"])
            else:
                retry_after = response.headers.get("Retry-After", "")
                self.refusals.append((response.status, content, retry_after))
                time.sleep(0.05)
        connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def has_resumed(self) -> bool:
        """Whether clients get predictions again."""
        before = len(self.ids)
        time.sleep(0.2)
        return len(self.ids) > before + 10


def assert_refused_for_the_database(clients: Clients) -> None:
    assert {status for status, _, _ in clients.refusals} <= {503}
    for _, content, retry_after in clients.refusals:
        assert int(retry_after) > 0
        assert any(reason in content["detail"] for reason in REASONS), content


def missing(url: str, ids: list[str]) -> set[str]:
    """Which ids are not in PostgreSQL; none is there twice."""
    with psycopg.connect(url) as connection:
        stored = [each for (each,) in connection.execute("SELECT id FROM predictions").fetchall()]
    assert len(stored) == len({*stored})
    return {*ids} - {*stored}


def required(url: str) -> dict[str, str]:
    """The settings of a service whose answers have to be in a database."""
    return {"JOURNAL_REQUIRED": "store", "DATABASE_URL": url}


def is_ready(server: Server) -> bool:
    return all(get(f"{server.url}/health/ready")[0] == 200 for _ in range(5))


def post(server: Server) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"{server.url}/predict", RECORD) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_no_answer_is_missing_when_a_host_burns_with_its_disk(tmp_path: Path, postgres: Postgres):
    url, ids = postgres.new(), []
    for _ in range(3):
        with (
            running(gunicorn(), tmp_path / "log", **required(url)) as server,
            Clients(server) as clients,
        ):
            for process in tree(server.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            shutil.rmtree(tmp_path / "var")
            ids += clients.ids
    assert missing(url, ids) == set()


def test_a_killed_collector_costs_a_pause_or_a_refusal(tmp_path: Path, postgres: Postgres):
    url = postgres.new()
    with (
        running(gunicorn(), tmp_path / "log", **required(url)) as server,
        Clients(server) as clients,
    ):
        for count in (1, 2):
            collectors = [each for one in workers(server.process.pid) for each in children(one)]
            for each in collectors[:count]:
                os.kill(each, signal.SIGKILL)
            wait_until(clients.has_resumed)
    assert_refused_for_the_database(clients)
    assert missing(url, clients.ids) == set()


def test_while_the_database_is_stopped_clients_are_refused_at_once(
    tmp_path: Path, postgres: Postgres
):
    url = postgres.new()
    with (
        running(gunicorn(), tmp_path / "log", **required(url)) as server,
        Clients(server) as clients,
    ):
        postgres.stop()
        try:
            wait_until(lambda: get(f"{server.url}/health/ready")[0] == 503)
            ready = get(f"{server.url}/health/ready")[1]
            assert ready["journal"]["state"] == "failing"
            assert "the database cannot be reached" in ready["journal"]["reason"]
            wait_until(lambda: len(clients.refusals) > 100)
        finally:
            postgres.start()
        wait_until(lambda: is_ready(server) and clients.has_resumed())
    assert clients.broken == []
    assert_refused_for_the_database(clients)
    assert missing(url, clients.ids) == set()


def test_a_database_that_hangs_costs_each_client_one_wait(tmp_path: Path, postgres: Postgres):
    url = postgres.new()
    with (
        running(gunicorn(), tmp_path / "log", **required(url)) as server,
        Clients(server) as clients,
    ):
        stopped = tree(postgres.pid())
        for each in stopped:
            os.kill(each, signal.SIGSTOP)
        try:
            wait_until(lambda: len(clients.refusals) > 100)
            assert get(f"{server.url}/health/ready")[0] == 503
        finally:
            for each in stopped:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGCONT)
        wait_until(lambda: is_ready(server) and clients.has_resumed())
    assert clients.broken == []
    assert_refused_for_the_database(clients)
    assert missing(url, clients.ids) == set()


def test_a_connection_that_swallows_is_given_up(tmp_path: Path, postgres: Postgres):
    """What was sent into it is lost, so the connection never recovers by itself."""
    url = postgres.new()
    with (
        relayed(url) as relay,
        running(gunicorn(), tmp_path / "log", **required(relay.url)) as server,
        Clients(server) as clients,
    ):
        relay.swallows = True
        wait_until(lambda: len(clients.refusals) > 100)
        relay.swallows = False
        wait_until(lambda: is_ready(server) and clients.has_resumed())
    assert clients.broken == []
    assert_refused_for_the_database(clients)
    assert missing(url, clients.ids) == set()


def test_a_reset_during_a_commit_is_not_seen_by_clients(tmp_path: Path, postgres: Postgres):
    url = postgres.new()
    with (
        relayed(url) as relay,
        running(gunicorn(), tmp_path / "log", **required(relay.url)) as server,
        Clients(server) as clients,
    ):
        for _ in range(5):
            relay.resets = 1
            wait_until(lambda: relay.resets == 0)
            wait_until(clients.has_resumed)
            time.sleep(1)  # by then all that the collector does after a failure is done
    assert (clients.broken, clients.refusals) == ([], [])
    assert missing(url, clients.ids) == set()


def test_a_full_disk_is_refused_and_recovers(tmp_path: Path, postgres: Postgres):
    url, var = postgres.new(), tmp_path / "var"
    with small_disk(var), running(gunicorn(), tmp_path / "log", **required(url)) as server:
        assert post(server)[0] == 200
        filler = var / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        answers = [post(server) for _ in range(100)]
        assert {status for status, _ in answers[-50:]} == {503}
        filler.unlink()
        wait_until(lambda: is_ready(server))
        answers += [post(server) for _ in range(20)]
        assert answers[-1][0] == 200
    assert missing(url, [content["id"] for status, content in answers if status == 200]) == set()


def stopped_within(server: Server, seconds: float) -> None:
    server.process.terminate()
    server.process.wait(timeout=seconds)


def waiting(folder: Path) -> list[Path]:
    return [*(folder / "var/journal").glob("*.jsonl")]


def test_a_host_that_stops_leaves_nothing_in_its_journal(tmp_path: Path, postgres: Postgres):
    url = postgres.new()
    for _ in range(3):
        with (
            running(gunicorn(), tmp_path / "log", DATABASE_URL=url) as server,
            Clients(server) as clients,
        ):
            stopped_within(server, PATIENCE)
        assert waiting(tmp_path) == []
        assert missing(url, clients.ids) == set()


def test_a_host_whose_processes_are_all_asked_to_stop_drains_its_journal(
    tmp_path: Path, postgres: Postgres
):
    """As systemd and foreman do."""
    url = postgres.new()
    with (
        running(gunicorn(), tmp_path / "log", DATABASE_URL=url) as server,
        Clients(server) as clients,
    ):
        for process in reversed(tree(server.process.pid)):
            os.kill(process, signal.SIGTERM)
        server.process.wait(PATIENCE)
    assert waiting(tmp_path) == []
    assert missing(url, clients.ids) == set()


def test_a_host_that_stops_without_a_database_keeps_its_journal(tmp_path: Path, postgres: Postgres):
    url = postgres.new()
    with running(gunicorn("--graceful-timeout=3"), tmp_path / "log", DATABASE_URL=url) as server:
        drain(server)
        with Clients(server) as clients:
            postgres.stop()
            try:
                before = len(clients.ids)
                wait_until(lambda: len(clients.ids) > before + 100)
                stopped_within(server, 20)
            finally:
                postgres.start()
            assert "of the journal are not in the store; they stay in" in server.log.read_text()
    assert waiting(tmp_path)
    with running(gunicorn(), tmp_path / "log", DATABASE_URL=url) as server:
        wait_until(lambda: missing(url, clients.ids) == set())
