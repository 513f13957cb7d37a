"""What is removed for its age is gone: from every file, to the last byte."""

import json
import random
import sqlite3
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import moved, wine
from entries import NOON, feedback, predicted
from msgspec import Raw
from servers import PATIENCE, gunicorn, running

from app import create_app
from serving import clock
from serving.recording.collector import Collector
from serving.recording.entry import TrialEntry
from serving.recording.store import Store, purging
from serving.recording.store.deliveries import Delivery
from serving.recording.store.reports import Alert, Report
from serving.settings import Settings
from serving.statement import Statement

OLD, NEW = NOON, NOON + 10 * clock.DAY
LIMIT = NOON + clock.DAY


def left(folder: Path, mark: str) -> dict[str, int]:
    """The files that hold a mark, and how often."""
    counts = {str(path): path.read_bytes().count(mark.encode()) for path in folder.iterdir()}
    return {path: count for path, count in counts.items() if count}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(f"sqlite:///{tmp_path}/store.db")
    opened.migrate()
    yield opened
    opened.close()


def entries(mark: str, time: int, count: int) -> list[Any]:
    """A prediction, its feedback and its trial, each with the mark in every value it has."""
    named = [f"wine.1.{time + at:011x}{mark}{at:08x}" for at in range(count)]
    made = []
    for at, each in enumerate(named):
        value = {"request_id": f"{mark}-{at}", "records": [[f"{mark}-{at}", at]]}
        about = value | {"time": time + at, "predictions": [f"{mark}-{at}"]}
        made += [
            predicted(each, probabilities=[[f"{mark}-{at}"]], classes=["bom"], **about),
            feedback(f"{mark}-{at}", each, at=time + at, request_id=f"{mark}-{at}"),
            TrialEntry(time + at, "wine", 2, [each], [f"{mark}-{at}"]),
        ]
    return made


