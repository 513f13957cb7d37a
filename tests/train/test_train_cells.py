"""Cells that are unlike the others of their column."""

from typing import Any

import pytest
from found import Found, made

from train.errors import TrainingError


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
