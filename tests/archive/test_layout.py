"""Rows of the store become columns, and come back as they were."""

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from archives import CLASSES, archive_by_hand, id_at, made, recorded
from entries import NOON, feedback, predicted
from hypothesis import given
from hypothesis import strategies as st

from serving.archive import files, layout
from serving.archive.rows import is_same, make_table, restore
from serving.errors import ArchiveError
from serving.recording.entry import TrialEntry
from serving.recording.store import Store
from serving.recording.store.archived import START, Wanted

TRICKY = [
    [0.1 + 0.2, "Não aprovado"],
    [5e-324, ""],
    [-0.0, None],
    [1.7976931348623157e308, 'aspas " e \\ e \u2028 e 🍷'],
    [None, None],
    ["of a field that is hashed", 3.5],
    [2**60 + 1, True],
    [False, "x" * 10_000],
]


@pytest.fixture
def sqlite(tmp_path: Path) -> Any:
    opened = Store(f"sqlite:///{tmp_path}/store.db")
    opened.migrate()
    yield opened
    opened.close()


def test_all_that_the_store_keeps_comes_back_bit_for_bit(store: Store, tmp_path: Path):
    explained = {"explanations": [{"base": 0.1, "é": [1, 2]}], "subject": "ana", "key": "k"}
    store.add(
        [
            *(made(NOON + at, at, records=[record]) for at, record in enumerate(TRICKY)),
            made(NOON + 100, version=2, fields=["alcohol", "idade"], own_id="o", **explained),
            predicted(id_at(NOON + 200), time=NOON + 200, predictions=[5.8], intervals=[(5, 6.4)]),
            made(NOON + 300, warnings={0: [{"field": "type", "message": "…"}]}),
            feedback("bom", id_at(NOON), at=NOON + 9),
            feedback("Não aprovado", id_at(NOON), at=NOON + 10),
            feedback(5.25, id_at(NOON + 200)),
            TrialEntry(NOON, "wine", 3, [id_at(NOON)], ["bom"], CLASSES, [[0.1, 0.9]]),
        ],
        {},
    )
    rows = store.archived.page(Wanted("wine"), START, 100)
    assert len(rows.predictions) == len(TRICKY) + 3
    new = files.write(
        str(tmp_path), files.new_file("wine", NOON), layout.joined([make_table(rows)])
    )
    found = restore(files.read(str(tmp_path), new))
    assert is_same(found, rows)
    records = dict(zip([row[0] for row in rows.predictions], rows.predictions, strict=True))
    for row in found.predictions:  # the text of a number has all its bits
        assert row[8:9] == records[row[0]][8:9]


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**80), 2**80),
    st.sampled_from([2**53, 2**60, -(2**70), 10**400]),
    st.text(max_size=5),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.lists(st.tuples(values, values), min_size=1, max_size=8))
def test_any_values_come_back(records: list[Any]):
    store = Store("sqlite://")
    store.migrate()
    store.add([made(NOON, at, records=[[*each]]) for at, each in enumerate(records)], {})
    rows = store.archived.page(Wanted("wine"), START, 100)
    table = layout.joined([make_table(rows)])
    assert is_same(restore(table), rows)


def test_a_lost_bit_is_seen(sqlite: Store):
    sqlite.add([made(NOON, records=[[0.1 + 0.2, "x"]])], {})
    rows = sqlite.archived.page(Wanted("wine"), START, 100)
    (row,) = rows.predictions
    for other in ('[0.3,"x"]', '[0.30000000000000004,"y"]', '[true,"x"]'):
        changed = rows._replace(predictions=[(*row[:8], other, *row[9:])])
        assert not is_same(changed, rows)


def test_other_programs_read_all_versions_together(sqlite: Store, tmp_path: Path):
    """With other fields, of other types, and names of fields that are names of ours."""
    fields = ["alcohol", "id", "Time"]
    sqlite.add(
        [
            made(NOON, 0),
            made(NOON + 1, 1, 2, fields=fields, records=[["12", 1.5, None]]),
            feedback("bom", id_at(NOON)),
        ],
        {},
    )
    archive_by_hand(sqlite, tmp_path, [id_at(NOON)])
    archive_by_hand(sqlite, tmp_path, [id_at(NOON + 1, 1, 2)])
    pattern = f"{tmp_path}/**/*.parquet"
    query = """
        SELECT model, day, version, "number_alcohol", text_alcohol, number_id, actual_label,
            "probability_Não aprovado" + probability_bom
        FROM read_parquet(?, union_by_name = true, hive_partitioning = true) ORDER BY time
    """
    chance = made(NOON, 0).records[0][0]
    found = duckdb.execute(query, [pattern]).fetchall()
    day = found[0][1]
    assert str(day) == "2023-11-14"
    assert found == [
        ("wine", day, 1, chance, None, None, "bom", 1.0),
        ("wine", day, 2, None, "12", 1.5, None, 1.0),
    ]
    frame = pl.concat(
        [pl.read_parquet(each, hive_partitioning=True) for each in tmp_path.rglob("*.parquet")],
        how="diagonal",
    ).sort("time")
    assert frame["model"].to_list() == ["wine", "wine"]
    assert frame["text_alcohol"].to_list() == [None, "12"]
    scanned = pl.scan_parquet(
        pattern, hive_partitioning=True, missing_columns="insert", extra_columns="ignore"
    ).select("id", "time", "version", "actual_label")
    assert scanned.sort("time").collect()["version"].to_list() == [1, 2]


@pytest.mark.parametrize("name", ["vinho é bom", "a=b%c", "../x y"])
def test_a_model_of_any_name_is_found_by_it(sqlite: Store, tmp_path: Path, name: str):
    sqlite.add([made(NOON, model=name)], {})
    table = make_table(sqlite.archived.page(Wanted(name), START, 10))
    new = files.write(str(tmp_path), files.new_file(name, NOON), table)
    assert (tmp_path / new.name).is_file()
    query = "SELECT model FROM read_parquet(?, hive_partitioning = true)"
    assert duckdb.execute(query, [f"{tmp_path}/*/*/*.parquet"]).fetchall() == [(name,)]


@pytest.mark.parametrize("place", [0, 10, 0.5, -20, -1])
def test_a_flipped_bit_anywhere_is_found(sqlite: Store, tmp_path: Path, place: float):
    sqlite.add(recorded(50), {})
    table = make_table(sqlite.archived.page(Wanted("wine"), START, 100))
    new = files.write(str(tmp_path), files.new_file("wine", NOON), table)
    content = bytearray((tmp_path / new.name).read_bytes())
    content[int(len(content) * place) if 0 < place < 1 else int(place)] ^= 1
    (tmp_path / new.name).write_bytes(content)
    with pytest.raises(ArchiveError, match=f"{new.name} is damaged"):
        files.read(str(tmp_path), new)
