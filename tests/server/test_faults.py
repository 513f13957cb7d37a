"""Nothing answered is lost or doubled, whatever is killed, stopped or full.

`make faults` (FAULTS=full) takes as long as one would to be sure; else the same in short.
"""

import http.client
import json
import os
import random
import signal
import subprocess
import time
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql
from conftest import moved, wine
from load import Load
from servers import PATIENCE, Server, children, get, gunicorn, running, small_disk, wait_until

from bench import postgres as postgresql
from serving.settings import Settings

pytestmark = pytest.mark.faults

FULL = os.environ.get("FAULTS") == "full"
SECONDS = 60 if FULL else 4  # a worker is killed in each; so long PostgreSQL is stopped
RESTARTS = 20 if FULL else 2
BATCH = json.dumps([wine()] * 3)


class Answers(Load):
    """A load that keeps the ids of every answer; `faults` are the requests without one."""

    def __init__(self, server: Server, clients: int = 8) -> None:
        self.ids: list[str] = []
        self.faults: list[str] = []
        super().__init__("127.0.0.1", int(server.url.rsplit(":", 1)[1]), clients)
        wait_until(lambda: len(self.ids) > 100)

    def run(self) -> None:
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        while not self.stop.is_set():
            try:
                connection.request("POST", "/predict", BATCH)
                answer = connection.getresponse()
                told = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError) as fault:
                self.faults.append(repr(fault))  # of a killed worker: need not be recorded
                connection.close()
                continue
            if answer.status == 200:
                self.ids += [one["id"] for one in told["predictions"]]
            else:
                self.faults.append(str(told))
        connection.close()


def unrecorded(settings: Settings, ids: list[str]) -> set[str]:
    """Which of the ids are not in the store, all of the journal being moved; none is twice."""
    moved(settings).close()
    engine = sql.create_engine(settings.store_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        stored = connection.execute(sql.text("SELECT id FROM predictions")).scalars().all()
    engine.dispose()
    assert len(stored) == len(set(stored))
    assert len(ids) == len(set(ids))
    return set(ids) - set(stored)


def state(server: Server) -> dict[str, Any]:
    return get(f"{server.url}/health/ready")[1]["journal"]


def drain(server: Server) -> None:
    """Wait until all that is answered by now is in the store."""
    now = datetime.now(UTC).isoformat()

    def drained() -> bool:
        store = state(server)["store"]
        return store["state"] == "reached" and store["checked"] > now and not store["waiting_bytes"]

    wait_until(drained)


def tree(pid: int) -> list[int]:
    return [pid, *(below for child in children(pid) for below in tree(child))]


def kill_one_below(server: Server) -> bool:
    """Kill a process that gunicorn started, if it has one now; they are started again."""
    below = children(server.process.pid)
    if below:
        with suppress(ProcessLookupError):
            os.kill(random.choice(below), signal.SIGKILL)
    return bool(below)


def test_what_killed_workers_answered_is_in_the_store(tmp_path: Path):
    with running(gunicorn(), tmp_path / "log") as server:
        load, kills = Answers(server), 0
        while kills < SECONDS or not load.faults:  # a kill may hit the collector, or an idle worker
            assert kills < 60 + SECONDS, "no kill cut off a request"
            time.sleep(1)
            kills += kill_one_below(server)
        load.finish()
    print(f"{len(load.ids)} answered, {len(load.faults)} cut off by {kills} kills")
    assert unrecorded(Settings(var_dir=tmp_path / "var"), load.ids) == set()


def test_what_a_killed_service_answered_is_in_the_store_after_its_restart(tmp_path: Path):
    ids = []
    for _ in range(RESTARTS):
        with running(gunicorn(), tmp_path / "log") as server:
            load = Answers(server)
            for process in tree(server.process.pid):
                with suppress(ProcessLookupError):  # it ended as its parent did
                    os.kill(process, signal.SIGKILL)
            load.finish()
            ids += load.ids
    with running(gunicorn(), tmp_path / "log") as server:
        drain(server)
    print(f"{len(ids)} answered between {RESTARTS} kills of all")
    assert unrecorded(Settings(var_dir=tmp_path / "var"), ids) == set()


def test_a_stopped_database_costs_no_answer_and_no_record(
    tmp_path: Path, postgres: postgresql.Postgres
):
    url = postgres.new()
    with running(gunicorn(), tmp_path / "log", DATABASE_URL=url) as server:
        drain(server)
        load = Answers(server)
        postgres.stop()
        try:
            wait_until(lambda: state(server)["store"]["state"] == "failing")
            time.sleep(SECONDS)
        finally:
            postgres.start()
        wait_until(lambda: server.log.read_text().count("moved into the store again") == 1)
        load.finish()
        drain(server)
    print(f"{len(load.ids)} answered, PostgreSQL stopped for {SECONDS} s")
    assert load.faults == []
    assert unrecorded(Settings(var_dir=tmp_path / "var", database_url=url), load.ids) == set()


def status_of_batch(server: Server) -> int:
    try:
        with urllib.request.urlopen(f"{server.url}/predict", BATCH.encode()) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def recording(server: Server) -> bool:
    """Whether both workers record, however requests fall to them."""
    return all(state(server)["state"] == "recording" for _ in range(10))


@pytest.mark.parametrize("required", ["off", "on"])
def test_a_full_disk_is_counted_and_recovers(tmp_path: Path, required: str):
    var = tmp_path / "var"
    with (
        small_disk(var),
        running(gunicorn(), tmp_path / "log", JOURNAL_REQUIRED=required) as server,
    ):
        assert status_of_batch(server) == 200
        drain(server)
        filler = var / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        statuses = [status_of_batch(server) for _ in range(300)]
        assert set(statuses[-100:]) == {503 if required == "on" else 200}
        wait_until(lambda: state(server)["state"] == "failing")  # a worker that was not asked yet
        told = state(server)  # does not know; what is lost, all do
        assert (told["lost"] > 200) == (required == "off")
        filler.unlink()
        wait_until(lambda: recording(server))
        assert {status_of_batch(server) for _ in range(20)} == {200}
        drain(server)
        recorded = 3 * (21 + statuses.count(200)) - told["lost"]
        listed = get(f"{server.url}/models/wine/predictions?limit=10000")[1]["predictions"]
        assert len(listed) == recorded


def test_a_folder_that_is_read_only_costs_no_answer(tmp_path: Path):
    var = tmp_path / "var"
    with (
        small_disk(var, "ro"),
        running(gunicorn(), tmp_path / "log", VAR_DIR=str(var)) as server,
    ):
        assert [status_of_batch(server) for _ in range(20)] == [200] * 20
        wait_until(lambda: state(server)["state"] == "failing")
        assert state(server)["lost"] == 60
        subprocess.run(["mount", "-o", "remount,rw", var], check=True)
        wait_until(lambda: recording(server))
        assert status_of_batch(server) == 200
        drain(server)
