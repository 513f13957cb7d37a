"""Reading a CSV as people have them, and finding out what its columns are."""

import math
import re
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from serving.inputs.field import Field
from serving.inputs.numerals import Numerals
from train.errors import TrainingError
from train.tables import table
from train.tables.infer import Inferred, infer
from train.tables.options import ColumnOptions
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
        (b"\x80\x04\x00\x01", "is not text: it has a zero byte"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(file: Path, content: bytes, message: str):
    file.write_bytes(content)
    with pytest.raises(TrainingError, match=message):
        table.read(file)


class Found:
    """What a table was found to hold, and what was said of it."""

    def __init__(self, table: pd.DataFrame, target: str, task: Any = None, **options: Any) -> None:
        self.said: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "data.csv"
            table.to_csv(file, index=False)
            told = ColumnOptions(**options)
            self.found: Inferred = infer(read(file), target, task, told, self.said.append)
        self.task, self.unit, self.frame = self.found.task, self.found.unit, self.found.frame
        self.fields = {field.name: field for field in self.found.fields}


def made(**columns: Any) -> pd.DataFrame:
    """A table of 60 rows: a number to learn from, labels to predict, and other columns."""
    number = [0.5 * (row % 31) for row in range(60)]
    return pd.DataFrame({"number": number, "label": ["yes", "no", "no"] * 20} | columns)


def DATE(written: str) -> Field:  # noqa: N802 - stands for the field in the table below
    return Field(name="x", type="date", format=written)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.5, 2.5] * 30, Field(name="x")),
        ([1, 2, 9] * 20, Field(name="x", type="integer")),
        (
            pd.array([1, None, 9] * 20, dtype="Int64"),
            Field(name="x", type="integer", optional=True),
        ),
        ([0, 1] * 30, Field(name="x", type="category", categories=("0", "1"))),
        (
            [1.0, 0.0, None] * 20,
            Field(name="x", type="category", categories=("0", "1"), optional=True),
        ),
        (["True", "False"] * 30, Field(name="x", type="category", categories=("False", "True"))),
        (
            ["b", "a", None] * 20,
            Field(name="x", type="category", categories=("a", "b"), optional=True),
        ),
        (["01310", "20040"] * 30, Field(name="x", type="category", categories=("01310", "20040"))),
        (["-", "A"] * 30, Field(name="x", type="category", categories=("-", "A"))),
        (
            ["0", "1", "2", "3+"] * 15,
            Field(name="x", type="category", categories=("0", "1", "2", "3+")),
        ),
        (["10-20", "20-30"] * 30, Field(name="x", type="category", categories=("10-20", "20-30"))),
        (["12:30", "13:00"] * 30, Field(name="x", type="category", categories=("12:30", "13:00"))),
        (["R$ 1.234,56", "R$ 7,50"] * 30, Field(name="x", unit="R$", numerals=Numerals(",", "."))),
        (["$1,200.50", "$3.00"] * 30, Field(name="x", unit="$", numerals=Numerals(".", ","))),
        (["($1,200.50)", "3.00"] * 30, Field(name="x", unit="$", numerals=Numerals(".", ","))),
        (
            ["R$ (1.234,56)", "R$ 7,50"] * 30,
            Field(name="x", unit="R$", numerals=Numerals(",", ".")),
        ),
        (["1.234,56-", "7,50"] * 30, Field(name="x", numerals=Numerals(",", "."))),
        (
            ["₹ 12,34,567", "₹ 99"] * 30,
            Field(name="x", unit="₹", numerals=Numerals(".", ",")),
        ),
        (
            ["1\u2019234\u2019567", "99"] * 30,
            Field(name="x", type="integer", numerals=Numerals(".", "'")),
        ),
        (["$1.25M", "$110.50M"] * 30, Field(name="x", unit="$M")),
        (["72° F", "80°F"] * 30, Field(name="x", unit="° F")),
        (
            ["(2014)", "(2016)"] * 30,
            Field(name="x", type="category", categories=("(2014)", "(2016)")),
        ),
        (["0x1F", "0xA0"] * 30, Field(name="x", type="category", categories=("0x1F", "0xA0"))),
        (["850 sq ft", "90 sq ft"] * 30, Field(name="x", unit="sq ft")),
        (["3", "3-", "4"] * 20, Field(name="x", type="category", categories=("3", "3-", "4"))),
        (["20%", "7%"] * 30, Field(name="x", unit="%")),
        (["40 m2", "7 m2"] * 30, Field(name="x", unit="m2")),
        (["1 year", "7 years"] * 30, Field(name="x", unit="year")),
        (["05%", "17%"] * 30, Field(name="x", unit="%")),
        (["1,000", "37"] * 30, Field(name="x", type="integer", numerals=Numerals(".", ","))),
        (["2024-01", "2024-02"] * 30, Field(name="x", type="date", format="%Y-%m")),
        (["31/12/2024", "01/02/2024"] * 30, Field(name="x", type="date", format="%d/%m/%Y")),
        (["12/31/2024", "01/02/2024"] * 30, Field(name="x", type="date", format="%m/%d/%Y")),
        (
            ["2024-01-05", None] * 15 + ["2024-02-01T10:30:00Z"] * 30,
            Field(name="x", type="date", format="ISO 8601", optional=True),
        ),
        (
            [20240101, 20240229, 20240331, 20231201, 20250101, 20250630] * 10,
            Field(name="x", type="date", format="%Y%m%d"),
        ),
        (
            ["7/31/2024 1:05 PM", "8/1/2024 11:59 AM"] * 30,
            Field(name="x", type="date", format="%m/%d/%Y"),
        ),
        (["Jan-23", "Feb-24"] * 30, Field(name="x", type="date", format="%b-%y")),
        (["fev/24", "dez/23", "mar/25"] * 20, Field(name="x", type="date", format="%b/%y")),
        (["1 de maio de 2024"] * 30 + ["20 de junho de 2024"] * 30, DATE("%d %b %Y")),
        (["Tuesday, March 5, 2024", "Friday, May 3, 2024"] * 30, DATE("%b %d, %Y")),
        (["2024Q1", "Q3 2024", "4T2023"] * 20, DATE("%Y-%m")),
        (["31/12/2024, 09:05", "09:05 01/02/2024"] * 30, DATE("%d/%m/%Y")),
        (["2024-01-05 10:00:00 UTC", "2024-01-06 10:00:00 -03:00"] * 30, DATE("ISO 8601")),
        (["31/12/2024", "2024-02-01"] * 30, DATE("%d/%m/%Y")),
        (["01022024", "31122023", "15032024", "16032024", "07082024"] * 12, DATE("%d%m%Y")),
        (["20240131090500", "20240229235959"] * 30, Field(name="x", type="integer")),
        (
            [20240131090500, 20240229235959, 20240301000000, 20240401120000, 20240501120000] * 12,
            DATE("%Y%m%d%H%M%S"),
        ),
        (
            ["Set 12", "Mar 20"] * 30,
            Field(name="x", type="category", categories=("Mar 20", "Set 12")),
        ),
        (
            [f"2024-0{1 + row % 9}-11" for row in range(54)] + ["0000-00-00"] * 6,
            Field(name="x", type="date", format="ISO 8601", optional=True, missing=("0000-00-00",)),
        ),
        ([1999, 2004, 2024] * 20, Field(name="x", type="integer")),
        (
            [*range(100, 158), "-", "s/d"],
            Field(name="x", type="integer", optional=True, missing=("-", "s/d")),
        ),
        (
            [f"2024-0{1 + row % 9}-11" for row in range(59)] + ["unknown"],
            Field(name="x", type="date", format="ISO 8601", optional=True, missing=("unknown",)),
        ),
    ],
)
def test_fields_are_inferred(values: Any, expected: Field):
    if expected.is_numeric:  # how they are written is learnt of all
        expected = replace(expected, numerals=expected.numerals or Numerals())
    assert Found(made(x=values), "label").fields["x"] == expected


