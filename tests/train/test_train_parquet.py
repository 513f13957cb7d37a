"""Files of Parquet are trained on by their types."""

import datetime as dt
import hashlib
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from training import latest, output, refused, served
from training_files import ROWS, csvs, inferred, parquets, rows

from serving.inputs.dates import to_iso


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
