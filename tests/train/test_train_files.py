"""Training on many files, and on Parquet with its types."""

import datetime as dt
import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from training import latest, output, refused, served

from serving.inputs.dates import to_iso
from train.problems import anything
from train.tables import files, read
from train.tables import parquet as typed
from train.tables.infer import Inferred, infer
from train.tables.options import ColumnOptions
from train.training import train

ROWS = 60


def rows(begin: int = 0, **others: Any) -> dict[str, Any]:
    """Columns of rows: a number, labels to predict, and others."""
    numbers = [0.5 * (at % 31) for at in range(begin, begin + ROWS)]
    return {"number": numbers, "label": ["yes", "no", "no"] * 20} | others


def csvs(folder: Path, *tables: dict[str, Any], **options: Any) -> list[Path]:
    """Write files a.csv, b.csv and so on."""
    found = [folder / f"{name}.csv" for name, _ in zip("abc", tables, strict=False)]
    for file, table in zip(found, tables, strict=True):
        pd.DataFrame(table).to_csv(file, index=False, **options)
    return found


def parquets(folder: Path, *tables: Any) -> list[Path]:
    """Write files a.parquet, b.parquet and so on."""
    found = [folder / f"{name}.parquet" for name, _ in zip("abc", tables, strict=False)]
    for file, table in zip(found, tables, strict=True):
        parquet.write_table(table if isinstance(table, pa.Table) else pa.table(table), file)
    return found


def inferred(paths: list[Path], **options: Any) -> tuple[Inferred, list[str]]:
    """Find the fields of files, and what is remarked on them."""
    told, remarks = ColumnOptions(**options), list[str]()
    given = tuple(paths)
    sheet: Any = (
        typed.read(given, "label", told)
        if files.are_parquet(given)
        else read.read(*given, drop=told.drop)
    )
    return infer(sheet, "label", None, told, remarks.append), remarks


def test_files_of_csv_are_one_table_whatever_the_order_of_their_columns(tmp_path: Path):
    """X looks like whole numbers in the first file, and like labels in both."""
    first, second = rows(x=["1", "2", "3"] * 20), rows(ROWS, x=["1", "4", "north"] * 20)
    paths = csvs(tmp_path, first, {name: second[name] for name in ("x", "label", "number")})
    found, _ = inferred(paths)
    (x,) = [field for field in found.fields if field.name == "x"]
    assert x.categories == ("1", "2", "3", "4", "north")
    assert found.frame["number"].tolist() == first["number"] + second["number"]


def test_a_cell_that_does_not_fit_is_named_with_its_file(tmp_path: Path):
    second = rows(ROWS)
    second["number"] = [*second["number"][:7], "abc", *second["number"][8:]]
    csvs(tmp_path, rows(), second)
    text = refused(tmp_path, tmp_path / "*.csv", "--target", "label", "--name", "x")
    assert f"'abc' (line 9 of {tmp_path}/b.csv)" in text


@pytest.mark.parametrize("write", [csvs, parquets])
def test_a_column_that_is_not_in_all_files_is_named_with_the_way_out(write: Any, tmp_path: Path):
    paths = write(tmp_path, rows(), rows(extra=[1.0, 2.0] * 30))
    command = (*paths, "--target", "label", "--name", "x")
    message = refused(tmp_path, *command)
    assert f"{paths[0]} has no column 'extra', which {paths[1]} has" in message
    dropped = refused(tmp_path, *reversed(paths), *command[2:])
    assert f"{paths[0]} has no column 'extra', which {paths[1]} has" in dropped
    found, _ = inferred(paths, drop=frozenset({"extra"}))
    assert [field.name for field in found.fields] == ["number"]


def test_files_with_other_separators_are_refused(tmp_path: Path):
    (first,) = csvs(tmp_path, rows())
    pd.DataFrame(rows()).to_csv(tmp_path / "b.csv", sep=";", index=False)
    message = refused(tmp_path, first, tmp_path / "b.csv", "--target", "label", "--name", "x")
    assert "b.csv has ';' between its cells" in message
    assert "write them alike" in message