def test_the_values_are_those_that_the_texts_stand_for():
    texts = {"money": ["R$ 1.234,56", "(R$ 7,50)"] * 30, "share": ["12.5%", "7%"] * 30}
    days = {"day": ["31/12/2024", "01/02/2024 18:00"] * 30, "month": ["2024-07", "2024-08"] * 30}
    frame = Found(made(**texts, **days), "label").frame
    assert frame.loc[:1, ["money", "share", "day", "month"]].to_numpy().tolist() == [
        [1234.56, 12.5, 20088, 19905],
        [-7.5, 7, 19754.75, 19936],
    ]


@pytest.mark.parametrize(
    ("other", "expected", "remark"),
    [
        (["2.5", "7.25"], [1.234, 5.678], ""),
        (
            ["2,5", "7,25"],
            [1234, 5678],
            "'1.234' is 1234, not 1.234, because other columns have the decimal sign ','",
        ),
    ],
)
def test_the_decimal_sign_of_other_columns_tells_what_a_point_is(
    other: list[str], expected: list[float], remark: str
):
    found = Found(
        made(number=[*range(7, 67)], other=other * 30, x=["1.234", "5.678"] * 30), "label"
    )
    assert found.frame["x"].tolist()[:2] == expected
    assert any(remark in each for each in found.said)


