"""Which columns of a table are left out, and how to keep them."""

import math
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from found import Found, made

from train.errors import TrainingError
from train.tables.infer import infer
from train.tables.read import read


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


def test_a_wish_for_a_column_that_is_not_there_is_refused():
    for option in ("keep", "drop", "text"):
        with pytest.raises(TrainingError, match=f"--{option} nmber: .*did you mean 'number'"):
            Found(made(), "label", **{option: frozenset(["nmber"])})
    assert "--missing -7: no cell has this value" in Found(made(), "label", missing=("-7",)).said
