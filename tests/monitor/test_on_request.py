"""Checks that are requested over HTTP: by the monitor that runs, or else by a process."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from conftest import MODELS, ROOT
from flask.testing import FlaskClient
from monitored import ROWS, chances, opened, predicted, wines
from servers import wait_until

from app import create_app
from serving import clock
from serving.lock import wait_for_lock
from serving.monitor import on_request
from serving.monitor.checks import Checks
from serving.recording.status import Status
from serving.settings import Settings

CHECK = "/models/wine/monitor/check"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A service whose models were predicted with, and not yet checked."""
    settings = Settings(var_dir=tmp_path / "var")
    settings.var_dir.mkdir()
    with closing(opened(settings)) as store:
        store.add([predicted(wines(ROWS), chances(ROWS))], {})
    return settings


def state(client: FlaskClient) -> str:
    response = client.get(CHECK)
    assert response.status_code == 200, response.text
    return response.json["state"]


@pytest.mark.slow
def test_where_no_monitor_runs_a_process_checks_the_model(settings: Settings):
    client = create_app(settings).test_client()
    assert state(client) == "none"
    requested = client.post(CHECK)
    assert (requested.status_code, requested.json["state"]) == (202, "waiting")
    assert requested.json["ended"] is None
    wait_until(lambda: state(client) != "waiting")
    assert state(client) == "done"
    assert client.get("/models/wine/monitor").json["report"]["window"]["predictions"] == ROWS
    assert client.get("/models/wine-score/monitor").json["report"] is None
    client.post(CHECK)
    wait_until(lambda: state(client) == "done")


@pytest.mark.slow
def test_a_monitor_that_runs_makes_the_check_long_before_its_next_one(settings: Settings):
    client = create_app(settings).test_client()
    own = os.environ | {"VAR_DIR": str(settings.var_dir), "MONITOR_INTERVAL": "3600"}
    command = [sys.executable, "-m", "serving", "monitor", "wine-score", "wine"]
    with subprocess.Popen(command, cwd=ROOT, env=own, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: client.get("/models/wine/monitor").json["report"] is not None)
        with closing(opened(settings)) as store:
            store.add([predicted(wines(1), chances(1))], {})
        client.post(CHECK)
        wait_until(lambda: state(client) == "done")
        process.send_signal(signal.SIGTERM)
    assert client.get("/models/wine/monitor").json["report"]["window"]["predictions"] == ROWS + 1


def test_a_check_waits_for_the_monitor_that_holds_the_lock_and_is_requested_once(
    settings: Settings,
):
    lock = wait_for_lock(settings.var_dir / "monitor.lock", lambda _: False)
    assert lock
    client = create_app(settings).test_client()
    first = client.post(CHECK).json
    assert client.post(CHECK).json == first
    with lock, closing(opened(settings)) as store:
        assert state(client) == "waiting"
        Checks(settings, store).run(["wine-score"])
        assert state(client) == "waiting"
        Checks(settings, store).run(["wine"])
        assert state(client) == "done"


def test_a_check_is_of_all_that_was_recorded_before_it_was_requested(settings: Settings):
    """The collector is stopped by hand between two of its turns."""
    folder = settings.journal_dir
    folder.mkdir()
    lock = wait_for_lock(settings.var_dir / "monitor.lock", lambda _: False)
    assert lock
    client = create_app(settings).test_client()
    began = clock.now()
    Status(time=began, waiting=900, torn=0, reason="", entries=1, collected=began - 1).write(folder)
    moved = Status(time=began + 300, waiting=0, torn=0, reason="", collected=began + 300)
    threading.Timer(0.3, moved.write, (folder,)).start()
    with lock:
        client.post(CHECK)
        assert Status.read(folder) == moved


def test_a_check_of_a_broken_version_has_failed(settings: Settings, tmp_path: Path):
    shutil.copytree(MODELS, tmp_path / "models")
    lock = wait_for_lock(settings.var_dir / "monitor.lock", lambda _: False)
    assert lock
    own = Settings(models_dir=tmp_path / "models", var_dir=settings.var_dir)
    client = create_app(own).test_client()
    client.post(CHECK)
    (tmp_path / "models/wine/1/reference.json").write_text("{}")
    with lock, closing(opened(own)) as store:
        Checks(own, store).run(["wine"])
    assert state(client) == "failed"


def test_what_is_not_recorded_or_not_served_is_not_checked(tmp_path: Path):
    client = create_app(Settings(journal=False, var_dir=tmp_path)).test_client()
    assert client.post(CHECK).status_code == 404
    assert "JOURNAL=off" in client.post(CHECK).json["detail"]
    assert client.post("/models/nothing/monitor/check").status_code == 404


def test_after_an_error_that_nobody_expected_the_next_request_is_followed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    looks: list[int] = []

    def look(*_: object) -> None:
        looks.append(1)
        raise ValueError("of no known kind")

    monkeypatch.setattr(on_request, "wait_for_lock", look)
    client = create_app(settings).test_client()
    client.post(CHECK)
    wait_until(lambda: "of no known kind" in caplog.text)
    wait_until(lambda: len(looks) == 1)
    caplog.clear()
    client.post(CHECK)
    wait_until(lambda: "of no known kind" in caplog.text)
    assert len(looks) == 2