def test_a_file_without_rows_is_no_fault_beside_others(tmp_path: Path):
    empty = pd.DataFrame(rows()).iloc[:0].to_dict("list")
    for write in (csvs, parquets):
        typed_empty = pa.table(rows()).slice(0, 0) if write is parquets else empty
        assert len(inferred(write(tmp_path, typed_empty, rows()))[0].frame) == ROWS
        command = (*write(tmp_path, typed_empty), "--target", "label", "--name", "x")
        assert "has no rows" in refused(tmp_path, *command)


def test_parquet_keeps_its_types(tmp_path: Path):
    day, moment = dt.date(2024, 7, 31), dt.datetime(2024, 7, 31, 12, tzinfo=dt.UTC)
    table = pa.table(
        rows(
            whole=[*range(ROWS)][::-1],
            single=pa.array([12.8, None, float("nan"), 0.1] * 15, pa.float32()),
            price=pa.array([Decimal("1.10"), Decimal("2.25")] * 30, pa.decimal128(9, 2)),
            code=["01", "1", " 2 ", ""] * 15,
            kind=pa.array(["a", "b", None] * 20).dictionary_encode(),
            flag=[True, False, None] * 20,
            day=[day, None, day + dt.timedelta(1)] * 20,
            moment=pa.array([moment, moment + dt.timedelta(1)] * 30, pa.timestamp("ns", "UTC")),
        )
    )
    found, _ = inferred(parquets(tmp_path, table.slice(0, 20), table.slice(20)))
    fields = {field.name: field for field in found.fields}
    assert {name: each.type for name, each in fields.items()} == {
        "number": "number",
        "whole": "integer",
        "single": "number",
        "price": "number",
        "code": "category",
        "kind": "category",
        "flag": "category",
        "day": "date",
        "moment": "date",
    }
    assert fields["code"].categories == ("01", "1", "2")
    assert fields["flag"].categories == ("false", "true")
    assert [name for name, each in fields.items() if each.optional] == [
        *("single", "code", "kind", "flag", "day")
    ]
    frame = found.frame
    assert frame["single"].dropna().unique().tolist() == [12.8, 0.1]
    assert frame["price"].unique().tolist() == [1.1, 2.25]
    assert to_iso(frame["moment"][0]) == "2024-07-31T12:00:00Z"
    assert to_iso(frame["day"][0]) == "2024-07-31"


def test_a_type_that_no_model_takes_is_named_and_may_be_left_out(tmp_path: Path):
    paths = parquets(tmp_path, rows(tags=[["a"], []] * 30, point=[{"x": 1}] * 60))
    command = (*paths, "--target", "label", "--name", "x")
    message = refused(tmp_path, *command)
    assert "a.parquet: the column 'tags' has the type list<" in message
    assert "--drop tags" in message
    found, remarks = inferred(paths, drop=frozenset({"tags", "point"}))
    assert [field.name for field in found.fields] == ["number"]
    assert "left out: 'tags', because of --drop" in remarks


def test_a_type_that_differs_between_files_is_named(tmp_path: Path):
    """Whole numbers beside others, and a column that is all null, are no fault."""
    alike = parquets(
        tmp_path,
        rows(x=[1, 2, 3] * 20),
        rows(x=[0.5, 1.5] * 30),
        rows(x=pa.nulls(ROWS)),
    )
    assert inferred(alike)[0].frame["x"].count() == 2 * ROWS
    paths = parquets(tmp_path, rows(x=[1, 2, 3] * 20), rows(x=["a", "b", "c"] * 20))
    message = refused(tmp_path, *paths, "--target", "label", "--name", "x")
    assert "b.parquet: the column 'x' has the type string" in message
    assert "a.parquet it has the type int64" in message


def test_numbers_that_no_model_takes_are_missing(tmp_path: Path):
    (path,) = parquets(tmp_path, rows(x=[1.0, np.inf, 1e300, -5.0] * 15))
    found, remarks = inferred([path])
    assert found.frame["x"].count() == ROWS / 2
    assert any("'x': 30 values" in remark and "missing" in remark for remark in remarks)


def test_values_may_be_named_as_missing_in_parquet_too(tmp_path: Path):
    (path,) = parquets(tmp_path, rows(x=[1.5, 2.5, -200.0] * 20, y=["a", "b", "s/d"] * 20))
    found, remarks = inferred([path], missing=("-200", "y=s/d", "777"))
    assert found.frame[["x", "y"]].count().tolist() == [40, 40]
    assert {field.name: field.missing for field in found.fields} == {
        "number": (),
        "x": ("-200",),
        "y": ("s/d",),
    }
    assert "--missing 777: no cell has this value" in remarks


