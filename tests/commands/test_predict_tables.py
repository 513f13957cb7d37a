"""`adega predict` reads a table by its content, a workbook too, and names what is none."""

import gzip
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import BAD, GOOD, MODELS
from streams import table
from workbooks import xlsx, zipped

from serving.__main__ import main
from serving.formats.files import STANDARD, reading_table

CSV = table(GOOD, BAD).encode()
BOOK = xlsx([[*GOOD], [*GOOD.values()], [*BAD.values()]], [["x"], [1]])
OTHER = table({name: GOOD[name] for name in ("pH", "color")}).encode()

Predict = Callable[..., Result]


@pytest.fixture
def predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Predict:
    """Predict the wines of a file with a name and a content, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    environment = {"MODELS_DIR": str(MODELS), "VAR_DIR": str(tmp_path / "var")}

    def invoke(name: str, content: bytes, *options: str) -> Result:
        (tmp_path / name).write_bytes(content)
        return CliRunner(env=environment).invoke(main, ["predict", "wine", name, *options])

    return invoke


@pytest.mark.parametrize(
    ("name", "content"),
    [("wines.xlsx", BOOK), ("WINES.XLSX", BOOK), ("wines.csv", BOOK), ("W.CSV.GZ", None)],
)
def test_a_workbook_is_predicted_like_its_csv_whatever_its_name(
    predict: Predict, name: str, content: bytes | None
):
    result = predict(name, content or gzip.compress(BOOK))
    assert result.exit_code == 0, result.output
    assert result.stdout == predict("plain.csv", CSV).stdout
    assert 'of the workbook, the sheet "Sheet1" was read; not "Sheet2"' in result.stderr


@pytest.mark.parametrize(("content", "sheet"), [(CSV, ""), (BOOK, "Sheet1")])
def test_a_table_is_read_from_a_pipe_by_its_content(
    monkeypatch: pytest.MonkeyPatch, content: bytes, sheet: str
):
    ours, theirs = os.pipe()
    os.write(theirs, content)
    os.close(theirs)
    with os.fdopen(ours) as piped:
        monkeypatch.setattr(sys, "stdin", piped)
        with reading_table(STANDARD) as (source, report):
            lines = source.stream.read().decode().splitlines()
    assert [line.split(",")[0] for line in lines] == ["fixed acidity", "4.4", "8.3"]
    assert report.sheet == sheet


@pytest.mark.parametrize(
    ("name", "content", "code", "said"),
    [
        ("photo.csv", b"\x89PNG\r\n\x1a\n", 1, "the file is a picture (PNG), not a table: save"),
        ("a.csv", zipped("wines.csv"), 1, "the file is a zip archive, not a table: unpack it"),
        ("page.xls", b"<table><tr>", 1, "the file is a web page (HTML), not a table: download"),
        ("wines.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), 1, "an old Microsoft"),
        ("cut.xlsx", BOOK[:300], 1, "the file is a damaged zip archive or workbook"),
        ("empty.csv", b"", 1, "the text is empty; name the fields in its first line"),
        ("title.csv", b"Report\n" + CSV, 1, 'name them in place of "Report"'),
        ("some.csv", OTHER, 1, "line 1, alcohol: has no column"),
        ("WINES.PARQUET", b"PAR1", 2, "the output is a folder, of Parquet; name one by -o"),
        ("wines.JSON", b"[]", 2, "wines.JSON has a format that is not read"),
    ],
)
def test_what_cannot_be_predicted_is_named_with_what_to_do(
    predict: Predict, name: str, content: bytes, code: int, said: str
):
    result = predict(name, content)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["out.XLSX", "out.parquet"])
def test_predictions_of_a_table_are_not_written_under_the_name_of_another_kind(
    predict: Predict, tmp_path: Path, name: str
):
    result = predict("wines.csv", CSV, "-o", name)
    assert result.exit_code == 2
    assert f"{name}: predictions of such a file are written as .csv" in result.stderr
    assert not (tmp_path / name).exists()
