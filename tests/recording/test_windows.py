"""What the monitor reads of the store, over SQLite and PostgreSQL, both real."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest
from servers import wait_until

from bench.postgres import Postgres
from serving.errors import StoreError
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.store import Store
from serving.recording.store.new_feedback import FeedbackPart, WindowState
from serving.recording.store.windows import WindowLimits

NOON = 1_700_000_000_000


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store of a few predictions, one a second: of two versions, and of another model."""
    opened = Store(store_url)
    opened.migrate()
    opened.add([predicted("wine", 1, at) for at in range(5)], {})
    opened.add([predicted("wine", 2, 5), predicted("wine.1", 1, 6)], {})
    yield opened
    opened.close()


def named(model: str, version: int, at: int) -> str:
    return f"{model}.{version}.{NOON + at:011x}{at:016x}"


def predicted(model: str, version: int, at: int) -> PredictionEntry:
    return PredictionEntry(
        time=NOON + 1_000 * at,
        model=model,
        version=version,
        request_id="query",
        duration=100 + at,
        ids=[named(model, version, at)],
        fields=["alcohol"],
        records=[[9.5]],
        predictions=["bom"],
        classes=["bom", "ruim"],
        probabilities=[[0.75, 0.25]],
        warnings={0: [{"field": "alcohol"}]} if at == 1 else {},
    )


def feedback(actual: str, *ids: str, at: int = 60) -> FeedbackEntry:
    return FeedbackEntry(NOON + 1_000 * at, "result", list(ids), [actual] * len(ids))


def limits(version: int = 1, since: int = 0, max_rows: int = 100) -> WindowLimits:
    return WindowLimits("wine", version, NOON + 1_000 * since, max_rows)


def rows(parts: Iterable[FeedbackPart]) -> list[tuple[Any, ...]]:
    return [row for part in parts for row in zip(*map(json.loads, part[:5]), strict=True)]


def window(store: Store, query: WindowLimits) -> list[tuple[Any, ...]]:
    """Rows of a window: what the record's values stand for, then as `Part` has its columns."""
    return [
        (json.loads(part.fields), *row, part.feedback.get(place))
        for part in store.window(query)
        for place, row in enumerate(zip(*map(json.loads, part[3:]), strict=True))
    ]


