"""The very bytes that trained a model are answered by it, row by row, as the same rows in JSON."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import body
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from training import latest, output

from app import create_app
from serving.inputs.missing import MISSING
from serving.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]

ROWS = 60
FEW = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=4,
    phases=[Phase.generate],  # for to shrink a training takes minutes
)


def answers(folder: Path, content: bytes, target: str, *options: str) -> list[str]:
    """Train on bytes, post them, and return the predictions; the same as of its rows in JSON."""
    models = folder / "models"
    models.mkdir(exist_ok=True)
    (folder / "data.csv").write_bytes(content)
    command = ("--target", target, "--name", "posted", "--estimator", "decision-tree", *options)
    output(models, folder / "data.csv", *command)
    version = latest(models, "posted").manifest.version
    told = Settings(models_dir=models, default_model="posted", var_dir=folder / "var")
    client = create_app(told).test_client()
    card = f"/models/posted/versions/{version}"
    path = f"{card}/predict"
    answer = client.post(path, data=content, content_type="text/csv")
    assert answer.status_code == 200, answer.text
    separator = max(",;\t|", key=answer.text.partition("\n")[0].count)
    told_as_csv = [*csv.DictReader(io.StringIO(answer.text), delimiter=separator)]
    assert not any(row["error"] for row in told_as_csv)
    sent = rows(content, client.get(card).json["fields"])
    told_as_json = client.post(path, **body(sent))
    assert told_as_json.status_code == 200, told_as_json.text
    found = [str(each["prediction"]) for each in told_as_json.json["predictions"]]
    assert [row["prediction"].replace(",", ".") for row in told_as_csv] == found
    return found


def rows(content: bytes, described: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a file as JSON, texts where the file has them, null for an empty cell."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252")
    separator = max(",;\t|", key=text.partition("\n")[0].count)
    names, *lines = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    fields = {field["name"]: field for field in described}
    at = {name: names.index(name) for name in fields}
    return [
        {name: sent(fields[name], line[place].strip()) for name, place in at.items()}
        for line in lines
        if any(line)
    ]


def sent(field: dict[str, Any], text: str) -> Any:
    """A cell as a program sends it: null for a missing one, plain numbers not as texts."""
    if text in {"", *MISSING, *field.get("missing", ())}:
        return None
    is_number = field.get("type", "number") in {"number", "integer"}
    return float(text) if is_number and not (field["numerals"] or "unit" in field) else text


def table(**columns: Any) -> pd.DataFrame:
    """Sixty rows with a number that the label follows from, and other columns."""
    number = np.arange(ROWS) * 1.5
    return pd.DataFrame(
        {"number": number, "label": np.where(number > 40, "high", "low"), **columns}
    )


COLUMNS = {
    "missing": ["NA", "?", "NULL", "nan", "", "2.5", "3.5"],
    "zero and one": ["0.0", "1.0", "1.0"],
    "true and false": ["True", "False"],
    "thousands": ["1,000", "2,500", "12,345"],
    "money": ["R$ 1.234,56", "R$ 7,50", "R$ 100,00", "R$ 12,00"],
    "dollars": ["$1,200.50", "$3.00", "($7.25)"],
    "accounts": ["R$ (1.234,56)", "R$ 7,50", "R$ 100,00"],
    "lakhs": ["₹ 12,34,567", "₹ 4,567", "₹ 89"],
    "feet": ["850 sq ft", "1200 sq ft"],
    "share": ["20%", "7.5%", "100%"],
    "size": ["40 m2", "52.5 m2"],
    "stand-ins": [*map(str, range(100, 158)), "-", "s/d"],
    "month": ["2024-01", "2024-02", "2024-07"],
    "day first": ["31/12/2024", "01/02/2024"],
    "moment": ["2024-01-31 10:30:00", "2024-02-01 00:00:00"],
    "quarter": ["2024Q1", "2024Q3"],
    "month in words": ["jan/24", "fev/24", "dez/23"],
    "day in words": ["1 de maio de 2024", "20 de junho de 2023"],
    "digits, day first": ["01022024", "31122023", "15032024", "16032024", "07082024"],
    "zero dates": [*["2024-01-05", "2024-02-06"] * 28, *["0000-00-00"] * 4],
    "yes and no": ["True", "true", "1", "0", "FALSE", "no"],
    "digits": ["20240131", "20240229", "20231201", "20240704", "20240705"],
    "labels": ["SP", "sp", "Sp", "-"],
    "many labels": [f"L{row}" for row in range(25)],
    "code": ["01310", "20040"],
    "id": [*map(str, range(1, 61))],
    "constant": ["7"],
    "empty": [""],
}


@pytest.mark.parametrize("names", [[*COLUMNS][first::4] for first in range(4)], ids=", ".join)
def test_columns_of_any_kind_can_be_posted_as_they_were_trained_on(
    tmp_path: Path, names: list[str]
):
    cells = {name: (COLUMNS[name] * ROWS)[:ROWS] for name in names}
    content = table(**cells).to_csv(index=False).encode()
    assert answers(tmp_path, content, "label") == ["low"] * 27 + ["high"] * 33


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ", "),
        lambda text: text.replace(",", ";").replace(".", ","),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", "|"),
        lambda text: text.replace("\n", ",,\n"),
        lambda text: text + "\n\n,,,\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: "".join(
            f'{row},"{line[0]}"{line[1:]}\n' if row else f",{line}\n"
            for row, line in enumerate(text.splitlines())
        ),
    ],
    ids=[
        "spaces",
        "semicolons",
        "tabs",
        "bars",
        "empty columns",
        "empty rows",
        "CRLF",
        "BOM",
        "an index",
    ],
)
def test_a_file_written_in_any_way_can_be_posted(tmp_path: Path, change: Any):
    text = table(cidade=["a", "b"] * 30).to_csv(index=False)
    assert answers(tmp_path, change(text).encode(), "label") == ["low"] * 27 + ["high"] * 33


def test_latin_letters_of_one_byte_can_be_posted(tmp_path: Path):
    frame = table(região=["Goiás", "São Paulo"] * 30).rename(columns={"label": "situação"})
    content = frame.to_csv(index=False, sep=";", decimal=",").encode("latin-1")
    assert answers(tmp_path, content, "situação") == ["low"] * 27 + ["high"] * 33


def test_what_is_told_to_be_missing_is_so_when_it_is_posted(tmp_path: Path):
    frame = table(x=[-200, -200, *range(58)], y=[*range(58), "abc", "abc"])
    content = frame.to_csv(index=False).encode()
    options = ("--missing", "x=-200", "--missing", "abc")
    assert len(answers(tmp_path, content, "label", *options)) == ROWS


def test_rows_without_a_target_can_be_posted(tmp_path: Path):
    frame = table(price=[1.5 * row for row in range(58)] + [None, None])
    frame.loc[58:, "number"] = None
    assert len(answers(tmp_path, frame.to_csv(index=False).encode(), "price")) == ROWS


@FEW
@given(
    columns=st.dictionaries(
        st.text("abcXYZ áç_-.", min_size=1, max_size=6).map(str.strip).filter(bool),
        st.sampled_from(sorted(COLUMNS)),
        min_size=1,
        max_size=4,
    ),
    separator=st.sampled_from(",;\t|"),
)
def test_any_columns_together_can_be_posted(
    tmp_path: Path, columns: dict[str, str], separator: str
):
    cells = {name: (COLUMNS[kind] * ROWS)[:ROWS] for name, kind in columns.items()}
    frame = table(**{name: kind for name, kind in cells.items() if name not in {"number", "label"}})
    content = frame.to_csv(index=False, sep=separator).encode()
    assert len(answers(tmp_path, content, "label")) == ROWS
