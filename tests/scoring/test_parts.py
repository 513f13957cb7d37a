"""How the rows of files are divided into parts, which processes share."""

import json
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from conftest import BAD, GOOD, wine
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from serving.__main__ import main
from serving.errors import NotATable
from serving.scoring import batch_sizes, parts, tables
from serving.scoring.crew import Waiting
from serving.scoring.parts import MAX_ROWS, MIN_ROWS, Section, plan
from serving.scoring.run import Source

RECORDS = [GOOD, BAD, wine(alcohol=15.5), wine(pH=-1.0), wine(alcohol=9.25), wine(color=None)]
GROUPS = st.lists(st.integers(0, 3 * MAX_ROWS) | st.integers(0, 100), max_size=12)


def source(name: str) -> Source:
    return Source("/lake", name, 1, "")


@given(st.lists(GROUPS, min_size=1, max_size=5))
def test_parts_have_every_row_once_in_order_and_no_part_has_too_many(files: list[list[int]]):
    sources = [source(f"{place}.parquet") for place in range(len(files))]
    parts = plan(sources, files)
    assert [part.number for part in parts] == [*range(len(parts))]
    for file, groups in zip(sources, files, strict=True):
        own = [part for part in parts if part.source == file]
        begins = {
            part: sum(groups[: part.section.first]) + part.first for part in own
        }  # in the file
        assert [begins[part] for part in own] == [
            sum(part.rows for part in own[:at]) for at in range(len(own))
        ]
        assert sum(part.rows for part in own) == sum(groups)
        assert all(part.rows <= MAX_ROWS for part in own)
        for part in own:
            section = part.section
            assert part.end <= sum(groups[section.first : section.end])
    assert plan(sources, files) == parts


@pytest.mark.parametrize(
    ("groups", "rows"),
    [
        ([[]], [0]),
        ([[300_000]], [30_000] * 10),
        ([[MIN_ROWS]], [MIN_ROWS]),
        ([[1_048_576]], [MIN_ROWS] * 32),
        ([[100] * 1000], [32_700, 32_700, 32_700, 1900]),
        ([[1_048_576] * 100], [MAX_ROWS] * 400),
        ([[122_880] * 1000], [245_760] * 500),
        ([[10], [20]], [10, 20]),
    ],
)
def test_rows_are_divided_evenly(groups: list[list[int]], rows: list[int]):
    parts = plan([source(str(place)) for place in range(len(groups))], groups)
    assert [part.rows for part in parts] == rows


@given(st.lists(st.integers(1, 30), max_size=6), st.lists(st.integers(0, 3), max_size=200))
def test_each_task_is_taken_once_and_those_of_a_series_in_order(
    lengths: list[int], processes: list[int]
):
    waiting = Waiting(lengths)
    taken: dict[int, list[int]] = {}
    for process in [*processes, *[0] * (sum(lengths) + 1)]:
        place = waiting.take(process)
        if place is not None:
            taken.setdefault(process, []).append(place)
    assert sorted(place for own in taken.values() for place in own) == [*range(sum(lengths))]
    assert waiting.take(1) is None


