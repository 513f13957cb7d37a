"""The archive in an object store of S3's protocol, which is cut off and comes back."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import obstore
import pytest
from archives import id_at, made, recorded
from entries import NOON, feedback
from proxy import Proxy
from test_s3 import proxy, s3  # noqa: F401 - fixtures
from test_scored import objects

from serving import clock
from serving.archive.changes import Changes
from serving.archive.reading import read
from serving.archive.runs import run
from serving.errors import ArchiveError
from serving.recording.archive_messages import Run
from serving.recording.archiving import Archive
from serving.recording.erasure import Request, Subject
from serving.recording.store import Store
from serving.recording.store.archived import Wanted

MODEL = "vinho é"
LATER = clock.day_of(NOON) + 3 * clock.DAY
COLUMNS = ["id", "time", "number_alcohol", "actual_label"]


def rows(store: Store, url: str) -> list[Any]:
    batches = read(store, url, Wanted("wine"), COLUMNS)
    return [row for batch in batches for row in batch.to_pylist()]


def listed(prefix: str) -> list[str]:
    return [each["path"] for page in obstore.list(objects(), prefix) for each in page]


def copied(prefix: str, folder: Path) -> str:
    """Copy the objects to a folder as they are called; return a pattern of them."""
    for name in listed(prefix):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(obstore.get(objects(), name).bytes())
    return f"{folder}/{prefix}/*/*/*.parquet"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{tmp_path}/store.db")) as opened:
        opened.migrate()
        opened.add(recorded(50), {})
        opened.add([made(NOON, 9, model=MODEL, subject="ana"), made(NOON, 99, subject="ana")], {})
        yield opened


def test_it_is_as_in_a_folder(store: Store, proxy: Proxy, tmp_path: Path):  # noqa: F811
    url = f"s3://adega/{tmp_path.name}"
    assert proxy
    before = rows(store, url)
    changes = Changes(store, url, tmp_path)
    assert run(changes, Run(LATER)).moved == {MODEL: 1, "wine": 51}
    assert rows(store, url) == before
    names = listed(tmp_path.name)
    assert {name.removeprefix(f"{tmp_path.name}/") for name in names} == {
        file.name for file in store.archived.files()
    }
    store.add([feedback("ruim", id_at(NOON, 0), at=LATER), made(NOON + 1, 77)], {})
    before = rows(store, url)
    done = run(changes, Run(LATER))
    assert (done.with_feedback, done.joined) == (1, 1)
    assert rows(store, url) == before
    assert len(listed(tmp_path.name)) == 2
    query = "SELECT model, count(*) FROM read_parquet(?, union_by_name = true) GROUP BY ALL"
    counted = duckdb.execute(query, [copied(tmp_path.name, tmp_path / "copy")]).fetchall()
    assert sorted(counted) == [(MODEL, 1), ("wine", 52)]


def test_a_person_is_found_and_erased_by_processes_of_their_own(
    store: Store,
    proxy: Proxy,  # noqa: F811
    tmp_path: Path,
):
    url = f"s3://adega/{tmp_path.name}"
    assert proxy
    run(Changes(store, url, tmp_path), Run(LATER))
    archive = Archive(f"sqlite:///{tmp_path}/store.db", url, tmp_path)
    found = [each for page in archive.find(["ana"]) for each in page.predictions]
    assert {each.model for each in found} == {MODEL, "wine"}
    request = Request("e1", clock.now(), "ana", Subject(["ana"]))
    store.erasures.share(request)
    store.erasures.delete(request)
    assert archive.has_erased([request], 60)
    assert [*archive.find(["ana"])] == []
    (name,) = listed(tmp_path.name)
    assert store.archived.files()[0].name in name
    assert len(rows(store, url)) == 50


@pytest.mark.parametrize(
    ("mode", "reason"), [("403", "AccessDenied"), ("wrong", "is damaged: its content is not what")]
)
def test_what_does_not_arrive_stays_in_the_store(
    store: Store,
    proxy: Proxy,  # noqa: F811
    tmp_path: Path,
    mode: Any,
    reason: str,
):
    url = f"s3://adega/{tmp_path.name}"
    before = rows(store, url)
    proxy.turn(mode)
    with pytest.raises(ArchiveError, match=reason):
        run(Changes(store, url, tmp_path), Run(LATER))
    assert not store.archived.files()
    assert rows(store, url) == before
    proxy.turn("through")
    assert run(Changes(store, url, tmp_path), Run(LATER)).moved == {MODEL: 1, "wine": 51}
    assert rows(store, url) == before
    assert len(listed(tmp_path.name)) == 2
