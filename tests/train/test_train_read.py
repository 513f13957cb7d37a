"""Reading a CSV as people write them."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from train.errors import TrainingError
from train.tables import table
from train.tables.infer import infer
from train.tables.read import read

FRESH = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def column(file: Path, text: str, name: str = "x") -> "pd.Series[Any]":
    file.write_text(text)
    return table.read(file)[name]


@FRESH
@given(
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]),
    decimal=st.sampled_from(".,"),
    numbers=st.lists(
        st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=2, max_size=9
    ),
)
def test_separator_encoding_and_decimal_comma_are_found(
    file: Path, separator: str, encoding: str, decimal: str, numbers: list[float]
):
    frame = pd.DataFrame({"preço (R$) ": numbers, "bairro": "São João"})
    frame.to_csv(file, sep=separator, encoding=encoding, decimal=decimal, index=False)
    found = table.read(file)
    assert list(found.columns) == ["preço (R$)", "bairro"]
    assert found["preço (R$)"].tolist() == pytest.approx(numbers)
    assert set(found["bairro"]) == {"São João"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x,y\n1,a\n2,b\n", [1, 2]),
        ("x,y\n1.0,a\n2.5,b\n", [1.0, 2.5]),
        ('x,y\n"1,234",a\n5,b\n', [1234, 5]),
        ('x,y\n"2,6",a\n"1.234,5",b\n', [2.6, 1234.5]),
        ("x;y\n1,234;a\n5;b\n", [1.234, 5.0]),
        ("x,y\n01310,a\n20040,b\n", ["01310", "20040"]),
        ("x,y\n 7 ,a\n -1 ,b\n", [7, -1]),
        ("x,y\n1e400,a\n2,b\n", [math.nan, 2.0]),
        ("x,y\n?,a\nN/A,b\n3,c\n", [math.nan, math.nan, 3]),
        ("x,y\nTrue,a\nFalse,b\n", ["True", "False"]),
        ("x,y\n1.2.3,a\n4,b\n", ["1.2.3", "4"]),
    ],
)
def test_a_column_is_numbers_if_all_its_values_are(file: Path, text: str, expected: list[Any]):
    values = column(file, text).astype(object).where(column(file, text).notna(), math.nan)
    assert values.tolist() == pytest.approx(expected, nan_ok=True)


def test_a_value_may_be_as_long_as_a_book(file: Path):
    assert column(file, f"x,y\n1,{'long ' * 50_000}\n2,b\n").tolist() == [1, 2]


def test_whole_numbers_stay_whole_where_some_are_missing(file: Path):
    assert column(file, "x,y\n1,a\n,b\n3,c\n").dtype == "Int64"
    assert column(file, "x,y\n1.0,a\n2.0,b\n").dtype == "float64"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"x,y\n", "has no rows below its line of column names"),
        (b"x,y\n1,2\n1,2,3\n", "is not a table: .*line 3"),
        (b"\x80\x04\x00\x01", "is a pickle of Python, not a table"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(file: Path, content: bytes, message: str):
    file.write_bytes(content)
    with pytest.raises(TrainingError, match=message):
        table.read(file)


cell = (
    st.none()
    | st.sampled_from(
        ["1", "0", "x", "1,5", "-2.5", "07", "R$ 5", "20%", "2024-07-01", "1/2/2024", "-", "1e400"]
    )
    | st.text(max_size=4)
)


@FRESH
@given(cells=st.lists(st.tuples(cell, cell), max_size=60), task=st.none() | st.just("regression"))
def test_any_table_is_understood_or_refused(file: Path, cells: list[Any], task: Any):
    pd.DataFrame(cells, columns=["a", "b"]).to_csv(file, index=False)
    try:
        found = infer(read(file), "b", task)
    except TrainingError as error:
        assert str(error)
    else:
        assert [field.name for field in found.fields] == ["a"]
        assert found.frame["b"].notna().all()
