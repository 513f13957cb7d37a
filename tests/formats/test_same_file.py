"""The file that trained a model can be sent to it: read by both in the same way, row by row."""

import csv
import io
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from training import output

from app import create_app
from serving.formats import READERS
from serving.inputs.schema import Schema
from serving.inputs.tables import TableReader
from serving.settings import Settings
from train.tables.infer import infer
from train.tables.options import ColumnOptions
from train.tables.read import read
from train.tables.rows import to_rows

pytestmark = pytest.mark.slow

ROWS = 60
QUICK = ("--estimator", "decision-tree")  # what is read is the same for all
MARKERS = ["", "NA", "?", "NULL", "nan", "N/A", "None"]
BOOLEANS = [
    *(("False", "True"), ("FALSE", "TRUE"), ("0", "1"), ("0.0", "1.0"), ("no", "yes")),
    *(("N", "Y"), ("não", "sim")),
]
DAYS = ["%Y-%m-%d", "%d/%m/%Y", "%Y-%m", "%d.%m.%Y", "%b %d, %Y", "%Y-%m-%d %H:%M:%S"]
UNITS = ["{} m2", "{}%", "R$ {}", "${}", "{} kg"]


class Written(NamedTuple):
    """How a table is written."""

    separator: str
    encoding: str
    decimal: str
    thousands: str
    marker: str
    booleans: tuple[str, str]
    day: str
    unit: str
    spaced: str
    quoting: Any
    end: str


@st.composite
def ways(draw: st.DrawFn) -> Written:
    decimal = draw(st.sampled_from(".,"))
    return Written(
        separator=draw(st.sampled_from(",;\t|")),
        encoding=draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"])),
        decimal=decimal,
        thousands=draw(st.sampled_from(["", "", "." if decimal == "," else ","])),
        marker=draw(st.sampled_from(MARKERS)),
        booleans=draw(st.sampled_from(BOOLEANS)),
        day=draw(st.sampled_from(DAYS)),
        unit=draw(st.sampled_from(UNITS)),
        spaced=draw(st.sampled_from(["{}", " {}", "{} ", " {} "])),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        end=draw(st.sampled_from(["\n", "\r\n"])),
    )


def table(way: Written, seed: int = 0) -> bytes:
    """A table of every kind of column, some values missing, its last the target."""
    random = np.random.default_rng(seed)
    days = np.datetime64("2021-03-01") + random.integers(0, 900, ROWS)
    header = ["Preço médio", "código", "membro", "desde", "área", "bairro", "bairro", "alvo"]

    def number(value: float, digits: int) -> str:
        text = f"{value:,.{digits}f}" if way.thousands else f"{value:.{digits}f}"
        signs = {",": way.thousands, ".": way.decimal}
        return "".join(signs.get(sign, sign) for sign in text)

    columns = [
        [number(value, 2) for value in random.uniform(-9, 9000, ROWS)],
        [number(value, 0) for value in random.choice([7, 1250, 3, 12345], ROWS)],
        [way.booleans[value] for value in random.integers(0, 2, ROWS)],
        [day.astype(object).strftime(way.day) for day in days],
        [way.unit.format(number(value, 1)) for value in random.uniform(20, 3000, ROWS)],
        random.choice(["São João", "Barra; funda", 'A "b"', "Sé, centro"], ROWS).tolist(),
        random.choice(["x", "y"], ROWS).tolist(),
        [("sim", "não")[row % 2] for row in range(ROWS)],
    ]
    for at, column in enumerate(columns[:-1]):
        column[at * 3 + 4] = way.marker
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=way.separator, quoting=way.quoting, lineterminator=way.end)
    writer.writerow(way.spaced.format(name) for name in header)
    writer.writerows(
        [way.spaced.format(cell) for cell in row] for row in zip(*columns, strict=True)
    )
    return text.getvalue().encode(way.encoding)


PLAIN = Written(
    ",", "utf-8", ".", "", "", ("no", "yes"), "%Y-%m-%d", "{} kg", "{}", csv.QUOTE_MINIMAL, "\n"
)


@settings(max_examples=30)
@given(way=ways(), seed=st.integers(0, 9))
def test_serving_reads_the_rows_that_training_read(way: Written, seed: int):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.csv"
        file.write_bytes(content := table(way, seed))
        found = infer(read(file), "alvo", None, ColumnOptions(), lambda _: None)
    schema = Schema(found.fields, found.table)
    reader = READERS["text/csv"](io.BytesIO(content), schema)
    (batch,) = reader
    assert not batch.faults
    np.testing.assert_array_equal(batch.rows.matrix, to_rows(found.frame, found.fields))
    again = schema.decode(json.dumps(records(schema, batch.rows.matrix)).encode(), ROWS)
    np.testing.assert_allclose(again.matrix, batch.rows.matrix, rtol=0, atol=1e-9)


