"""What is erased is gone from the archive's files, too, and the erasure waits for that."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from archives import id_at, made, recorded, rows, stop_at
from entries import NOON, feedback
from moved import LATER, Killed, end
from recorded import Recorded
from servers import wait_until

from serving import clock
from serving.archive.changes import Changes
from serving.archive.erasing import erase
from serving.archive.runs import run
from serving.errors import StoreError
from serving.recording import erasure
from serving.recording.archive_messages import Run
from serving.recording.archiving import Archive
from serving.recording.erasure import FieldValue, Ids, Request, Subject
from serving.recording.store import Store
from serving.recording.store.reports import Report

ANA = "ana"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "archive")


@pytest.fixture
def kept(tmp_path: Path, store_url: str, url: str) -> Iterator[Recorded]:
    """A journal with a store, whose old rows are archived, and some of them about Ana."""
    found = Recorded(tmp_path, store_url, Archive(store_url, url, tmp_path))
    found.store.migrate()
    fill(found.store)
    run(Changes(found.store, url, tmp_path), Run(LATER))
    yield found
    found.close()


def fill(store: Store) -> None:
    store.add(recorded(20), {})
    for at in range(3):
        store.add([made(NOON + 500 + at, 50 + at, subject=ANA, records=[[123.5, "x"]])], {})
        store.add([feedback("bom", id_at(NOON + 500 + at, 50 + at))], {})
    store.add([made(LATER, 70, subject=ANA, records=[[123.5, "x"]])], {})


NAMED = [
    Ids([id_at(NOON + 500 + at, 50 + at) for at in range(3)] + [id_at(LATER, 70)]),
    Subject([ANA, "hash of ana"]),
    FieldValue("wine", "alcohol", ["123.5", 123.5]),
]


@pytest.mark.parametrize("what", NAMED)
def test_what_is_erased_leaves_all_files(kept: Recorded, url: str, what: erasure.What):
    (before,) = Path(url).rglob("*.parquet")
    kept.store.add([feedback("ruim", id_at(NOON + 500, 50), at=LATER)], {})
    others = [row for row in rows(kept.store, url) if row["number_alcohol"] != 123.5]
    request = erasure.write(kept.folder, "ana", what)

    def is_done() -> Any:
        kept.collector.attempt()
        return kept.store.erasures.find(request.id).done

    wait_until(is_done)
    left = kept.store.erasures.find(request.id)
    assert (left.predictions, left.feedback, left.trials) == (4, 4, 0)
    assert rows(kept.store, url) == others
    (after,) = Path(url).rglob("*.parquet")
    assert after != before
    kept.store.add([feedback("bom", id_at(NOON + 500, 50), at=LATER + 9)], {})
    assert kept.store.unmatched(LATER * 2, 9)[0] == 0  # a hash of the id is kept
    assert len(others) == 20


@pytest.mark.parametrize("value", [2**60, 2**60 + 1, 2**70, True, "x"])
def test_any_value_is_erased_from_files(store: Store, url: str, tmp_path: Path, value: Any):
    """Integers that are exact as floats, those that are not, and what is no number."""
    store.add([made(NOON, 0), made(NOON + 1, 1, records=[[value, None]])], {})
    changes = Changes(store, url, tmp_path)
    run(changes, Run(LATER))
    request = Request("e1", clock.now(), "ana", FieldValue("wine", "alcohol", [value]))
    store.erasures.share(request)
    erase(changes, request)
    assert [row["id"] for row in rows(store, url)] == [id_at(NOON, 0)]


def test_a_report_that_quotes_an_archived_row_goes(kept: Recorded, url: str, tmp_path: Path):
    window = {"window": {"since": NOON, "until": NOON + 900}}
    report = msgspec.Raw(msgspec.json.encode(window))
    new = Report("wine", 1, NOON, report, 0, msgspec.Raw(b"{}"))
    kept.store.reports.write(new, msgspec.Raw(b"{}"), [], [], before=0)
    request = Request("e1", clock.now(), "ana", Subject([ANA]))
    kept.store.erasures.share(request)
    erase(Changes(kept.store, url, tmp_path), request)
    assert bytes(kept.store.reports.latest("wine", 1).report) == b"null"


@pytest.mark.faults
@pytest.mark.parametrize("step", range(0, 30, 1 if os.environ.get("FAULTS") == "full" else 4))
def test_an_erasure_that_ends_anywhere_is_finished_by_the_next(tmp_path: Path, url: str, step: int):
    store = Store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    fill(store)
    changes = Changes(store, url, tmp_path)
    run(changes, Run(LATER))
    others = [row for row in rows(store, url) if row["number_alcohol"] != 123.5]
    request = Request("e1", clock.now(), "ana", Subject([ANA]))
    store.erasures.share(request)
    store.erasures.delete(request)
    try:
        with stop_at(step, end):
            erase(changes, request)
    except Killed:
        pass
    erase(Changes(store, url, tmp_path), request)
    assert rows(store, url) == others
    done = store.erasures.find("e1")
    assert (done.predictions, done.feedback) == (4, 3)
    store.erasures.end("e1", clock.now())
    run(changes, Run(LATER))
    assert len([*Path(url).rglob("*.parquet")]) == 1
    assert rows(store, url) == others
    store.close()


def test_what_is_erased_while_it_is_moved_is_in_no_file(tmp_path: Path, url: str):
    """Of the store, after it was read for a file; its turn comes when the file counts."""
    store = Store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    fill(store)
    request = Request("e1", clock.now(), "ana", Subject([ANA]))
    changes = Changes(store, url, tmp_path)
    enter = store.archived.enter

    def meanwhile(*arguments: Any) -> None:
        enter(*arguments)
        store.erasures.share(request)
        store.erasures.delete(request)

    store.archived.enter = meanwhile  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.archive.changes.MAX_GIVEN", 0)
        run(changes, Run(LATER))
    store.archived.enter = enter  # type: ignore[method-assign]
    assert all(row["number_alcohol"] != 123.5 for row in rows(store, url))
    store.close()


@pytest.mark.faults
def test_an_erasure_waits_for_a_file_that_cannot_be_read(kept: Recorded, url: str):
    (path,) = Path(url).rglob("*.parquet")
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    request = erasure.write(kept.folder, "ana", Subject([ANA]))
    archive = kept.collector.eraser._archive  # noqa: SLF001 - as its attempts pause after a failure
    kept.collector.attempt()
    with pytest.raises(StoreError, match=f"{path.name} is damaged"):
        archive.has_erased([request], 60)
    assert kept.store.erasures.find(request.id).done is None
    path.write_bytes(content)

    def is_done() -> Any:
        kept.collector.eraser._next = 0  # noqa: SLF001
        kept.collector.attempt()
        return kept.store.erasures.find(request.id).done

    wait_until(is_done)


def test_an_erasure_waits_where_nobody_knows_the_archive(kept: Recorded, tmp_path: Path):
    kept.collector.eraser._archive = Archive("", "", tmp_path)  # noqa: SLF001
    request = erasure.write(kept.folder, "ana", Subject([ANA]))
    kept.collector.attempt()
    assert "ARCHIVE_URL is not set" in kept.collector.eraser._reason  # noqa: SLF001
    assert kept.store.erasures.find(request.id).done is None


def test_a_process_that_cannot_be_started_is_an_error_of_the_store(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("serving.recording.archiving.sys.executable", "/nowhere/python")
    archive = Archive(f"sqlite:///{tmp_path}/store.db", url, tmp_path)
    with pytest.raises(StoreError, match="cannot be used"):
        next(archive.find([ANA]))
