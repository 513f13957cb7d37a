"""With JOURNAL_REQUIRED=store all that was answered is in PostgreSQL, whatever burns or hangs.

Without it, a host that stops leaves nothing in its journal.
"""

import json
import os
import shutil
import signal
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from relay import relayed
from required_clients import RECORD, Clients, missing
from servers import Server, children, get, gunicorn, running, wait_until, workers
from test_faults import small_disk, tree

from bench.postgres import Postgres

pytestmark = pytest.mark.faults
REASONS = ("the database cannot be reached", "the database has not committed", "no collector")


def assert_refused_for_the_database(clients: Clients) -> None:
    assert {status for status, _, _ in clients.refusals} <= {503}
    for _, content, retry_after in clients.refusals:
        assert int(retry_after) > 0
        assert any(reason in content["detail"] for reason in REASONS), content


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