def records(schema: Schema, matrix: Any) -> list[dict[str, Any]]:
    """Rows as JSON has them."""
    return [dict(zip(schema.names, row, strict=True)) for row in schema.values(matrix)]


ODD = PLAIN._replace(
    separator=";", encoding="cp1252", decimal=",", thousands=".", marker="?", unit="R$ {}",
    spaced=" {}", booleans=("0.0", "1.0"), day="%d/%m/%Y", quoting=csv.QUOTE_ALL, end="\r\n",
)  # fmt: skip


def rows_of(header: str, *columns: Sequence[Any]) -> bytes:
    """A table of 40 rows, each column repeating its cells, and labels that follow the first."""
    lines = [
        ",".join([*(str(column[row % len(column)]) for column in columns), "ab"[row % 2]])
        for row in range(40)
    ]
    return "\n".join([f"{header},alvo", *lines, ""]).encode()


NUMBERS = [row * 1.5 for row in range(37)]
FILES = {
    "plain": table(PLAIN),
    "of another country": table(ODD),
    "with thousands": table(PLAIN._replace(thousands=",", encoding="utf-16", booleans=("F", "T"))),
    "months and bars": table(PLAIN._replace(separator="|", day="%Y-%m", marker="NULL")),
    "labels by case": rows_of("city,x", ["SP", "sp", "Sp"], NUMBERS),
    "truth by case": rows_of("member,x", ["True", "true", "FALSE", "false", "True"], NUMBERS),
    "a dash for a number": rows_of("size,x", [40, 43, "-", 51, 58], NUMBERS),
    "names of ours": rows_of(
        "id,prediction,version,class,errors", [5, 3, 8], [1, 7, 2], NUMBERS, [2, 9, 4], [3, 1]
    ),
    "odd names": rows_of('__proto__,"a""b",😀', [5, 3, 8], [1, 7, 2], NUMBERS),
    "an empty column": rows_of("x,,y", NUMBERS, [""], [1, 5, 2]),
}


@pytest.mark.usefixtures("quick_training")
@pytest.mark.parametrize("name", FILES)
def test_the_file_that_trained_a_model_is_predicted_row_by_row(tmp_path: Path, name: str):
    content = FILES[name]
    (tmp_path / "data.csv").write_bytes(content)
    models = tmp_path / "models"
    models.mkdir()
    output(models, tmp_path / "data.csv", "--target", "alvo", "--name", "same", *QUICK)
    client = service(models, tmp_path)
    answer = client.post(
        "/predict", data=content, content_type="text/csv", headers={"Accept": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    told = [(one["prediction"], one["warnings"]) for one in answer.json["predictions"]]
    reader = TableReader(io.BytesIO(content))
    cells = [dict(zip(reader.names, row, strict=True)) for row in reader.take(10**6)[0]]
    assert len(told) == len(cells)
    assert not any(warnings for _, warnings in told)
    fields = client.get("/models/same").json["fields"]
    sent = [
        {field["name"]: as_json(field, row[field["name"]].strip()) for field in fields}
        for row in cells
    ]
    assert [each for each, _ in told] == [
        one["prediction"] for one in client.post("/predict", json=sent).json["predictions"]
    ]
    check_text(client, content)


def service(models: Path, folder: Path) -> FlaskClient:
    """What serves the only model of a folder."""
    (name,) = (each.name for each in models.iterdir())
    settings = Settings(models_dir=models, default_model=name, var_dir=folder / "var")
    return create_app(settings).test_client()


def as_json(field: dict[str, Any], cell: str) -> Any:
    """A cell as people put it into JSON: a number if it looks like one, null if it is missing."""
    if cell in MARKERS:
        return None
    if field.get("type", "number") not in {"number", "integer"}:
        return cell
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def check_text(client: FlaskClient, content: bytes) -> None:
    """A table is answered with as many lines."""
    answer = client.post("/predict", data=content, content_type="text/csv")
    assert len(TableReader(io.BytesIO(answer.data), ["prediction"]).take(10**6)[0]) >= 40


@pytest.mark.usefixtures("quick_training")
def test_a_model_of_half_a_public_file_predicts_the_other_half(tmp_path: Path):
    if "DATA_DIR" not in os.environ:
        pytest.skip("DATA_DIR, a folder with public data, is not set")
    loans = (Path(os.environ["DATA_DIR"]) / "loan.csv").read_bytes().splitlines(keepends=True)
    half = 1 + len(loans) // 2
    (tmp_path / "loans.csv").write_bytes(b"".join(loans[:half]))
    models = tmp_path / "models"
    models.mkdir()
    output(models, tmp_path / "loans.csv", "--target", "Loan_Status", "--name", "loans")
    client = service(models, tmp_path)
    others = b"".join([loans[0], *loans[half:]])
    answer = client.post("/predict", data=others, content_type="text/csv")
    assert answer.status_code == 200, answer.text
    assert answer.data.count(b"\n") == len(loans[half:]) + 1
