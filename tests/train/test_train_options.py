"""What is chosen for a column holds, whatever its values look like, or is refused by name."""

from pathlib import Path

import pytest
from workbooks import Styled, xlsx

from serving.inputs.field import Field
from train.errors import TrainingError
from train.tables.infer import Inferred, infer
from train.tables.options import ColumnOptions
from train.tables.read import read

ROWS = 40
LINES = [
    f"{at:03},{at % 7},2024-01-{1 + at % 28:02},{20240101 + at % 28},{at}.5,{'ab'[at % 2]}"
    for at in range(ROWS)
]
TABLE = "code,grade,day,stamp,area,label\n" + "\n".join(LINES)


def fields(file: Path, content: str = TABLE, /, **options: list[str]) -> dict[str, Field]:
    """The fields of a table to predict `label`."""
    file.write_text(content)
    return {field.name: field for field in inferred(file, **options).fields}


def inferred(file: Path, **options: list[str]) -> Inferred:
    return infer(read(file), "label", options=ColumnOptions.of(options))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def test_without_choices_the_values_decide(file: Path):
    found = fields(file)
    assert {name: field.type for name, field in found.items()} == {
        "grade": "integer",
        "day": "date",
        "stamp": "date",
        "area": "number",
    }


def test_a_chosen_type_holds_also_for_a_column_that_would_be_left_out(file: Path):
    found = fields(file, number=["stamp", "code"], category=["grade", "day"])
    assert {name: field.type for name, field in found.items()} == {
        "code": "integer",
        "grade": "category",
        "day": "category",
        "stamp": "integer",
        "area": "number",
    }
    assert found["grade"].categories == tuple("0123456")
    assert fields(file, date=["stamp"])["stamp"].format == "%Y%m%d"


def test_zero_and_one_that_are_chosen_to_be_numbers_are_no_labels(file: Path):
    text = "x,y,label\n" + "\n".join(f"{at % 2},{at},{'ab'[at % 2]}" for at in range(ROWS))
    assert fields(file, text)["x"].type == "category"
    assert fields(file, text, number=["x"])["x"].type == "integer"


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"number": ["label"]}, "'label' holds numbers, but not 'a' (20 rows, lines 2, 4, 6 …)"),
        ({"date": ["grade"]}, "'grade' holds dates, but not '0'"),
        ({"number": ["grade"], "text": ["grade"]}, "--text and --number grade: choose one of them"),
        (
            {"category": ["grad"]},
            "--category grad: no column is called 'grad'; did you mean 'grade'?",
        ),
        ({"unit": ["area"]}, "--unit area: write it as NAME=UNIT, area=m²"),
        ({"unit": ["day=m"]}, "'day' is not read as numbers"),
        ({"unit": ["ares=m"]}, "no column is called 'ares'; did you mean 'area'?"),
    ],
)
def test_a_choice_that_cannot_be_followed_names_the_column_and_the_value(
    file: Path, options: dict[str, list[str]], refusal: str
):
    with pytest.raises(TrainingError) as refused:
        fields(file, **options)
    assert refusal in str(refused.value)


def test_a_unit_is_the_field_s_unless_its_cells_have_another(file: Path):
    assert fields(file, unit=["area=m²"])["area"].unit == "m²"
    text = "x,y,label\n" + "\n".join(f"{at} kg,{at},{'ab'[at % 2]}" for at in range(ROWS))
    assert fields(file, text, unit=["x=kg"])["x"].unit == "kg"
    with pytest.raises(TrainingError, match="the cells of 'x' have their unit, 'kg'"):
        fields(file, text, unit=["x=g"])


def test_a_workbook_is_read_as_its_csv_would_be(tmp_path: Path):
    file = tmp_path / "homes.xlsx"
    rows = [
        [
            at / 4,
            Styled(45_000 + at, "date"),
            at % 3 == 0,
            None if at == 5 else at * 2,
            "ab"[at % 2],
        ]
        for at in range(ROWS)
    ]
    file.write_bytes(xlsx([["area", "day", "new", "age", "label"], *rows], [["other"]]))
    remarks: list[str] = []
    found = infer(read(file), "label", echo=remarks.append)
    assert remarks[0] == "the sheet 'Sheet1' is read; others are not: 'Sheet2'"
    fields = {field.name: field for field in found.fields}
    assert {name: field.type for name, field in fields.items()} == {
        "area": "number",
        "day": "date",
        "new": "category",
        "age": "integer",
    }
    assert fields["new"].categories == ("FALSE", "TRUE")
    assert fields["age"].optional
    assert not fields["area"].optional


def test_a_file_that_is_no_table_is_refused_by_what_it_is(file: Path):
    file.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(TrainingError, match=r"data.csv is a picture \(PNG\), not a table: save"):
        read(file)
