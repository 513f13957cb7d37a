"""`adega predict` with Arrow: files, Feather and streams, as Parquet is read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from arrow_files import records, write
from click.testing import CliRunner, Result
from conftest import GOOD, wine
from pyarrow import feather, ipc, parquet

from serving.__main__ import main
from serving.places.objects import Objects, RangeFile
from serving.scoring import parts
from serving.scoring.arrow_tables import ArrowFile, ArrowStream
from serving.scoring.run import Source
from serving.scoring.tables import open_table


def encoded(data: pa.Table) -> pa.Table:
    """Make dictionaries of the texts."""
    for name in ("color", "day"):
        place = data.schema.get_field_index(name)
        data = data.set_column(place, name, data.column(name).dictionary_encode())
    return data


def predict(folder: Path, *arguments: str) -> Result:
    command = ["predict", "wine", *arguments]
    return CliRunner(env={"VAR_DIR": str(folder / "var")}).invoke(main, command)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    parts = [parquet.read_table(part) for part in sorted(folder.glob("part-*.parquet"))]
    return [row for part in parts for row in part.to_pylist()]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What is predicted of the same records in a file of Parquet."""
    folder = tmp_path_factory.mktemp("expected")
    parquet.write_table(records(), folder / "a.parquet")
    assert predict(folder, str(folder / "a.parquet"), "-o", str(folder / "out")).exit_code == 3
    return rows_of(folder / "out")


def write_polars(file: Path) -> None:
    pl.from_arrow(records()).write_ipc(file, compression="zstd")  # type: ignore[union-attr]


def write_deltas(file: Path) -> None:
    """Write dictionaries that later batches add to."""
    one, all_of_them = encoded(records(1)), encoded(records())
    options = ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with ipc.new_stream(str(file), one.schema, options=options) as writer:
        for part in (one, all_of_them.slice(1)):
            writer.write_table(part)
        assert writer.stats.num_dictionary_deltas == 2


def write_replacements(file: Path) -> None:
    """Write dictionaries that later batches replace, which streams may."""
    parts = [encoded(records(30, first)) for first in (0, 30)]
    with ipc.new_stream(str(file), parts[0].schema) as writer:
        for part in parts:
            writer.write_table(part)


FILES = {
    "00-file.arrow": lambda file: write(file, records()),
    "01-lz4.arrow": lambda file: write(file, records(), compression="lz4"),
    "02-zstd.feather": lambda file: write(file, encoded(records()), compression="zstd"),
    "03.feather": lambda file: feather.write_feather(records(), str(file)),
    "04-polars.ipc": write_polars,
    "05-stream.arrows": lambda file: write(file, records(), new=ipc.new_stream),
    "06-lz4.arrows": lambda file: write(file, records(), new=ipc.new_stream, compression="lz4"),
    "07-stream.arrow": lambda file: write(file, encoded(records()), new=ipc.new_stream),
    "08-replaced-dictionaries.arrows": write_replacements,
    "09-deltas.arrows": write_deltas,
    "10-parquet.feather": lambda file: parquet.write_table(records(), file),
    "11-arrow.parquet": lambda file: write(file, records()),
    "12.parquet": lambda file: parquet.write_table(encoded(records()), file),
}


@pytest.mark.slow
def test_arrow_is_predicted_as_parquet_is_whatever_a_file_is_called(
    tmp_path: Path, expected: list[dict[str, Any]]
):
    (tmp_path / "in").mkdir()
    for name, write_file in FILES.items():
        write_file(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("no table")
    result = predict(tmp_path, f"{tmp_path}/in", "-o", f"{tmp_path}/out", "--json")
    assert result.exit_code == 3, result.output
    assert json.loads(result.stdout)["files"] == len(FILES)
    for at, name in enumerate(FILES):
        part = parquet.read_table(tmp_path / "out" / f"part-{at:05d}.parquet")
        assert part.to_pylist() == expected, name


@pytest.mark.slow
def test_record_batches_are_divided_as_row_groups_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: list[dict[str, Any]]
):
    monkeypatch.setattr(parts, "MIN_ROWS", 8)
    write(tmp_path / "in" / "a.arrow", records(30), rows=15)
    write(tmp_path / "in" / "b.arrows", records(30, 30), rows=11, new=ipc.new_stream)
    folder = str(tmp_path / "in")
    summary = json.loads(
        predict(tmp_path, folder, "-o", f"{tmp_path}/two", "--jobs", "2", "--json").stdout
    )
    assert summary["parts"] == 8
    assert rows_of(tmp_path / "two") == expected
    assert predict(tmp_path, folder, "-o", f"{tmp_path}/one", "--jobs", "1").exit_code == 3
    written = {each.name: each.read_bytes() for each in (tmp_path / "one").iterdir()}
    assert written == {each.name: each.read_bytes() for each in (tmp_path / "two").iterdir()}


