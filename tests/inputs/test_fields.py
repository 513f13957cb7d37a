"""Dates, texts and numbers mean the same in JSON and in a table, or are refused."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import category, celled, decoded, refusal

from serving.inputs import dates
from serving.inputs.field import Field
from serving.inputs.numerals import Numerals
from serving.inputs.schema import Schema

DAY = Field(name="d", type="date", format="%d/%m/%Y", seen=(19_000.0, 19_900.0))


@pytest.mark.parametrize(
    ("sent", "days"),
    [
        ("31/07/2024", 19_935),
        ("2024-07-31", 19_935),
        ("2024-07-31T12:00:00", 19_935.5),
        ("2024-07-31T12:00:00-03:00", 19_935.625),
    ],
)
def test_a_date_is_read_in_the_format_of_training_or_in_iso_8601(sent: str, days: float):
    assert decoded(DAY, sent) == days
    assert celled(DAY, sent) == days


def test_a_date_beyond_those_of_training_is_a_warning_with_dates():
    schema = Schema([DAY])
    for body in (b'{"d": "31/07/2024"}', b'[{"d": "31/07/2024"}]'):
        (remark,) = schema.decode(body, 1).remarks[0]
        assert remark.message == "2024-07-31 is after 2024-06-26, the last date in training"
    assert refusal(decoded, DAY, "31/13/2024") == (
        '"31/13/2024" is not a date; send one as "31/07/2024"'
    )
    assert refusal(decoded, DAY, 19_905) == '19905 is not a date; send one as "31/07/2024"'


def test_rows_are_shown_as_people_know_them():
    schema = Schema(
        [
            DAY,
            Field(name="b", type="boolean"),
            category("a", "b", optional=True),
            Field(name="t", type="text", optional=True),
        ]
    )
    sent = [
        {"d": "2024-01-31", "b": 1, "c": "b", "t": "So: it is"},
        {"d": "2023-01-01", "b": False},
    ]
    rows = schema.decode(json.dumps(sent).encode(), 2)
    assert not rows.remarks
    assert rows.matrix.dtype == object
    assert schema.values(rows.matrix) == [
        ["2024-01-31", True, "b", "So: it is"],
        ["2023-01-01", False, None, None],
    ]


@given(st.text())
def test_any_text_is_a_text(text: str):
    field = Field(name="t", type="text")
    sent = json.dumps([{"t": text}]).encode()
    (row,) = Schema([field]).decode(sent, 1).matrix.tolist()
    assert row == [json.loads(json.dumps(text))]


def test_a_text_that_is_missing_may_be_so_or_not():
    assert refusal(decoded, Field(name="t", type="text"), None) == (
        "null is not a text; send it in quotes"
    )
    assert celled(Field(name="t", type="text", optional=True), "") is None


MONEY = Field(name="m", unit="R$", numerals=Numerals(",", "."))


@pytest.mark.parametrize(
    ("sent", "number"),
    [("R$ 1.234,56", 1234.56), ("1.234,56", 1234.56), ("R$ 20", 20), ("1234", 1234), (12.5, 12.5)],
)
def test_a_number_with_a_unit_is_read_with_it_or_without(sent: Any, number: float):
    assert decoded(MONEY, sent) == number
    assert celled(MONEY, str(sent), separator=";", trained=";") == number


@pytest.mark.parametrize(
    ("numerals", "trained", "separator", "text", "number"),
    [
        (Numerals(".", ","), ",", ",", "1,000", 1000),
        (Numerals(".", ","), ",", ";", "1,000", "1000 or 1;"),
        (Numerals(".", ","), ",", ";", "1000.5", 1000.5),
        (Numerals(",", "."), ";", ";", "1.234", 1234),
        (Numerals(",", "."), ";", ",", "1.234", "1234 or 1.234; write 1234 or 1.2340"),
        (Numerals(",", "."), ";", ",", "1.2340", 1.234),
        (Numerals(","), ";", ";", "2,5", 2.5),
        (Numerals(","), ";", ";", "1.234", "1.234 or 1234"),
        (Numerals(), ",", ";", "2,5", 2.5),
        (Numerals(), ",", ",", "1,000", "send 1000 or 1 without quotes"),
        (None, None, ";", "1,000", 1),
        (None, None, ",", "1,000", "send 1000 or 1 without quotes"),
    ],
)
def test_no_text_is_taken_for_another_number(
    numerals: Any, trained: Any, separator: str, text: str, number: Any
):
    field = Field(name="n", numerals=numerals)
    if isinstance(number, str):
        assert number in refusal(celled, field, text, separator=separator, trained=trained)
    else:
        assert celled(field, text, separator=separator, trained=trained) == number


def test_a_text_in_json_that_could_be_two_numbers_is_refused():
    assert refusal(decoded, MONEY, "1.234") == (
        '"1.234" may be 1234 or 1.234; send the number without quotes'
    )
    assert refusal(decoded, Field(name="n"), "1,000") == (
        '"1,000" is not a number; send 1000 or 1 without quotes'
    )


@pytest.mark.parametrize(
    ("sent", "hint"),
    [
        ("0.26749926958941106", "0.26749926958941106"),
        ("1000000000000000002", "1000000000000000002"),
        ("7,010404170065815", "7.010404170065815"),
        ("8.320e+20", "8.320e+20"),
        (".5", "0.5"),
        ("(1,234.5)", "-1234.5"),
    ],
)
def test_a_hint_tells_the_number_that_was_sent_to_the_last_digit(sent: str, hint: str):
    message = refusal(decoded, Field(name="n"), sent)
    assert message == f'"{sent}" is not a number; send {hint} without quotes'


@pytest.mark.parametrize(
    ("written", "sent", "day"),
    [
        ("%d%m%Y", 1022024, "2024-02-01"),
        ("%d%m%Y", "01022024", "2024-02-01"),
        ("%Y%m%d", 20240201, "2024-02-01"),
        ("%b/%y", "Fev/24", "2024-02-01"),
        ("%b/%y", "2024-02", "2024-02-01"),
        ("%Y-%m", "2024Q2", "2024-04-01"),
        ("%d/%m/%Y", "1 de fevereiro de 2024", None),
        ("%d%m%Y", "1022024", None),
        ("%d/%m/%Y", "2024-02-01T00:00:00Z", "2024-02-01"),
    ],
)
def test_a_date_means_the_same_day_in_json_and_in_a_table(written: str, sent: Any, day: Any):
    field = Field(name="when", type="date", format=written)
    if day is None:
        assert "is not a date; send one as" in refusal(decoded, field, sent)
        assert "is not a date; send one as" in refusal(celled, field, str(sent))
    else:
        assert dates.to_iso(decoded(field, sent)) == day
        if isinstance(sent, str):
            assert dates.to_iso(celled(field, sent)) == day


def test_what_meant_missing_in_training_does_so_when_sent():
    field = Field(name="n", missing=("-", "-200"), optional=True)
    for sent in ("-", -200, -200.0, "-200"):
        assert math.isnan(decoded(field, sent))
        assert math.isnan(celled(field, str(sent)))
    assert decoded(field, -199) == -199
    needed = Field(name="n", missing=("-200",))
    assert "stands for a missing value" in refusal(decoded, needed, -200)
    assert "stands for a missing value" in refusal(celled, needed, "-200.0")


@pytest.mark.parametrize("text", ["", "NA", "?", "NULL", "nan", "None", " N/A "])
def test_texts_that_mean_missing_do_so_in_a_table(text: str):
    for field in (Field(name="n", optional=True), category("a", "b", optional=True)):
        assert math.isnan(celled(field, text))
    assert "missing" in refusal(celled, Field(name="n"), text)
