"""One process of a host follows the object store, whichever of its processes is killed."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts import Host, upload_wine
from servers import Server, children, get, gunicorn, proc, running, wait_until

from serving.lock import RETRY
from serving.server.following import PAUSE

pytestmark = pytest.mark.faults


@pytest.fixture
def url(tmp_path: Path) -> str:
    (tmp_path / "shared").mkdir()
    upload_wine(str(tmp_path / "shared"), tmp_path / "uploader")
    return str(tmp_path / "shared")


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Server]:
    own = {"MODELS_URL": url, "JOURNAL": "off", "WEB_CONCURRENCY": "2"}
    with running(gunicorn(), tmp_path / "log", **own) as started:
        yield started


def following(server: Server) -> dict[int, int]:
    """The processes that follow, by their workers, whose threads start them."""
    return {
        worker: int(process)
        for worker in children(server.process.pid)
        for started in proc(worker).glob("task/*/children")
        for process in started.read_text().split()
        if b"object_store_process" in (proc(process) / "cmdline").read_bytes()
    }


def live(server: Server) -> int:
    return int(get(f"{server.url}/health/ready")[1]["models"]["wine"])


def test_whichever_process_is_killed_decisions_are_followed(
    service: Server, url: str, tmp_path: Path
):
    other = Host(url, tmp_path / "other")
    other.pull()
    read = other.decisions.read("wine", 1)
    assert other.decisions.add(read.manifest, read.contents) == 2
    wait_until(lambda: len(following(service)) == 1)
    time.sleep(PAUSE + RETRY + 1)  # a second one would have begun meanwhile
    ((worker, process),) = following(service).items()
    other.versions.promote("wine", 2)
    wait_until(lambda: live(service) == 2)

    os.kill(process, signal.SIGKILL)
    wait_until(lambda: len(following(service)) == 1 and process not in following(service).values())
    other.versions.rollback("wine")
    wait_until(lambda: live(service) == 1)

    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: len(following(service)) == 1 and worker not in following(service))
    other.versions.promote("wine", 2)
    wait_until(lambda: live(service) == 2)
    assert not proc(process).exists()
