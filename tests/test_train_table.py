"""Reading a CSV as people have them, and finding out what its columns are."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from train import table
from train.errors import TrainingError
from train.infer import infer

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
        (b"x,y\n1,2\n1,2,3\n", "is no table: .*line 3"),
        (b"\x80\x04\x00\x01", "is no text: it has a zero byte"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(file: Path, content: bytes, message: str):
    file.write_bytes(content)
    with pytest.raises(TrainingError, match=message):
        table.read(file)


def made(**columns: Any) -> pd.DataFrame:
    """A table of 60 rows: a number to learn from, labels to predict, and other columns."""
    number = [0.5 * (row % 31) for row in range(60)]
    return pd.DataFrame({"number": number, "label": ["yes", "no", "no"] * 20} | columns)


def field(**columns: Any) -> dict[str, Any]:
    """What a column of 60 values was found to be."""
    found = infer(made(**columns), "label")
    (name,) = columns
    (one,) = [field for field in found.fields if field.name == name]
    return {"type": one.type, "categories": one.categories, "optional": one.optional}


@pytest.mark.parametrize(
    ("values", "kind", "categories", "optional"),
    [
        ([1.5, 2.5] * 30, "number", (), False),
        ([1, 2, 9] * 20, "integer", (), False),
        (pd.array([1, None, 9] * 20, dtype="Int64"), "integer", (), True),
        ([0, 1] * 30, "category", ("0", "1"), False),
        ([1.0, 0.0, None] * 20, "category", ("0", "1"), True),
        (["True", "False"] * 30, "category", ("False", "True"), False),
        (["b", "a", None] * 20, "category", ("a", "b"), True),
    ],
)
def test_fields_are_inferred(
    values: Any, kind: str, categories: tuple[str, ...], *, optional: bool
):
    expected = {"type": kind, "categories": categories, "optional": optional}
    assert field(column=values) == expected


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("code", [f"C{row}" for row in range(60)], "is an identifier or free text"),
        ("row", [7 + row for row in reversed(range(60))], "counts from 7 to 66"),
        ("CustomerId", [row**2 for row in range(60)], "is an identifier"),
        ("constant", [3] * 60, "has one value only, 3"),
        ("nothing", [math.nan] * 60, "is empty"),
        ("review", [f"words {row % 45}" for row in range(60)], "is free text"),
    ],
)
def test_what_teaches_nothing_is_left_out_and_named(name: str, values: Any, reason: str):
    found = infer(made(**{name: values}), "label")
    assert [field.name for field in found.fields] == ["number"]
    assert any(repr(name) in remark and reason in remark for remark in found.remarks)


def test_numbers_that_are_all_different_are_no_identifiers_by_that():
    found = infer(made(income=[1000 + row * row for row in range(60)]), "label")
    assert [field.name for field in found.fields] == ["number", "income"]


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 30, "classification"),
        ([0, 1] * 30, "classification"),
        ([-1.0, 1.0] * 30, "classification"),
        ([1, 2, 3] * 20, "classification"),
        ([3, 4, 5] * 20, "regression"),
        ([0, 2, 4] * 20, "regression"),
        ([0.5, 1.5, 2.5] * 20, "regression"),
        (list(range(30)) * 2, "regression"),
    ],
)
def test_the_task_follows_from_the_target_and_is_told(values: Any, task: str):
    found = infer(made(target=values), "target")
    assert found.task == task
    assert found.remarks[0].startswith(task)


@pytest.mark.parametrize("name", ["self", "", "a:b", "index", "0"])
def test_a_column_may_have_any_name(name: str):
    found = infer(made(**{name: [1.5, 2.5, 3.5] * 20}), "label")
    assert [field.name for field in found.fields] == ["number", name]
    assert infer(made(**{name: [1.5, 2.5, 3.5] * 20}), name).task == "regression"


def test_the_task_may_be_chosen():
    assert infer(made(stars=[1, 2, 3, 4, 5] * 12), "stars", "regression").task == "regression"
    found = infer(made(grade=[3, 4, 5] * 20), "grade", "classification")
    assert set(found.frame["grade"]) == {"3", "4", "5"}


def test_rows_without_a_target_and_of_rare_labels_are_left_out():
    labels = ["a", "b"] * 28 + ["c", "c", None, None]
    found = infer(made(target=labels), "target")
    assert len(found.frame) == 56
    assert "2 rows left out: their 'target' is missing" in found.remarks
    assert "2 rows left out: 'target' is 'c' in fewer than 5 rows" in found.remarks


@pytest.mark.parametrize(
    ("changes", "target", "task", "message"),
    [
        ({}, "lable", None, "no column is called 'lable'; did you mean 'label'?"),
        ({"one": ["yes"] * 60}, "one", None, "no two classes to tell apart: all rows are 'yes'"),
        ({"few": ["a"] * 9 + [None] * 51}, "few", None, "9 rows have a 'few'"),
        ({"none": [None] * 60}, "none", None, "0 rows have a 'none'"),
        ({"same": [2.5] * 60}, "same", "regression", "is 2.5 in every row"),
        ({"text": ["a", "b"] * 30}, "text", "regression", "holds text"),
    ],
)
def test_what_cannot_be_learnt_is_refused_in_a_sentence(
    changes: dict[str, Any], target: str, task: Any, message: str
):
    with pytest.raises(TrainingError, match=message.replace("?", r"\?")):
        infer(made(**changes), target, task)


def test_a_table_of_nothing_but_text_names_what_was_left_out():
    texts = {name: [f"{name} {row}" for row in range(60)] for name in ("name", "review")}
    frame = pd.DataFrame(texts | {"label": ["a", "b"] * 30})
    with pytest.raises(TrainingError, match=r"no column is left .*'name' .*'review' "):
        infer(frame, "label")


def test_rows_that_repeat_each_other_are_not_enough():
    frame = pd.DataFrame({"number": [1.5, 2.5, 3.5] * 20, "label": ["a", "b"] * 30})
    with pytest.raises(TrainingError, match="only 3 rows differ"):
        infer(frame, "label")


cell = st.none() | st.sampled_from(["1", "0", "x", "1,5", "-2.5", "07"]) | st.text(max_size=4)


@FRESH
@given(cells=st.lists(st.tuples(cell, cell), max_size=60), task=st.none() | st.just("regression"))
def test_any_table_is_understood_or_refused(file: Path, cells: list[Any], task: Any):
    pd.DataFrame(cells, columns=["a", "b"]).to_csv(file, index=False)
    try:
        found = infer(table.read(file), "b", task)
    except TrainingError as error:
        assert str(error)
    else:
        assert [field.name for field in found.fields] == ["a"]
        assert found.frame["b"].notna().all()