def test_a_window_contains_the_latest_predictions_of_a_version_and_none_too_old(store: Store):
    def seconds(query: WindowLimits) -> list[int]:
        return [(time - NOON) // 1_000 for _, time, *_ in window(store, query)]

    assert seconds(limits()) == [4, 3, 2, 1, 0]
    assert seconds(limits(max_rows=2)) == [4, 3]
    assert seconds(limits(since=2)) == [4, 3, 2]
    assert seconds(limits(version=2)) == [5]
    assert seconds(limits(version=3)) == []


@pytest.mark.parametrize("at_once", [1, 3, 7])
def test_a_window_is_read_in_batches(store: Store, at_once: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("serving.recording.store.windows.BATCH", at_once)
    ids = [f"{named('wine', 3, at)}.{place}" for at in range(4) for place in range(4)]
    for batch in range(4):  # of two layouts, and two batches at each time
        made = predicted("wine", 3, batch // 2)
        made.ids, made.predictions = ids[4 * batch : 4 * batch + 4], ["bom"] * 4
        made.fields, made.records = [("alcohol", "pH")[batch % 2]], [[batch]] * 4
        made.probabilities = [[0.75, 0.25]] * 4
        store.add([made, feedback("ruim", made.ids[3])], {})
    found = window(store, limits(version=3))
    records = [(*fields, *record) for fields, _, _, record, *_ in found]
    assert sorted(records) == sorted([("alcohol", 0), ("pH", 1), ("alcohol", 2), ("pH", 3)] * 4)
    assert len([feedback for *_, feedback in found if feedback]) == 4
    assert len(window(store, limits(version=3, max_rows=9))) == 9


def test_a_row_has_its_record_its_prediction_and_its_latest_feedback(store: Store):
    one, other = named("wine", 1, 0), named("wine", 1, 1)
    store.add(
        [feedback("ruim", one, at=61), feedback("bom", one, other), feedback("bom", one, at=59)], {}
    )
    *_, third, second, first = window(store, limits())
    answer = [9.5], "bom", [0.75, 0.25]
    assert first == (["alcohol"], NOON, 100, *answer, ("ruim", NOON + 61_000))
    assert second == (["alcohol"], NOON + 1_000, 101, *answer, ("bom", NOON + 60_000))
    assert third == (["alcohol"], NOON + 2_000, 102, *answer, None)
    assert sum(part.warned for part in store.window(limits())) == 1


def test_the_numbers_of_a_regression_come_without_probabilities(store: Store):
    entry = predicted("wine", 3, 0)
    entry.predictions, entry.classes, entry.probabilities = [5.25], (), []
    store.add([entry, FeedbackEntry(NOON, "result", entry.ids, [6.0])], {})
    part, *others = store.window(limits(version=3))
    assert (part.predictions, part.probabilities, part.feedback) == (
        "[5.25]",
        "[]",
        {0: (6.0, NOON)},
    )
    assert not others


def test_a_window_that_is_closed_early_reads_no_further(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("serving.recording.store.windows.BATCH", 1)
    before = threading.active_count()
    parts = store.window(limits())
    assert next(parts).times == f"[{NOON + 4_000}]"
    assert threading.active_count() == before + 1
    parts.close()
    assert threading.active_count() == before


def test_a_window_that_is_being_read_holds_up_no_other_work(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch
):
    """SQLite's log can be taken up, and PostgreSQL's tables be locked to drop a partition."""
    monkeypatch.setattr("serving.recording.store.windows.BATCH", 1)

    def is_free() -> bool:
        if store_url.startswith("sqlite"):
            with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"))) as connection:
                return connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        with psycopg.connect(store_url) as connection, suppress(psycopg.errors.LockNotAvailable):
            connection.execute("LOCK TABLE predictions IN ACCESS EXCLUSIVE MODE NOWAIT")
            return True
        return False

    with closing(store.window(limits())) as parts:
        assert next(parts).times == f"[{NOON + 4_000}]"
        store.add([predicted("wine", 1, 9)], {})
        wait_until(is_free)
        assert next(parts).times == f"[{NOON + 3_000}]"


def test_a_window_that_cannot_be_read_is_a_store_error(store_url: str):
    store = Store(store_url)
    with pytest.raises(StoreError, match="predictions"):
        next(store.window(limits()))
    store.close()


def test_feedback_to_a_version_is_read_in_its_order_of_arrival(store: Store):
    late, missing = named("wine", 1, 0), named("wine", 1, 99)
    others = named("wine", 2, 5), named("wine.1", 1, 6)
    store.add([feedback("bom", named("wine", 1, 3), at=90)], {})
    store.add([feedback("ruim", *others, late, missing)], {})
    last = store.last_place()
    first, second, third = rows(store.new_feedback(limits(), 0, last))
    assert first[1:4] == (NOON + 90_000, "bom", "bom")
    assert second[1:4] == (NOON + 60_000, "ruim", "bom")
    assert third == (last, NOON + 60_000, "ruim", None, None)
    assert rows(store.new_feedback(limits(), second[0], last)) == [third]
    assert rows(store.new_feedback(limits(), first[0], second[0])) == [second]


def test_the_state_of_a_window_is_read_without_its_rows(store: Store):
    assert store.window_state(limits(), 0) == WindowState(5, NOON + 4_000, feedback=False)
    assert store.window_state(limits(since=9), 0) == WindowState(0, None, feedback=False)
    store.add([feedback("bom", named("wine", 2, 5))], {})
    assert not store.window_state(limits(), 0).feedback
    assert store.window_state(limits(version=2), 0).feedback
    assert not store.window_state(limits(version=2), store.last_place()).feedback


SLOW = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(1); RETURN NEW; END';
    CREATE TRIGGER slow AFTER INSERT ON feedback FOR EACH ROW WHEN (NEW.actual = '"ruim"')
    EXECUTE FUNCTION slow();
"""


def test_no_feedback_is_missed_because_its_collector_was_slow(postgres: Postgres):
    """On PostgreSQL several hosts may write at once, and a place be taken before it is seen."""
    url = postgres.new()
    store = Store(url)
    store.migrate()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SLOW)
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    with ThreadPoolExecutor(1) as other, psycopg.connect(url, autocommit=True) as looking:
        slow = other.submit(store.add, [feedback("ruim", named("wine", 1, 1))], {})
        wait_until(lambda: slow.done() or looking.execute(asleep).fetchone() == (1,))
        store.add([feedback("bom", named("wine", 1, 2))], {})
        last = store.last_place()
        seen = [row[0] for row in rows(store.new_feedback(limits(), 0, last))]
        slow.result()
    assert rows(store.new_feedback(limits(), last, store.last_place())) == []
    assert len(seen) == 2
    store.close()
