"""A cell of a table is read as people and spreadsheets write it, or refused with its line."""

from typing import Any

import pytest
from homes import HOME, batches, rows, table

from serving.inputs.field import Field
from serving.inputs.schema import Schema


@pytest.mark.parametrize(
    ("cell", "number"),
    [("5", 5), (" 5 ", 5), ("+5.50", 5.5), (".5", 0.5), ("5.", 5), ("5e1", 50), ("5E-1", 0.5)],
)
def test_numbers_are_read_as_people_write_them(cell: str, number: float):
    assert rows(table(HOME | {"size, m²": cell}))[0, 0] == number


@pytest.mark.parametrize(
    ("cell", "comma", "message"),
    [
        ("abc", ",", '"abc" is not a number'),
        ("Infinity", ",", '"Infinity" is not a number'),
        ("1e999", ",", "Infinity is above 1000000, the highest possible"),
        ("1_000", ",", '"1_000" is not a number'),
        ("٣", ",", '"٣" is not a number'),
        ("0x1F", ",", '"0x1F" is not a number'),
        (
            "7,400",
            ",",
            '"7,400" is not a number; send 7400 or 7.4 without quotes',
        ),
        ("7,4", ",", '"7,4" is not a number; send 7.4 without quotes'),
        ("1.234,5", ";", '"1.234,5" is not a number; send 1234.5 without quotes'),
        ("1,234,5", ";", '"1,234,5" is not a number'),
        ("-1", ",", "-1 is below 0, the lowest possible"),
    ],
)
def test_a_cell_that_is_not_a_number_is_refused_with_the_line(cell: str, comma: str, message: str):
    (batch,) = batches(table(HOME, HOME | {"size, m²": cell}, HOME, comma=comma))
    ((place, (fault,)),) = batch.faults.items()
    assert (place, fault.record, fault.line, fault.field) == (1, 1, 3, "size, m²")
    assert fault.message == message
    assert len(batch.rows.matrix) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rooms": "2.5"}, "2.5 is not a whole number"),
        ({"rooms": ""}, "is missing"),
        ({"kind; of home": "flet"}, 'is none of "flat", "house; old"'),
        ({"kind; of home": "4"}, '"4" is none of'),
        ({"sea": "maybe"}, '"maybe" is none of "False", "True"'),
    ],
)
def test_a_cell_is_held_against_its_field(change: dict[str, Any], message: str):
    (batch,) = batches(table(HOME | change))
    assert message in batch.faults[0][0].message


@pytest.mark.parametrize("spelt", ["TRUE", "True", "true", "1"])
def test_booleans_are_read_as_spreadsheets_write_them(spelt: str):
    assert rows(table(HOME | {"sea": spelt}))[0, 3] == 1


def test_a_code_is_not_taken_where_a_label_looks_like_a_number():
    schema = Schema([Field(name="class", type="category", categories=("1", "2", "3"))])
    assert rows("class\n1\n3\n", schema).tolist() == [[0], [2]]
    (batch,) = batches("class\n0\n", schema)
    assert batch.faults