def test_a_category_has_its_frequent_labels_and_one_for_all_others():
    labels = [f"L{row % 220}" if row < 2_000 else f"rare {row}" for row in range(2_100)]
    table = pd.DataFrame(
        {"shop": labels, "x": [row * 1.5 for row in range(2_100)], "y": ["a", "b", "b"] * 700}
    )
    found = Found(table, "y")
    field = found.fields["shop"]
    assert (field.type, field.other, len(field.categories)) == ("category", "other", 200)
    assert found.frame["shop"].value_counts()["other"] == 100 + 21 * 9
    table.loc[0, "shop"] = "other"
    assert Found(table, "y").fields["shop"].other == "other_"


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("code", [f"C{row}" for row in range(60)], "an identifier or free text"),
        ("CustomerId", [row**2 for row in range(60)], "it is an identifier"),
        ("row", [*range(1, 61)], "it numbers the rows"),
        ("Unnamed: 0", [*range(60)], "it numbers the rows"),
        ("constant", [3] * 60, "has one value only, 3"),
        ("day", ["2024-07-31"] * 60, "has one value only, 2024-07-31"),
        ("review", [f"words {row % 45}" for row in range(60)], "free text"),
    ],
)
def test_what_teaches_nothing_is_left_out_with_the_way_to_keep_it(
    name: str, values: Any, reason: str
):
    found = Found(made(**{name: values}), "label")
    assert [*found.fields] == ["number"]
    (remark,) = (each for each in found.said if each.startswith("left out"))
    assert repr(name) in remark
    assert reason in remark
    (option,) = re.findall('--keep ("[^"]*"|\\S+)', remark)
    kept = Found(made(**{name: values}), "label", keep=frozenset([option.strip('"')]))
    assert [*kept.fields] == ["number", name]


def test_an_empty_column_is_left_out():
    found = Found(made(nothing=[math.nan] * 60), "label")
    assert "left out: 'nothing', because it is empty" in found.said


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("income", [1000 + row * row for row in range(60)]),
        ("year", [1960 + row for row in range(60)]),
        ("age", [*range(20, 80)]),
        ("count", [*reversed(range(7, 67))]),
        ("quantity", [*range(1, 61)]),
    ],
)
def test_what_counts_up_is_no_identifier_by_that(name: str, values: list[int]):
    found = Found(made(**{name: values}), "label")
    assert [*found.fields] == ["number", name]
    assert any("--drop quantity" in each for each in found.said) == (name == "quantity")
    assert [*Found(made(**{name: values}), "label", drop=frozenset([name])).fields] == ["number"]


def test_what_is_left_out_is_said_before_a_refusal():
    table = made(code=[f"C{row}" for row in range(60)], same=["a"] * 60)
    said: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        table.to_csv(f"{folder}/data.csv", index=False)
        with pytest.raises(TrainingError, match="does not have two labels"):
            infer(read(Path(folder) / "data.csv"), "same", echo=said.append)
    assert any("left out: 'code'" in each and "--keep code" in each for each in said)


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (["abc"], r"'x' holds numbers, but not 'abc' \(line 61\): correct it, .*--missing abc"),
        ([">100", "<5"], r"'>100' \(line 60\), '<5' \(line 61\): .*--missing \">100\" --missing"),
        (["10-20", "12:30"], r"'10-20' \(line 60\), '12:30' \(line 61\)"),
        (["1.2.3"], r"'1.2.3' \(line 61\)"),
        (["5 kg"], r"'5 kg' \(line 61\)"),
    ],
)
def test_cells_that_only_a_person_understands_are_named_with_their_lines(
    odd: list[str], message: str
):
    values = [*range(100, 160 - len(odd)), *odd]
    with pytest.raises(TrainingError, match=message):
        Found(made(x=values), "label")
    with pytest.raises(TrainingError, match=message):
        Found(made(x=values), "x")
    found = Found(made(x=values), "label", missing=tuple(odd))
    assert found.fields["x"].type == "integer"
    assert set(found.fields["x"].missing) == {*odd}
    assert found.frame["x"].isna().sum() == len(odd)
    assert Found(made(x=values), "label", keep=frozenset("x")).fields["x"].type == "category"


