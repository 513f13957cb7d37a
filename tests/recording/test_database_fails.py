"""A database that fails is an error of the store that names it, until it works again."""

import math
import resource
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from entries import feedback, ids, predicted
from msgspec import Raw
from relay import relayed

from bench.postgres import Postgres
from serving.errors import StoreError
from serving.recording.erasure import Ids, Request
from serving.recording.store import Store, database
from serving.recording.store.database import Database
from serving.recording.store.hosts import Report
from serving.recording.store.rows import Position

REQUEST = Request("1", 1, "ana", Ids(["a"]))


def test_a_store_without_tables_is_an_error(store_url: str):
    store = Store(store_url)
    with pytest.raises(StoreError, match="predictions"):
        store.prediction("a")
    store.close()


def test_a_stopped_server_is_an_error_until_it_is_started_again(postgres: Postgres):
    store = Store(postgres.new())
    store.migrate()
    store.add([predicted("a")], {})
    postgres.stop()
    try:
        with pytest.raises(
            StoreError, match=r"^postgresql://postgres@127\.0\.0\.1:\d+/test\d+: "
        ) as e:
            store.add([predicted("b")], {"segment": Position(10)})
        assert "\n" not in str(e.value)
        with pytest.raises(StoreError, match="refused"):
            store.prediction("a")
    finally:
        postgres.start()
    store.add([predicted("c")], {})
    assert ids(store) == ["c", "a"]
    assert store.positions() == {}
    store.close()


BRIEF: dict[str, Callable[[Store], object]] = {
    "migration": Store.migrate,
    "feedback": lambda store: store.add([feedback(1, "a")], {}),
    "sign of life": lambda store: store.hosts.see("a", "ana"),
    "report of a host": lambda store: store.hosts.report("a", Report(0, 0, Raw(b"{}"))),
    "stop of a host": lambda store: store.hosts.stop("a"),
    "shared request": lambda store: store.erasures.share(REQUEST),
    "requests that wait": lambda store: store.erasures.waiting("a"),
    "end of a part": lambda store: store.erasures.end_part(REQUEST, "a"),
    "hosts that are away": lambda store: store.erasures.away(),
    "end of requests": lambda store: store.erasures.complete(),
}


@pytest.mark.parametrize("name", BRIEF)
def test_a_connection_that_swallows_all_from_then_on_is_given_up(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, name: str
):
    """Just after it was used, so that nothing has noticed it before."""
    monkeypatch.setattr(database, "MAX_SECONDS", 1)
    monkeypatch.setattr(database, "UNUSED", math.inf)
    with relayed(postgres.new()) as relay, closing(Store(relay.url)) as store:
        store.migrate()
        relay.swallows = True
        found: list[Exception] = []

        def call() -> None:
            try:
                BRIEF[name](store)
            except StoreError as error:
                found.append(error)

        calling = threading.Thread(target=call, daemon=True)
        calling.start()
        calling.join(30)
        assert [type(each) for each in found] == [StoreError]
        relay.swallows = False
        BRIEF[name](store)


def test_a_full_disk_is_an_error_until_it_has_space_again(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(StoreError, match=r"store\.db: .*(full|I/O)"):
            store.add([predicted(*map(str, range(5000)))], {"segment": Position(10)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.positions() == {}
    store.add([predicted("a")], {})
    assert ids(store) == ["a"]
    store.close()


def test_a_locked_database_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("serving.recording.store.sqlite.ARGUMENTS", {"timeout": 0.1})
    store_url = f"sqlite:///{tmp_path}/store.db"
    store, other = Store(store_url), Database(store_url)
    store.migrate()
    with other.writing():
        assert store.positions() == {}, "readers are not locked out"
        with pytest.raises(StoreError, match="database is locked"):
            store.add([predicted()], {})
    store.add([predicted()], {})
    store.close()
    other.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "sqlite:////nowhere/at/all/store.db",
            "sqlite:////nowhere/at/all/store.db: unable to open",
        ),
        ("postgresql://me:secret@127.0.0.1:1/wines?password=secret", "me@127.0.0.1:1/wines: "),
        ("postgres://me:secret@127.0.0.1:1/wines", "postgres://me@127.0.0.1:1/wines: "),
        ("mysql://me:secret@127.0.0.1/wines", "begins with sqlite:/// or postgresql://"),
        ("secret", "begins with sqlite:/// or postgresql://"),
    ],
)
def test_an_error_names_the_database_without_its_password(url: str, message: str):
    with pytest.raises(StoreError) as e:
        Store(url).migrate()
    assert message in str(e.value)
    assert "secret" not in str(e.value)


def test_the_public_message_for_a_database_without_tables_is_that_nothing_is_recorded(
    store_url: str,
):
    store = Store(store_url)
    with pytest.raises(StoreError) as refused:
        store.positions()
    store.close()
    assert refused.value.public == "nothing is recorded in the database yet"