def test_a_process_without_tasks_takes_the_later_half_of_a_series():
    waiting = Waiting([1, 9])
    assert [waiting.take(process) for process in (0, 1, 0, 0, 1, 1)] == [0, 1, 6, 7, 2, 3]
    assert [waiting.take(process) for process in (1, 1, 0, 1, 0)] == [4, 5, 8, 9, None]


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 200), max_size=6),
)
def test_a_section_is_read_alike_wherever_parts_begin(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], cuts: list[int]
):
    count = sum(sizes)
    data = pa.table({"id": range(count), "day": [f"day {at % 7}" for at in range(count)]})
    data = data.set_column(1, "day", data.column("day").dictionary_encode())
    file = tmp_path_factory.mktemp("lake") / "a.parquet"
    with parquet.ParquetWriter(file, data.schema) as writer:
        for size, end in zip(sizes, accumulate(sizes), strict=True):
            writer.write_table(data.slice(end - size, size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_sizes, "ROWS", 16)
        table = tables.open_table(Source(str(file.parent), file.name, file.stat().st_size, ""))
        section = Section(source(file.name), 0, (*table.count(),))
        reader = tables.SectionReader(table, section, ["id", "day"])
        for first, end in pairwise(sorted({0, count, *(cut for cut in cuts if cut < count)})):
            assert reader.is_before(section, first)
            expected = data.slice(first, end - first).to_pylist()
            for each in (reader, tables.SectionReader(table, section, ["id", "day"])):
                read = [row for batch in each.rows(first, end) for row in batch.to_pylist()]
                assert read == expected
        table.close()


def test_a_file_with_fewer_rows_than_were_counted_is_refused(tmp_path: Path):
    parquet.write_table(pa.table({"id": range(6)}), tmp_path / "a.parquet")
    file = Source(str(tmp_path), "a.parquet", (tmp_path / "a.parquet").stat().st_size, "")
    table = tables.open_table(file)
    reader = tables.SectionReader(table, Section(file, 0, (10,)), ["id"])
    with pytest.raises(NotATable, match="fewer rows than its footer lists"):
        list(reader.rows(0, 10))
    table.close()


def predict(folder: Path, output: str, *options: str) -> Result:
    command = ["predict", "wine", str(folder / "in"), "-o", str(folder / output), *options]
    return CliRunner(env={"VAR_DIR": str(folder / "var")}).invoke(main, command)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    parts = [parquet.read_table(part) for part in sorted(folder.glob("part-*.parquet"))]
    return [row for part in parts for row in part.to_pylist()]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Files of one row group and of many, whose rows have ids."""
    (tmp_path / "in").mkdir()
    records = [{"id": at, **RECORDS[at % len(RECORDS)]} for at in range(500)]
    parquet.write_table(pa.Table.from_pylist(records[:300]), tmp_path / "in" / "a.parquet")
    parquet.write_table(
        pa.Table.from_pylist(records[300:]), tmp_path / "in" / "b.parquet", row_group_size=30
    )
    return tmp_path


@pytest.mark.slow
def test_a_single_row_group_is_predicted_in_parts(lake: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever the parts, predictions are the same; and whoever predicts them, their bytes."""
    assert predict(lake, "whole").exit_code == 3
    whole = rows_of(lake / "whole")
    assert [row["id"] for row in whole] == [*range(500)]
    for max_rows, count in ((17, 32), (100, 6)):
        monkeypatch.setattr(parts, "MIN_ROWS", max_rows)
        one, three = f"one{max_rows}", f"three{max_rows}"
        summary = json.loads(predict(lake, one, "--jobs", "1", "--json").stdout)
        assert (summary["records"], summary["invalid"]) == (500, 166)
        assert predict(lake, three, "--jobs", "3").exit_code == 3
        written = {each.name: each.read_bytes() for each in (lake / one).iterdir()}
        assert len([*(lake / one).glob("part-*")]) == count
        assert written == {each.name: each.read_bytes() for each in (lake / three).iterdir()}
        assert rows_of(lake / one) == whole
        for part in [*(lake / three).glob("part-*")][::2]:
            part.unlink()
        assert predict(lake, three, "--jobs", "2").exit_code == 3
        assert written == {each.name: each.read_bytes() for each in (lake / three).iterdir()}


@pytest.mark.slow
def test_an_invalid_record_is_found_by_its_row_group_whatever_the_parts(
    lake: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parts, "MIN_ROWS", 70)
    (lake / "in" / "a.parquet").unlink()
    (lake / "in" / "b.parquet").unlink()
    records = [GOOD] * 200
    for at in (3, 99, 100, 170, 199):
        records[at] = wine(pH=-1.0)
    parquet.write_table(
        pa.Table.from_pylist(records), lake / "in" / "a.parquet", row_group_size=100
    )
    summary = json.loads(predict(lake, "out", "--jobs", "1", "--json").stdout)
    assert summary["parts"] == 4
    found = [each.removeprefix(f"{lake}/in/a.parquet, ") for each in summary["first_invalid"]]
    assert [each.partition(": ")[0] for each in found] == [
        "row group 0, row 3", "row group 0, row 99", "row group 1, row 0", "row group 1, row 70",
        "row group 1, row 99",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_run_of_another_release_is_not_gone_on_with(lake: Path):
    assert predict(lake, "out").exit_code == 3
    described = lake / "out" / "_run.json"
    before = json.loads(described.read_text())
    described.write_text(json.dumps(before | {"format": 1, "max_rows": 250_000}))
    refused = predict(lake, "out")
    assert refused.exit_code == 1
    assert "out has the parts of another release" in refused.stderr
    assert "choose another folder" in refused.stderr