@pytest.mark.parametrize(
    "text",
    ["NAN", "Null", "(null)", "[NA]", "#N/D", "??", "—", "TBD", "1.#QNAN", "Não informado"],
)
def test_what_plainly_says_that_there_is_no_number_is_missing(text: str):
    found = Found(made(x=[*range(100, 159), text]), "label")
    assert found.fields["x"].missing == (text,)
    assert f"'x': {text!r} (line 61) counts as missing" in found.said


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["True", "true", "1", "0", "FALSE", "no"] * 10, ("FALSE", "True")),
        (["Yes", "yes", "No", "no"] * 15, ("No", "Yes")),
        (["Sim", "SIM", "não"] * 20, ("Sim", "não")),
        (["0", "1"] * 29 + ["TRUE", "yes"], ("0", "1")),
        (["N", "S", "F"] * 20, ("F", "N", "S")),
        (["0", "1", "1.0", "2"] * 15, None),
        (["Yes", "No", "Maybe"] * 20, ("Maybe", "No", "Yes")),
    ],
)
def test_yes_and_no_in_several_spellings_are_two_labels(values: list[str], labels: Any):
    found = Found(made(x=values), "label")
    assert (found.fields["x"].categories or None) == labels
    if labels and len(labels) == 2:
        assert any("'x' has yes and no in several spellings" in each for each in found.said)
        target = Found(made(x=values), "x")
        assert (target.task, tuple(sorted(target.frame["x"].unique()))) == (
            "classification",
            labels,
        )


def test_a_column_of_which_many_cells_are_no_dates_is_said_to_be_labels():
    days = [f"{1 + row % 28:02d}/01/2024" for row in range(50)] + ["soon", "later"] * 5
    found = Found(made(when=days), "label")
    assert found.fields["when"].type == "category"
    assert any("most of its values are dates, but not 'soon'" in each for each in found.said)


def test_a_date_that_is_none_is_named():
    days = [f"2024-0{1 + row % 9}-11" for row in range(59)] + ["2024-02-31"]
    with pytest.raises(
        TrainingError, match=r"'when' holds dates, but not '2024-02-31' \(line 61\)"
    ):
        Found(made(when=days), "label")


def test_one_cell_of_a_number_with_few_values_is_no_label():
    with pytest.raises(TrainingError, match=r"'rooms' holds numbers, but not 'two' \(line 2\)"):
        Found(made(rooms=["two", *[1, 2, 3] * 19, 1, 2]), "label")


def test_a_column_of_which_many_cells_are_no_numbers_is_text_and_said_to_be():
    found = Found(made(x=[*range(5)] * 8 + ["low"] * 20), "label")
    assert found.fields["x"].categories == ("0", "1", "2", "3", "4", "low")
    assert any("'x' is read as labels" in each and "'low' (20 rows" in each for each in found.said)
    units = Found(made(x=["5 kg", "7 lb", "9 kg"] * 20), "label")
    assert any("several units, 'kg', 'lb'" in each for each in units.said)


def test_stand_ins_of_a_target_are_rows_left_out():
    prices = [f"R$ {1_000 + row},50" for row in range(58)]
    table = made(price=[*prices, "-", "nil"])
    found = Found(table, "price")
    assert (found.task, found.unit, len(found.frame)) == ("regression", "R$", 58)
    assert found.frame["price"].tolist()[:2] == [1000.5, 1001.5]
    assert "2 rows left out: their 'price' is missing" in found.said
    assert any("'-' (line 60), 'nil' (line 61) count as missing" in each for each in found.said)


def test_none_is_a_label_of_a_target_unless_it_is_told_to_be_missing():
    kinds = ["None", "Insomnia", "Apnea", ""] * 15
    table = made(y=kinds, x=["None", "a", "b"] * 20)
    found = Found(table, "y")
    assert sorted(found.frame["y"].unique()) == ["Apnea", "Insomnia", "None"]
    assert any(
        "'y': 'None' (15 rows) is a label; train with --missing None" in s for s in found.said
    )
    assert found.fields["x"].categories == ("a", "b")
    told = Found(table, "y", missing=("None",))
    assert sorted(told.frame["y"].unique()) == ["Apnea", "Insomnia"]
    assert not any("no cell holds it" in each for each in told.said)
    numbers = Found(made(y=[*range(100, 159), "None"]), "y")
    assert (numbers.task, len(numbers.frame)) == ("regression", 59)


