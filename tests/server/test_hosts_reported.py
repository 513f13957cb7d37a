"""Two services on one PostgreSQL and one object store: each shows what both serve."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import wine
from hosts import Host, upload_wine
from servers import PATIENCE, Server, get, gunicorn, running, wait_until, workers

from bench.postgres import Postgres

pytestmark = pytest.mark.faults


@pytest.fixture
def url(tmp_path: Path) -> str:
    (tmp_path / "shared").mkdir()
    upload_wine(str(tmp_path / "shared"), tmp_path / "uploader")
    return str(tmp_path / "shared")


@pytest.fixture
def database(postgres: Postgres) -> str:
    return postgres.new()


def service(name: str, folder: Path, url: str, database: str) -> Any:
    (folder / name).mkdir(exist_ok=True)
    own = {"MODELS_URL": url, "DATABASE_URL": database, "HOST_NAME": name, "WEB_CONCURRENCY": "2"}
    return running(gunicorn(), folder / name / "log", **own)


@pytest.fixture
def ana(url: str, database: str, tmp_path: Path) -> Iterator[Server]:
    with service("ana", tmp_path, url, database) as started:
        yield started


def shown(server: Server) -> dict[str, Any]:
    """What a host shows of all, by name."""
    status, body = get(f"{server.url}/hosts")
    assert status == 200, body
    return {each["name"]: each for each in body["hosts"]}


def states(server: Server) -> dict[str, str]:
    return {name: each["state"] for name, each in shown(server).items()}


def live(server: Server) -> list[tuple[str, list[int]]]:
    return [(name, each["models"]["wine"]["live"]) for name, each in shown(server).items()]


def predict(server: Server) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/predict", json.dumps(wine()).encode(), headers)
    urllib.request.urlopen(request, timeout=PATIENCE).close()


def test_each_shows_which_version_both_serve_and_what_became_of_the_other(
    ana: Server, url: str, database: str, tmp_path: Path
):
    decider = Host(url, tmp_path / "decider")
    decider.pull()
    read = decider.decisions.read("wine", 1)
    decider.decisions.add(read.manifest, read.contents)
    with service("bob", tmp_path, url, database) as bob:
        wait_until(lambda: live(ana) == [("ana", [1]), ("bob", [1])])
        decider.versions.promote("wine", 2)
        wait_until(lambda: live(bob) == [("ana", [2]), ("bob", [2])])
        assert shown(ana)["bob"]["workers"] == 2
        assert shown(bob)["ana"]["object_store"]["state"] == "followed"
        assert shown(bob)["ana"]["collector"]["behind_seconds"] < PATIENCE
        os.kill(workers(bob.process.pid)[0], signal.SIGKILL)  # another one takes over
        wait_until(lambda: shown(ana)["bob"]["workers"] == 2)
    wait_until(lambda: states(ana) == {"ana": "up", "bob": "stopped"})


def test_a_host_without_the_database_knows_how_far_it_is_behind(ana: Server, postgres: Postgres):
    def behind() -> tuple[float, float]:
        with urllib.request.urlopen(f"{ana.url}/metrics", timeout=PATIENCE) as response:
            lines = dict(line.rsplit(" ", 1) for line in response.read().decode().splitlines())
        name = "serving_collector_{}".format
        return float(lines[name("waiting_entries")]), float(lines[name("behind_seconds")])

    wait_until(lambda: states(ana) == {"ana": "up"})
    postgres.stop()
    try:
        for _ in range(3):
            predict(ana)
        wait_until(lambda: behind()[0] == 3 and behind()[1] > 2)
        assert get(f"{ana.url}/hosts")[0] == 503
    finally:
        postgres.start()
    wait_until(lambda: behind() == (0, 0))
    assert states(ana) == {"ana": "up"}
