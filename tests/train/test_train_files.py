"""Training on many files, and on Parquet with its types."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from training import latest, refused
from training_files import ROWS, csvs, inferred, parquets, rows

from train.problems import anything
from train.tables import files
from train.tables.options import ColumnOptions
from train.training import train


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


def test_numbers_that_no_model_takes_are_missing(tmp_path: Path):
    (path,) = parquets(tmp_path, rows(x=[1.0, np.inf, 1e300, -5.0] * 15))
    found, remarks = inferred([path])
    assert found.frame["x"].count() == ROWS / 2
    assert any("'x': 30 values" in remark and "missing" in remark for remark in remarks)


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