def test_a_target_of_numbers_becomes_labels_only_if_that_is_asked_for():
    values = [100.5 + row % 25 for row in range(250)] + ["low"] * 50
    table = pd.DataFrame({"number": [0.5 * (row % 97) for row in range(300)], "price": values})
    with pytest.raises(TrainingError, match="'price' has 26 different values, most of them numb"):
        Found(table, "price")
    found = Found(table, "price", missing=("low",))
    assert (found.task, len(found.frame)) == ("regression", 250)
    assert Found(table, "price", "classification").task == "classification"


def test_a_target_that_is_text_of_its_own_in_most_rows_is_refused():
    labels = ["a", "b"] * 14 + [f"C{row}" for row in range(32)]
    with pytest.raises(TrainingError, match=r"32 are in fewer than 5 rows each, 32 of 60 rows"):
        Found(made(y=labels), "y")
    with pytest.raises(TrainingError, match="'y' holds dates, which cannot be predicted"):
        Found(made(y=["2024-01-02", "2024-05-06"] * 30), "y")


@pytest.mark.parametrize(
    ("texts", "written", "why"),
    [
        (["01/02/2024", "02/02/2024"], "%d/%m/%Y", "the day comes first"),
        (["01/01/2024", "02/01/2024", "01/02/2024"], "%d/%m/%Y", "order of time"),
        (["01/02/2024", "01/03/2024", "02/01/2024"], "%m/%d/%Y", "the month comes first"),
        (["5/1/2023", "4/1/2023", "6/1/2023"], "%m/%d/%Y", "the first day of each month"),
    ],
)
def test_of_two_readings_of_a_date_the_likelier_is_taken_and_told(
    texts: list[str], written: str, why: str
):
    table = made(when=[*texts[:1] * (61 - len(texts)), *texts[1:]])
    found = Found(table, "label")
    assert found.fields["when"].format == written
    assert any("'when'" in each and why in each for each in found.said)


@pytest.mark.parametrize(
    ("others", "written", "why"),
    [
        ({"price": [f"{row},5" for row in range(60)]}, "%d/%m/%Y", "decimal commas"),
        ({"born": ["12/31/1980"] * 60}, "%m/%d/%Y", "it does so in another column"),
        ({"born": ["31/12/1980"] * 60}, "%d/%m/%Y", "it does so in another column"),
    ],
)
def test_the_rest_of_a_file_tells_which_of_day_and_month_comes_first(
    others: dict[str, list[str]], written: str, why: str
):
    # Read the other way, these would be in order of time or first days of months.
    days = ["02/01/2024", "01/03/2024"] if written[1] == "m" else ["02/01/2024", "03/01/2024"]
    table = made(when=days * 30, **others).drop(columns="number")
    found = Found(table.assign(n=range(60)), "label")
    assert found.fields["when"].format == written
    assert any("'when'" in each and why in each for each in found.said)


def spread(*isolated: float) -> list[float]:
    """Sixty numbers from 20 to 78, of which some are far from the others."""
    return [*isolated, *(20 + row for row in range(60 - len(isolated)))]


@pytest.mark.parametrize("value", [-200, 0, -1, -999, 999, 9999])
def test_a_value_far_from_all_others_is_asked_about(value: int):
    found = Found(made(x=spread(value, value)), "label")
    (question,) = (each for each in found.said if "far from all other" in each)
    assert question == (
        f"{value} is far from all other values of 'x' (2 rows, the others 20 to 77): does it stand "
        f"for a missing value? Then train with --missing {f'x={value}' if value == 0 else value}"
    )
    mirrored = Found(made(x=[-each for each in spread()[2:]] + [0, 0]), "label")
    assert any("the others -79 to -22" in each for each in mirrored.said)
    for wish in (f"{value}", f"x={value}"):
        told = Found(made(x=spread(value, value)), "label", missing=(wish,))
        field = told.fields["x"]
        assert (field.optional, field.missing, field.type) == (True, (str(value),), "integer")
        assert told.frame["x"].min() == 20
        assert not any("far from" in each for each in told.said)


