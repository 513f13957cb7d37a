"""Archive and store are read as one: no prediction twice, none missing."""

import os
import random
from pathlib import Path

import msgspec
import pytest
from archives import COLUMNS, archive_by_hand, id_at, made, recorded, rows
from entries import NOON, feedback

from serving.archive import reading
from serving.archive.reading import read
from serving.errors import ArchiveError
from serving.recording.store import Store
from serving.recording.store.archived import Wanted


@pytest.mark.parametrize("seed", range(20 if os.environ.get("FAULTS") == "full" else 3))
@pytest.mark.parametrize("newest_first", [True, False])
def test_it_is_the_same_wherever_the_rows_are(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, *, newest_first: bool
):
    """In files that overlap in time, in the store, and in both."""
    monkeypatch.setattr(reading, "PAGE", 7)
    monkeypatch.setattr("serving.archive.files.GROUP_ROWS", 5)
    chance = random.Random(seed)
    store.add(recorded(60, step=chance.choice([0, 1, 1_000])), {})
    before = rows(store, "", newest_first=newest_first)
    keys = [(row["time"], row["id"]) for row in before]
    assert keys == sorted(keys, reverse=newest_first)
    assert len(keys) == 60
    left = [row["id"] for row in before]
    for _ in range(chance.randrange(1, 5)):
        some = chance.sample(left, chance.randrange(1, len(left) // 2))
        archive_by_hand(store, tmp_path, some, delete_them=(is_gone := chance.random() < 0.6))
        if is_gone:
            left = [each for each in left if each not in some]
        else:
            break
    assert rows(store, tmp_path, newest_first=newest_first) == before
    since, until = NOON + 10_000, NOON + 40_000
    some = [row for row in before if since <= row["time"].timestamp() * 1000 < until]
    assert rows(store, tmp_path, Wanted("wine", 1, since, until), newest_first=newest_first) == some


def test_feedback_to_archived_predictions_counts(store: Store, tmp_path: Path):
    store.add(recorded(10), {})
    names = [id_at(NOON + place * 1000, place) for place in range(10)]
    archive_by_hand(store, tmp_path, names[:8])
    store.add([feedback("ruim", names[0], names[1], at=NOON + 10**6)], {})
    store.add([feedback("ruim", names[3], at=NOON)], {})  # older than what is archived
    found = {row["id"]: row for row in rows(store, tmp_path, with_feedback=True)}
    assert {name: row["actual_label"] for name, row in found.items()} == {
        names[0]: "ruim",
        names[1]: "ruim",
        names[3]: "bom",
        names[6]: "bom",
        names[9]: "bom",
    }
    assert [each["label"] for each in found[names[0]]["feedback"]] == ["bom", "ruim"]


def test_only_the_columns_and_the_version_that_are_wanted_are_read(store: Store, tmp_path: Path):
    others = [made(NOON + 500, 1, 2, fields=["idade"], records=[[7.5]])]
    store.add([*recorded(4), *others], {})
    archive_by_hand(store, tmp_path, [id_at(NOON), id_at(NOON + 500, 1, 2)])
    wanted = Wanted("wine", 2)
    found = rows(store, tmp_path, wanted, columns=["number_idade", "number_alcohol", "text_x"])
    assert found == [{"number_idade": 7.5, "number_alcohol": None, "text_x": None}]
    with pytest.raises(KeyError):
        rows(store, tmp_path, columns=["alcohol"])


def test_a_missing_or_damaged_file_is_named(store: Store, tmp_path: Path):
    store.add(recorded(10), {})
    file = archive_by_hand(store, tmp_path, [id_at(NOON)])
    with pytest.raises(ArchiveError, match=rf"ARCHIVE_URL/{file.name} is missing"):
        rows(store, "")
    path = tmp_path / file.name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArchiveError, match=rf"{file.name} is damaged.*put it back from a copy"):
        rows(store, tmp_path)
    path.unlink()
    with pytest.raises(ArchiveError, match=rf"{file.name} is missing; put it back from a copy"):
        rows(store, tmp_path)


@pytest.mark.parametrize("newest_first", [True, False])
def test_rows_that_are_moved_meanwhile_come_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, newest_first: bool
):
    """Between any two batches some are moved to the archive, and files replaced by others."""
    monkeypatch.setattr(reading, "PAGE", 5)
    monkeypatch.setattr("serving.archive.files.GROUP_ROWS", 3)
    store.add(recorded(80), {})
    before = rows(store, "", newest_first=newest_first)
    left, chance, last = [row["id"] for row in before], random.Random(7), None
    found = []
    for batch in read(store, str(tmp_path), Wanted("wine"), COLUMNS, newest_first=newest_first):
        found += batch.to_pylist()
        if len(left) > 8:
            some = chance.sample(left, 8)
            left = [each for each in left if each not in some]
            last = archive_by_hand(store, tmp_path, some)
            if chance.random() < 0.5:  # back in the store, then in another file
                copied = (tmp_path / last.name).read_bytes()
                name = last.name.replace(".parquet", "-2.parquet")
                other = msgspec.structs.replace(last, name=name)
                (tmp_path / other.name).write_bytes(copied)
                store.archived.enter(msgspec.structs.replace(other, state="writing"))
                store.archived.switch([other], [last])
                (tmp_path / last.name).unlink()
    assert found == before
