"""What is erased at one host is erased from the journals of all that share the database."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from entries import ids, predicted
from recorded import MARK, Recorded, about, holding

from bench.postgres import Postgres
from serving import clock
from serving.recording import eraser, erasure
from serving.recording.erasure import FieldValue, Ids, Subject
from serving.recording.status import Status
from serving.recording.store import hosts


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new()


@pytest.fixture
def ana(tmp_path: Path, url: str) -> Iterator[Recorded]:
    with closing(Recorded(tmp_path / "ana", url)) as host:
        host.collector.attempt()
        yield host


@pytest.fixture
def bob(tmp_path: Path, url: str) -> Iterator[Recorded]:
    with closing(Recorded(tmp_path / "bob", url)) as host:
        host.collector.attempt()
        yield host


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A collector that attempts to erase again at once."""
    monkeypatch.setattr(eraser, "RETRY", 0)
    monkeypatch.setattr(eraser, "REST", 0)
    return monkeypatch


def pass_time(monkeypatch: pytest.MonkeyPatch, milliseconds: int) -> None:
    now = clock.now() + milliseconds
    monkeypatch.setattr(clock, "now", lambda: now)


@pytest.mark.parametrize(
    "what", [Ids(["a", "b"]), Subject([MARK]), FieldValue("wine", "alcohol", [MARK])]
)
def test_it_is_erased_from_the_journal_of_another_host(
    ana: Recorded, bob: Recorded, what: erasure.What
):
    ana.record(*about(MARK, "a"), *about("other", "c"))
    bob.record(*about(MARK, "b"), *about("other", "d"))
    begun = ana.erase(what)
    assert begun.done is None
    assert not [*ana.folder.glob(f"*{erasure.SUFFIX}")]
    assert Status.read(ana.folder).erasures == 1
    assert ana.store.erasures.find(begun.id).predictions == 1
    bob.collector.attempt()
    assert holding(ana.folder) == holding(bob.folder) == []
    ended = bob.store.erasures.find(begun.id)
    assert ended.done
    assert ended.predictions == 2
    assert sorted(ids(ana.store)) == ["c", "d"]
    ana.collector.attempt()
    assert Status.read(ana.folder).erasures == Status.read(bob.folder).erasures == 0


def test_the_request_itself_is_kept_in_the_database_only_until_it_is_done(
    ana: Recorded, bob: Recorded, url: str
):
    ana.erase(Subject([MARK]))
    with psycopg.connect(url, autocommit=True) as other:
        kept = "SELECT request FROM erasure_requests"
        assert MARK in str(other.execute(kept).fetchall())
        bob.collector.attempt()
        assert other.execute(kept).fetchall() == []
        assert other.execute("SELECT * FROM erasure_parts").fetchall() == []


def test_it_waits_for_a_host_that_is_away_and_the_log_names_it(
    ana: Recorded, bob: Recorded, later: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    bob.record(*about(MARK, "b"))
    begun = ana.erase(Subject([MARK]))
    assert "away" not in caplog.text  # for no longer than usual
    pass_time(later, hosts.MAX_SILENCE + 1)
    ana.collector.attempt()
    assert "hosts that have not erased their part are away" in caplog.text
    assert ana.store.erasures.find(begun.id).done is None
    bob.collector.attempt()
    ana.collector.attempt()
    assert ana.store.erasures.find(begun.id).done
    assert ids(ana.store) == []


def test_it_waits_neither_for_a_host_that_stopped_nor_for_one_whose_disk_is_lost(
    ana: Recorded, bob: Recorded, tmp_path: Path, url: str, later: pytest.MonkeyPatch
):
    bob.collector.stop()
    pass_time(later, hosts.MAX_SILENCE + 1)
    assert ana.erase(Subject([MARK])).done
    with closing(Recorded(tmp_path / "eva", url)) as killed:
        killed.collector.attempt()
    pass_time(later, hosts.MAX_AWAY + 1)
    assert ana.erase(Subject([MARK])).done


def test_a_host_stops_only_when_all_of_its_journal_is_in_the_store(
    ana: Recorded, bob: Recorded, later: pytest.MonkeyPatch
):
    bob.record(predicted("b", subject=MARK))
    bob.collector.stop()
    pass_time(later, hosts.MAX_SILENCE + 1)
    assert ana.erase(Subject([MARK])).done is None