@pytest.mark.parametrize("value", [-999, 99, 9999, -99.9])
def test_nines_far_from_few_others_are_asked_about(value: float):
    found = Found(made(x=[0, 1, 2, 3, value] * 12), "label")
    assert any(
        f"{value} is far from all other values of 'x' (12 rows" in each for each in found.said
    )


@pytest.mark.parametrize(
    "values",
    [
        spread(),
        [-1, 0, 1] * 20,
        [1, 50, 99] * 20,
        [10, 99] * 30,
        [0] * 30 + [*range(1, 31)],
        [0] * 40 + [50 * row for row in range(2, 22)],
        [-3, -1, *range(58)],
        [row**3 for row in range(60)],
        [5.0] * 10 + [row / 10 for row in range(50)],
        [0, 1, 2] * 20,
    ],
)
def test_numbers_that_belong_together_are_not_asked_about(values: list[float]):
    found = Found(made(x=values), "label")
    assert not any("far from" in each for each in found.said)


def test_a_wish_for_a_column_that_is_not_there_is_refused():
    for option in ("keep", "drop", "text"):
        with pytest.raises(TrainingError, match=f"--{option} nmber: .*did you mean 'number'"):
            Found(made(), "label", **{option: frozenset(["nmber"])})
    assert "--missing -7: no cell has this value" in Found(made(), "label", missing=("-7",)).said


def test_a_value_missing_only_where_the_target_is_may_be_missing():
    size = [*(row * 1.5 for row in range(58)), None, None]
    found = Found(made(size=size, price=[*range(7, 65), None, None]), "price")
    assert found.fields["size"].optional
    assert not found.frame["size"].isna().any()


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
    found = Found(made(target=values), "target")
    assert found.task == task
    assert any(each.startswith(task) for each in found.said)


@pytest.mark.parametrize("name", ["self", "Unnamed: 2", "a:b", "index", "0", "id", "prediction"])
def test_a_column_may_have_any_name(name: str):
    found = Found(made(**{name: [1.5, 2.5, 3.5] * 20}), "label")
    assert [*found.fields] == ["number", name]
    assert Found(made(**{name: [1.5, 2.5, 3.5] * 20}), name).task == "regression"


def test_the_task_may_be_chosen():
    assert Found(made(stars=[1, 2, 3, 4, 5] * 12), "stars", "regression").task == "regression"
    found = Found(made(grade=[3, 4, 5] * 20), "grade", "classification")
    assert set(found.frame["grade"]) == {"3", "4", "5"}


def test_rows_without_a_target_and_of_rare_labels_are_left_out():
    labels = ["a", "b"] * 28 + ["c", "c", None, None]
    found = Found(made(target=labels), "target")
    assert len(found.frame) == 56
    assert "2 rows left out: their 'target' is missing" in found.said
    assert "2 rows left out: 'target' is 'c' in fewer than 5 rows" in found.said


@pytest.mark.parametrize(
    ("changes", "target", "task", "message"),
    [
        ({}, "lable", None, "no column is called 'lable'; did you mean 'label'?"),
        (
            {"one": ["yes"] * 60},
            "one",
            None,
            "does not have two labels to predict: all rows are 'yes'",
        ),
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
        Found(made(**changes), target, task)


def test_a_table_of_nothing_but_text_is_refused():
    texts = {name: [f"{name} {row}" for row in range(60)] for name in ("name", "review")}
    with pytest.raises(TrainingError, match="no column is left to predict from: all others are"):
        Found(pd.DataFrame(texts | {"label": ["a", "b"] * 30}), "label")


def test_rows_that_repeat_each_other_are_not_enough():
    table = pd.DataFrame({"number": [1.5, 2.5, 3.5] * 20, "label": ["a", "b"] * 30})
    with pytest.raises(TrainingError, match="only 3 rows differ"):
        Found(table, "label")


def test_every_column_is_told_with_what_it_was_read_as():
    table = made(price=["$1.50", "$2.50", None] * 20, when=["2024-07", "2024-09"] * 30)
    said = "\n".join(Found(table, "label").said)
    assert re.search(r"number +number +0  0 to 15", said)
    assert re.search(r"price +number in \$ +20  1.5 to 2.5", said)
    assert re.search(r"when +date, year-month +0  2024-07-01 to 2024-09-01", said)


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