def test_deleted_rows_leave_no_byte_behind(store: Store, tmp_path: Path):
    """Added in any order, with those that stay in between, over many pages of the tables."""
    both = [*entries("expired", OLD, 800), *entries("remains", NEW, 800)]
    random.Random(1).shuffle(both)
    for at in range(0, len(both), 500):
        store.add(both[at : at + 500], {})
    assert left(tmp_path, "expired")
    assert store.delete_older(LIMIT) == 800
    store.rewrite()
    assert left(tmp_path, "expired") == {}
    assert sum(left(tmp_path, "remains").values()) > 800
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        for table in ("predictions", "feedback", "trials"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (800,)


def test_rows_added_and_deleted_while_others_read_leave_no_byte_behind(
    store: Store, tmp_path: Path
):
    """A reader holds the log; when it has read, the next time cuts it off."""
    store.add(entries("expired", OLD, 50), {})
    reader = sqlite3.connect(tmp_path / "store.db")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM predictions").fetchone()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(purging, "TRIES", 1)
        patch.setattr(purging, "PAUSE", 0)
        assert not purging.truncate_log(store._database)  # noqa: SLF001 - it moves all that it can
        assert store.delete_older(LIMIT) == 50
        reader.close()
        assert store.delete_older(LIMIT) == 0
    assert left(tmp_path, "expired") == {}


def test_trials_of_predictions_that_never_came_are_deleted(store: Store):
    for version in (2, 3):
        store.add([TrialEntry(OLD, "beer", version, ["never"], ["bom"])], {})
    store.add([TrialEntry(NEW, "beer", 2, ["new"], ["bom"])], {})
    store.delete_older(LIMIT)
    store.add([predicted("never", model="beer"), predicted("new", model="beer")], {})
    assert store.trial("beer", 2, numbers=False).rows == 1
    assert store.trial("beer", 3, numbers=False).rows == 0


def test_a_trial_is_deleted_with_its_prediction_even_if_it_was_made_later(store: Store):
    store.add([predicted("old", "new"), TrialEntry(NEW, "wine", 2, ["old"], ["bom"])], {})
    store.delete_older(LIMIT)
    store.add([predicted("old")], {})
    assert store.trial("wine", 2, numbers=False).rows == 0


def report(mark: str, since: int | None, time: int, version: int = 1) -> Report:
    text = msgspec.json.encode({"window": {"since": since}, "edges": mark})
    return Report("wine", version, time, Raw(text), 0, Raw(b'{"watch": 1}'))


MOVED = Statement("moved", {"distance": 0.5}, "alcohol")


def alert(version: int, cleared: int | None, raised: int) -> Alert:
    about = {"model": "wine", "version": version, "kind": "data drift"}
    return Alert(**about, raised=raised, cleared=cleared, statements=(MOVED,))


def test_a_report_is_deleted_with_the_oldest_row_of_its_window(store: Store, tmp_path: Path):
    """Its least and greatest are values that somebody sent."""
    kept = store.reports
    kept.write(
        report("expired", OLD, NEW),
        Raw(b"{}"),
        [alert(1, None, NEW), alert(1, NEW, NEW - 1)],
        [Delivery("a", "expired", OLD), Delivery("b", "remains", NEW)],
        before=0,
    )
    kept.write(report("remains", NEW, NEW, 2), Raw(b"{}"), [alert(2, None, NEW + 1)], [], before=0)
    kept.write(report("remains", None, NEW, 3), Raw(b"{}"), [], [], before=0)
    kept.write(report("expired", None, OLD, 4), Raw(b"{}"), [alert(4, OLD, OLD)], [], before=0)
    store.delete_older(LIMIT)
    assert left(tmp_path, "expired") == {}
    assert kept.of_alert("wine", NEW) is None
    assert bytes(kept.of_alert("wine", NEW + 1)).endswith(b'"edges":"remains"}')
    assert [(each.version, each.raised) for each in kept.alerts()] == [
        (2, NEW + 1),
        (1, NEW),
        (1, NEW - 1),
    ]
    first = kept.latest("wine", 1)
    assert (bytes(first.report), bytes(first.watch)) == (b"null", b'{"watch": 1}')
    assert bytes(kept.latest("wine", 3).report).endswith(b'"edges":"remains"}')
    assert kept.latest("wine", 4) is None
    assert {each.time for each in kept.points("wine", 0)} == {NEW}
    assert [each.id for each in store.deliveries.due(2 * NEW, 9)] == ["b"]


def test_pages_show_an_alert_whose_report_was_deleted(settings: Settings):
    settings.var_dir.mkdir()
    with closing(Store(settings.store_url)) as store:
        store.migrate()
        store.reports.write(
            report("expired", OLD, NEW), Raw(b"{}"), [alert(1, None, NEW)], [], before=0
        )
        store.delete_older(LIMIT)
    client = create_app(settings).test_client()
    for path in ("/monitor", "/monitor/wine", "/models/wine/monitor", "/metrics"):
        assert client.get(path).status_code == 200
    answer = client.get(f"/monitor/wine?raised={NEW}")
    assert answer.status_code == 404
    assert "no report is kept" in answer.text


@pytest.mark.slow
def test_nothing_of_a_prediction_is_left_after_its_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Through the service: the journal, the tables, and all that lies beside them."""
    mark = "14.0123456789"

    def post(path: str, value: Any) -> Any:
        request = urllib.request.Request(f"{server.url}{path}", json.dumps(value).encode())
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    with running(gunicorn(), tmp_path / "log") as server:
        made = post("/predict", [wine(alcohol=float(mark))] * 300)["predictions"]
        post("/feedback", [{"id": each["id"], "actual": "bom"} for each in made])
    settings = Settings(var_dir=tmp_path / "var")
    stem = made[0]["id"].rsplit(".", 1)[0]

    def holding(word: str) -> list[Path]:
        files = [path for path in settings.var_dir.rglob("*") if path.is_file()]
        return [path for path in files if word.encode() in path.read_bytes()]

    with closing(moved(settings)) as store:
        assert holding(mark)
        assert holding(stem)
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + 3 * clock.DAY)
        Collector(settings.journal_dir, store, days=2).delete_expired()
    assert holding(mark) == holding(stem) == []
