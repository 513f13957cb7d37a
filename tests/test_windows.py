"""What the monitor reads of the store, over SQLite and PostgreSQL, both real."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from postgres import Postgres

from serving.entry import Learnt, Predicted
from serving.store import Store
from serving.store.windows import Extent, News, Part

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


def predicted(model: str, version: int, at: int) -> Predicted:
    return Predicted(
        time=NOON + 1_000 * at,
        model=model,
        version=version,
        request_id="asked",
        duration=100 + at,
        ids=[named(model, version, at)],
        fields=["alcohol"],
        records=[[9.5]],
        predictions=["bom"],
        classes=["bom", "ruim"],
        probabilities=[[0.75, 0.25]],
        warnings={0: [{"field": "alcohol"}]} if at == 1 else {},
    )


def learnt(actual: str, *ids: str, at: int = 60) -> Learnt:
    return Learnt(NOON + 1_000 * at, "told", list(ids), [actual] * len(ids))


def extent(version: int = 1, since: int = 0, most: int = 100) -> Extent:
    return Extent("wine", version, NOON + 1_000 * since, most)


def rows(parts: Iterable[Part]) -> list[list[Any]]:
    return [list(row) for part in parts for row in part]


def test_a_window_holds_the_latest_of_a_version_and_none_too_old(store: Store):
    def seconds(asked: Extent) -> list[int]:
        return [(row[0] - NOON) // 1_000 for row in rows(store.window(asked))]

    assert seconds(extent()) == [4, 3, 2, 1, 0]
    assert seconds(extent(most=2)) == [4, 3]
    assert seconds(extent(since=2)) == [4, 3, 2]
    assert seconds(extent(version=2)) == [5]
    assert seconds(extent(version=3)) == []


def test_a_row_has_what_was_asked_and_answered_and_what_was_said_of_it_last(store: Store):
    one, other = named("wine", 1, 0), named("wine", 1, 1)
    store.add(
        [learnt("ruim", one, at=61), learnt("bom", one, other), learnt("bom", one, at=59)], {}
    )
    *_, second, first = rows(store.window(extent()))
    chances = '{"bom":0.75,"ruim":0.25}'
    assert first == [
        *(NOON, 100, '{"alcohol":9.5}', '"bom"', chances, 0),
        *('"ruim"', NOON + 61_000),
    ]
    assert second == [
        *(NOON + 1_000, 101, '{"alcohol":9.5}', '"bom"', chances, 1),
        *('"bom"', NOON + 60_000),
    ]


def test_feedback_to_a_version_is_read_in_the_order_in_which_it_came(store: Store):
    late, missing = named("wine", 1, 0), named("wine", 1, 99)
    others = named("wine", 2, 5), named("wine.1", 1, 6)
    store.add([learnt("bom", named("wine", 1, 3), at=90)], {})
    store.add([learnt("ruim", *others, late, missing)], {})
    last = store.last_place()
    first, second, third = rows(store.arrived(extent(), 0, last))
    assert first[1:4] == [NOON + 90_000, '"bom"', '"bom"']
    assert second[1:4] == [NOON + 60_000, '"ruim"', '"bom"']
    assert third == [last, NOON + 60_000, '"ruim"', None, None]
    assert rows(store.arrived(extent(), second[0], last)) == [third]
    assert rows(store.arrived(extent(), first[0], second[0])) == [second]


def test_news_are_told_without_reading_all_of_it(store: Store):
    assert store.news(extent(), 0) == News(5, NOON + 4_000, feedback=False)
    assert store.news(extent(since=9), 0) == News(0, None, feedback=False)
    store.add([learnt("bom", named("wine", 2, 5))], {})
    assert not store.news(extent(), 0).feedback
    assert store.news(extent(version=2), 0).feedback
    assert not store.news(extent(version=2), store.last_place()).feedback


SLOW = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END';
    CREATE TRIGGER slow AFTER INSERT ON feedback FOR EACH ROW WHEN (NEW.actual = '"ruim"')
    EXECUTE FUNCTION slow();
"""


def test_no_feedback_is_passed_over_because_its_collector_was_slow(postgres: Postgres):
    """On PostgreSQL several hosts may write at once, and a place be taken before it is seen."""
    url = postgres.new()
    store = Store(url)
    store.migrate()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SLOW)
    with ThreadPoolExecutor(1) as other:
        slow = other.submit(store.add, [learnt("ruim", named("wine", 1, 1))], {})
        time.sleep(0.2)
        store.add([learnt("bom", named("wine", 1, 2))], {})
        last = store.last_place()
        seen = [row[0] for row in rows(store.arrived(extent(), 0, last))]
        slow.result()
    assert rows(store.arrived(extent(), last, store.last_place())) == []
    assert len(seen) == 2
    store.close()