@pytest.mark.slow
def test_an_invalid_record_is_found_by_its_record_batch(tmp_path: Path):
    data = pa.Table.from_pylist([GOOD] * 8 + [wine(pH=-1.0)])
    write(tmp_path / "a.arrow", data, rows=5)
    write(tmp_path / "b.arrows", data, rows=5, new=ipc.new_stream)
    arguments = f"{tmp_path}/a.arrow", f"{tmp_path}/b.arrows", "-o", f"{tmp_path}/out", "--json"
    summary = json.loads(predict(tmp_path, *arguments, "--jobs", "1").stdout)
    assert [each.partition(": pH")[0] for each in summary["first_invalid"]] == [
        f"{tmp_path}/a.arrow, record batch 1, row 3",
        f"{tmp_path}/b.arrows, row 8",
    ]


@pytest.mark.slow
def test_tables_without_rows_have_a_part_without_rows(tmp_path: Path):
    none = records().slice(0, 0)
    write(tmp_path / "in" / "a.arrow", none)
    write(tmp_path / "in" / "b.arrows", none, new=ipc.new_stream)
    result = predict(tmp_path, str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["parts"] == 2
    assert rows_of(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("kind", "new"), [(ArrowFile, ipc.new_file), (ArrowStream, ipc.new_stream)]
)
def test_an_object_is_read_by_its_ranges(tmp_path: Path, kind: Any, new: Any):
    data = records()
    write(tmp_path / "a.arrow", data, new=new, compression="zstd")
    size = (tmp_path / "a.arrow").stat().st_size
    file = RangeFile(Objects(str(tmp_path)), "a.arrow", size)
    table = kind(file, Source("s3://lake", "a.arrow", size, ""))
    counts = table.count()
    assert sum(counts) == len(data)
    read = list(table.batches(range(len(counts)), ["id", "day"]))
    table.close()
    assert pa.Table.from_batches(read).to_pylist() == data.select(["id", "day"]).to_pylist()


def test_numbers_of_the_other_order_of_bytes_are_read(tmp_path: Path):
    numbers = np.array([1.0, 2.5, 1e300])
    swapped = pa.table({"x": pa.array(numbers.byteswap())})
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, swapped.schema) as writer:
        writer.write_table(swapped)
    file = tmp_path / "a.arrows"
    file.write_bytes(_as_big_endian(bytes(sink.getvalue())))
    table = open_table(Source(str(tmp_path), file.name, file.stat().st_size, ""))
    read = [value for batch in table.batches(range(1), ["x"]) for value in batch["x"].to_pylist()]
    table.close()
    assert read == numbers.tolist()


def _as_big_endian(content: bytes) -> bytes:
    """Mark a stream as one of the other order, which no writer at hand makes.

    The first field of its schema, `endianness`, is left out for 0; it is made to be a 1 that is
    there anyway.
    """
    made = bytearray(content)

    def at(place: int, size: int = 4) -> int:
        return int.from_bytes(made[place : place + size], "little", signed=True)

    message = 8 + at(8)
    header = message + at(message - at(message) + 8, 2)
    schema = header + at(header)
    one = next(place for place in range(schema + 4, len(made), 2) if at(place, 2) == 1)
    endianness = schema - at(schema) + 4
    assert at(endianness, 2) == 0
    made[endianness : endianness + 2] = (one - schema).to_bytes(2, "little")
    return bytes(made)
