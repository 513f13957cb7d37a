"""A host that stops leaves nothing in its journal, unless there is no database."""

import os
import signal
from pathlib import Path

import pytest
from required_clients import Clients, missing
from servers import PATIENCE, Server, gunicorn, running, wait_until
from test_faults import drain, tree

from bench.postgres import Postgres

pytestmark = pytest.mark.faults


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