def test_what_is_no_parquet_is_named(tmp_path: Path):
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    for path, why in (
        (broken, "cannot be read as Parquet"),
        (tmp_path / "none.parquet", "No such"),
    ):
        assert why in refused(tmp_path, path, "--target", "label")


def test_columns_of_one_name_are_named(tmp_path: Path):
    names = ["label", "note", "note"]
    texts = [pa.array(["a", "b"] * 30)] * len(names)
    parquet.write_table(pa.Table.from_arrays(texts, names), tmp_path / "a.parquet")
    message = refused(tmp_path, tmp_path / "a.parquet", "--target", "label")
    assert "a.parquet has two columns 'note': rename one" in message


def test_a_file_that_goes_while_a_model_is_fitted_is_no_failure(tmp_path: Path):
    (path,) = parquets(tmp_path, rows())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    problem = anything.from_files(
        (path,),
        "label",
        name="x",
        kind=None,
        estimator="decision-tree",
        options=ColumnOptions(),
        echo=lambda _: None,
    )
    train(problem, (path,), tmp_path, lambda: path.unlink(missing_ok=True), signing_key=None)
    assert latest(tmp_path, "x").manifest.data.sha256 == digest


def test_a_folder_is_searched_and_hidden_files_are_not_read(tmp_path: Path):
    lake = tmp_path / "wines.parquet"
    names = ["PART-2.PARQUET", "day=1/part-1.parquet", "part-0.parquet"]
    for name in (*names, "_old/part-2.parquet", ".part.parquet"):
        (lake / name).parent.mkdir(parents=True, exist_ok=True)
        (lake / name).write_bytes(b"")
    (lake / "_SUCCESS").touch()
    found = files.find([str(lake)])
    assert [str(each.relative_to(lake)) for each in found] == names
    assert files.are_parquet(found)
    assert files.find([f"{lake}/**/*.[pP]*"]) == found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["s3://lake/a.parquet"], "s3://lake/a.parquet is not on this machine: download it"),
        (["{}/*.parquet"], "no file is called"),
        (["{}/none"], "has no files of"),
        (["{}/a.csv", "{}/a.parquet"], "are not of one kind"),
    ],
)
def test_what_names_no_files_is_refused(given: list[str], message: str, tmp_path: Path):
    (tmp_path / "none").mkdir()
    (tmp_path / "a.csv").touch()
    paths = [each.format(tmp_path) for each in given]
    assert message in refused(tmp_path, "csv", *paths, "--target", "y")


def test_a_model_has_the_name_of_its_file_unless_that_is_none(tmp_path: Path):
    (path,) = csvs(tmp_path, rows())
    odd = path.rename(tmp_path / "ä b.csv")
    assert "choose one by --name" in refused(tmp_path, odd, "--target", "label")


def test_parquet_and_csv_of_the_same_rows_give_the_same_model(tmp_path: Path):
    """Its card names the files, and the hash of what it was trained on."""
    table = rows(district=["north", "south"] * 30)
    half = {name: column[:30] for name, column in table.items()}
    other = {name: column[30:] for name, column in table.items()}
    folder = tmp_path / "sales"
    folder.mkdir()
    paths = parquets(folder, half, other)
    csvs(tmp_path, table)
    tail = ("--target", "label", "--estimator", "decision-tree")
    text = output(tmp_path, folder, *tail)
    assert "data: a.parquet, b.parquet: 60 rows" in text
    output(tmp_path, tmp_path / "a.csv", *tail)
    of_parquet, of_csv = latest(tmp_path, "sales"), latest(tmp_path, "a")
    record = {"number": 3.5, "district": "north"}
    assert served(of_parquet, record) == served(of_csv, record)
    assert of_parquet.manifest.metrics == of_csv.manifest.metrics
    hashes = "".join(f"{hashlib.sha256(each.read_bytes()).hexdigest()}\n" for each in paths)
    assert of_parquet.manifest.data.sha256 == hashlib.sha256(hashes.encode()).hexdigest()
