"""The collector goes on whatever is in its way, and deletes what is older than it may be."""

import json
import os
import signal
import threading
import time
import urllib.request
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import moved, predict, wine
from entries import predicted
from servers import PATIENCE, children, get, gunicorn, running, wait_until

from app import create_app
from serving import clock
from serving.recording import collecting
from serving.recording.collector import Collector
from serving.recording.entry import PredictionEntry
from serving.recording.status import Status
from serving.recording.store import Store
from serving.settings import Settings

KNOWN = "wine.1.19aa63c2f3c0123456789abcdef"


def test_foreign_files_do_not_stop_the_collector(settings: Settings):
    client = create_app(settings).test_client()
    id_ = predict(client, wine())["id"]
    (settings.journal_dir / "0-folder.jsonl").mkdir()
    (settings.journal_dir / "0-loop.jsonl").symlink_to("0-loop.jsonl")
    Path(os.fsdecode(os.fsencode(settings.journal_dir) + b"/0-caf\xe9.jsonl")).write_bytes(b"{}\n")
    (settings.journal_dir / "0-bytes.jsonl").write_bytes(bytes(range(256)) * 10)
    with closing(moved(settings)) as store:
        assert store.prediction(id_)
    assert client.get(f"/predictions/{id_}").status_code == 200
    assert client.get("/metrics").status_code == 200


def test_old_records_are_deleted_from_the_store(settings: Settings):
    client = create_app(settings).test_client()
    with closing(moved(settings)) as store:
        old = PredictionEntry(
            time=clock.now() - 3 * clock.DAY,
            model="wine",
            version=1,
            request_id="mine",
            duration=1,
            ids=[KNOWN],
            fields=["pH"],
            records=[[3.3]],
            predictions=["bom"],
        )
        store.add([old], {})
        assert client.get(f"/predictions/{KNOWN}").status_code == 200
        id_ = predict(client, wine())["id"]
        collecting = Collector(settings.journal_dir, store, days=2)
        collecting.attempt()
        collecting.delete_expired()
    assert client.get(f"/predictions/{KNOWN}").status_code == 404
    assert client.get(f"/predictions/{id_}").status_code == 200


@pytest.mark.parametrize("days", [0, 2])
def test_the_collector_deletes_old_records_if_days_are_set(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, days: int
):
    monkeypatch.setenv("SQLITE_TMPDIR", str(settings.var_dir))
    deleted = threading.Event()

    def pause(seconds: float) -> bool:
        """End when the thread that deletes has done so, where there is one."""
        if seconds == collecting.HOUR:
            deleted.set()
        elif days:
            assert deleted.wait(PATIENCE)
        return False

    with closing(moved(settings)) as store:
        store.add([predicted("old")], {})
        collecting.run(replace(settings, retention_days=days), pause)
        assert (store.prediction("old") is None) == bool(days)


def test_old_records_are_deleted_from_the_journal_while_the_store_is_down(settings: Settings):
    settings.journal_dir.mkdir(parents=True)
    days_ago = time.time() - 3 * 86_400
    for name in ("old", "new"):
        segment = settings.journal_dir / f"{name}.jsonl"
        segment.write_text("{}\n")
    os.utime(settings.journal_dir / "old.jsonl", (days_ago, days_ago))
    with closing(Store(f"sqlite:///{settings.var_dir}/no/such/folder/store.db")) as store:
        collecting = Collector(settings.journal_dir, store, days=2)
        for _ in range(2):
            collecting.attempt()
    assert [path.stem for path in settings.journal_dir.glob("*.jsonl")] == ["new"]
    shown = Status.read(settings.journal_dir)
    assert shown
    assert (shown.waiting, "unable to open" in shown.reason) == (3, True)


@pytest.mark.faults
def test_another_collector_takes_over(tmp_path: Path):
    with running(gunicorn(), tmp_path / "log") as server:
        request = urllib.request.Request(f"{server.url}/predict", json.dumps(wine()).encode())
        for worker in children(server.process.pid):
            for companion in children(worker):
                os.kill(companion, signal.SIGKILL)
        wait_until(lambda: "replacing its worker" in server.log.read_text())
        with urllib.request.urlopen(request) as answer:
            id_ = json.load(answer)["id"]

        def listed() -> bool:
            status, found = get(f"{server.url}/models/wine/predictions")
            return status == 200 and [one["id"] for one in found["predictions"]] == [id_]

        wait_until(listed)
