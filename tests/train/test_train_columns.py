"""What each column of a table is taken for."""

import re
from typing import Any

import pandas as pd
import pytest
from found import Found, made
from msgspec.structs import replace

from serving.inputs.field import Field
from serving.inputs.numerals import Numerals


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


@pytest.mark.parametrize("name", ["self", "Unnamed: 2", "a:b", "index", "0", "id", "prediction"])
def test_a_column_may_have_any_name(name: str):
    found = Found(made(**{name: [1.5, 2.5, 3.5] * 20}), "label")
    assert [*found.fields] == ["number", name]
    assert Found(made(**{name: [1.5, 2.5, 3.5] * 20}), name).task == "regression"


def test_every_column_is_told_with_what_it_was_read_as():
    table = made(price=["$1.50", "$2.50", None] * 20, when=["2024-07", "2024-09"] * 30)
    said = "\n".join(Found(table, "label").said)
    assert re.search(r"number +number +0  0 to 15", said)
    assert re.search(r"price +number in \$ +20  1.5 to 2.5", said)
    assert re.search(r"when +date, year-month +0  2024-07-01 to 2024-09-01", said)
