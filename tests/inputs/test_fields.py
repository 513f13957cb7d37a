"""What is sent for a field means the same whatever way it comes, or is refused."""

import io
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import InvalidRecords
from serving.formats import READERS
from serving.inputs import dates
from serving.inputs.field import Field
from serving.inputs.numerals import Numerals
from serving.inputs.schema import Schema
from serving.inputs.tables import Table

EXTRA = Field(name="x", optional=True)


def decoded(field: Field, value: Any) -> Any:
    """What a row holds of a value, read the fast way, the exact way, and in an array."""
    schema = Schema([field, EXTRA])
    record = {field.name: value}
    sent = [[record], record, record | {"more": 1}]
    one, *others = (schema.decode(json.dumps(each).encode(), 1).matrix[0, 0] for each in sent)
    np.testing.assert_array_equal(others, [one, one])
    return one


def celled(field: Field, text: str, *, separator: str = ",", trained: str | None = None) -> Any:
    """What a row holds of a cell."""
    schema = Schema([field, EXTRA], Table(trained) if trained else None)
    quoted = text.replace('"', '""')
    table = f'{field.name}{separator}x\n"{quoted}"{separator}1\n'
    (batch,) = READERS["text/csv"](io.BytesIO(table.encode()), schema)
    if batch.faults:
        raise InvalidRecords(batch.faults[0])
    return batch.rows.matrix[0, 0]


def refusal(read: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(InvalidRecords) as refused:
        read(*arguments, **more)
    (fault,) = refused.value.faults
    return fault.message


def category(*labels: str, **more: Any) -> Field:
    return Field(name="c", type="category", categories=labels, **more)


@pytest.mark.parametrize(
    ("labels", "sent", "meant"),
    [
        (("1", "2", "5", "9"), 2, "2"),
        (("1", "2", "5", "9"), 2.0, "2"),
        (("1", "2", "5", "9"), "2.0", "2"),
        (("1", "2", "5", "9"), " 2 ", "2"),
        (("01", "02"), 1, "01"),
        (("01", "1"), "1", "1"),
        (("1.0", "2.5"), 1, "1.0"),
        (("red", "white"), 1, "white"),
        (("red", "white"), "1", "white"),
        (("red", "white"), 1.0, "white"),
        (("red", "white"), " white", "white"),
        ((" red", "white"), "red", " red"),
        (("N", "Y"), True, "Y"),
        (("N", "Y"), "no", "N"),
        (("False", "True"), "TRUE", "True"),
        (("False", "True"), 1.0, "True"),
        (("0.0", "1.0"), "yes", "1.0"),
        (("0.0", "1.0"), "1", "1.0"),
        (("não", "sim"), False, "não"),
        (("Yes", "no"), True, "Yes"),
        (("False", "Maybe", "True"), True, "True"),
        (("NA", "x"), "NA", "NA"),
        (("São", "x"), "Sa\u0303o", "São"),
    ],
)
def test_a_label_may_be_sent_as_itself_its_number_or_a_boolean(
    labels: tuple[str, ...], sent: Any, meant: str
):
    assert labels[int(decoded(category(*labels), sent))] == meant
    assert labels[int(celled(category(*labels), str(sent)))] == meant


@pytest.mark.parametrize(
    ("labels", "sent", "message"),
    [
        (("01", "1"), 1, '1 may mean "01" or "1"; send the label as text'),
        (("01", "1"), "1.0", '"1.0" may mean "01" or "1"; send the label as text'),
        (("Yes", "no"), 1, '1 may mean "Yes" or "no"; send the label as text'),
        (("1", "2", "5"), 0, '0 is none of "1", "2", "5"'),
        (("10%", "20%"), 1, '1 is none of "10%", "20%"'),
        (("red", "white"), True, 'true is none of "red", "white"'),
        (("red", "white"), 2, '2 is none of "red", "white"'),
        (("red", "white"), "1e999999999", '"1e999999999" is none of "red", "white"'),
    ],
)
def test_what_means_no_label_or_several_is_refused(
    labels: tuple[str, ...], sent: Any, message: str
):
    assert refusal(decoded, category(*labels), sent) == message


def test_many_and_long_labels_do_not_fill_the_message():
    labels = tuple(f"label {at} {'x' * 500}" for at in range(500))
    message = refusal(decoded, category(*labels), "y" * 500)
    assert "and 480 others" in message
    assert len(message) < 2000


@given(st.lists(st.text(), min_size=2, max_size=5, unique=True), st.data())
def test_a_label_means_itself_whatever_it_is(labels: list[str], data: st.DataObject):
    label = data.draw(st.sampled_from(labels))
    assert labels[int(decoded(category(*labels), label))] == label


def test_labels_that_training_did_not_see_count_as_the_others_with_a_warning():
    field = category("Lima", "other", "Quito", other="other")
    schema = Schema([field, EXTRA])
    rows = schema.decode(b'[{"c": "Lima"}, {"c": "Cusco"}, {"c": "other"}, {"c": 7}]', 4)
    assert rows.matrix[:, 0].tolist() == [0, 1, 1, 1]
    said = '"Cusco" was not seen in training; it counts as "other"'
    assert [remark.message for remark in rows.remarks[1]] == [said]
    assert {*rows.remarks} == {1, 3}
    assert "null is none of" in refusal(decoded, field, None)
    assert celled(field, "Cusco") == 1


BOOLEAN = Field(name="b", type="boolean")


@pytest.mark.parametrize("kind", ["boolean", "integer", "number"])
@pytest.mark.parametrize("sent", [True, 1, 1.0, "True", "TRUE", "1", "1.0", "yes", "sim"])
def test_yes_is_yes_however_it_is_written(kind: Any, sent: Any):
    field = Field(name="b", type=kind, seen=(0, 1))
    assert decoded(field, sent) == 1
    assert celled(field, str(sent)) == 1


def test_what_is_neither_yes_nor_no_is_refused():
    assert refusal(decoded, BOOLEAN, "maybe") == '"maybe" is neither true nor false'
    assert refusal(decoded, BOOLEAN, 2) == "2 is neither true nor false"
    assert refusal(decoded, Field(name="n", seen=(0, 2)), *[True]) == "true is not a number"
    ratio = Field(name="n", seen=(0, 1))
    assert refusal(decoded, ratio, "0.5") == '"0.5" is not a number; send 0.5 without quotes'
    assert celled(ratio, "0.5") == 0.5


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
            BOOLEAN,
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


NAMED = Schema([Field(name="Fixed acidity"), Field(name="pH"), Field(name="sum")])


@pytest.mark.parametrize(
    "names",
    [
        ("fixed_acidity", "ph", "SUM"),
        ("FixedAcidity", "PH", "sum"),
        ("FIXED  ACIDITY ", "p_H", "Sum"),
    ],
)
def test_names_match_without_case_spaces_and_underscores(names: tuple[str, ...]):
    record = dict(zip(names, (1, 2, 3), strict=True))
    assert NAMED.decode(json.dumps(record).encode(), 1).matrix.tolist() == [[1, 2, 3]]
    table = f"{','.join(names)}\n1,2,3\n".encode()
    (batch,) = READERS["text/csv"](io.BytesIO(table), NAMED)
    assert batch.rows.matrix.tolist() == [[1, 2, 3]]


def test_an_exact_name_wins_and_two_that_are_alike_are_refused():
    sent = {"Fixed acidity": 1, "fixed_acidity": 9, "pH": 2, "SUM": 3}
    rows = NAMED.decode(json.dumps(sent).encode(), 1)
    assert rows.matrix.tolist() == [[1, 2, 3]]
    assert [remark.field for remark in rows.remarks[0]] == ["fixed_acidity"]
    with pytest.raises(InvalidRecords) as refused:
        NAMED.decode(b'{"fixed_acidity": 1, "FIXED ACIDITY": 1, "pH": 2, "sum": 3}', 1)
    (fault,) = refused.value.faults
    assert (fault.field, fault.message) == (
        "Fixed acidity",
        'is sent as "fixed_acidity" and "FIXED ACIDITY"; send "Fixed acidity" alone',
    )
    table = b"fixed_acidity,FIXED ACIDITY,pH,sum\n1,1,2,3\n"
    with pytest.raises(InvalidRecords, match="1 fault") as refused:
        list(READERS["text/csv"](io.BytesIO(table), NAMED))
    assert '"fixed_acidity" and "FIXED ACIDITY"' in refused.value.faults[0].message


def test_a_name_that_two_fields_could_have_means_neither():
    schema = Schema([Field(name="a b"), Field(name="a_b")])
    assert schema.decode(b'{"a b": 1, "a_b": 2}', 1).matrix.tolist() == [[1, 2]]
    with pytest.raises(InvalidRecords):
        schema.decode(b'{"AB": 1, "a_b": 2}', 1)


ODD = ['"', "\\", "a\nb", "\x01", "", "__proto__", "😀", "\u202eabc", "x" * 300, "a:b", "é"]


@given(st.lists(st.text() | st.sampled_from(ODD), min_size=1, max_size=4, unique=True))
def test_any_text_is_the_name_of_a_field(names: list[str]):
    clean = [json.loads(json.dumps(name)) for name in names]
    schema = Schema([Field(name=name) for name in clean])
    record = {name: at for at, name in enumerate(clean)}
    for sent in (record, [record, record]):
        matrix = schema.decode(json.dumps(sent).encode(), 2).matrix
        assert (matrix == np.arange(len(clean))).all()


def test_a_column_given_twice_is_read_as_in_training_or_refused():
    schema = Schema([Field(name="x"), Field(name="x.1")])
    (batch,) = READERS["text/csv"](io.BytesIO(b"x, x\n1,2\n"), schema)
    assert batch.rows.matrix.tolist() == [[1, 2]]
    once = Schema([Field(name="x")], Table(",", ("x", "x.1", "y")))
    (batch,) = READERS["text/csv"](io.BytesIO(b"x,x,y\n1,2,3\n"), once)
    assert batch.rows.matrix.tolist() == [[1]]
    with pytest.raises(InvalidRecords) as refused:
        list(READERS["text/csv"](io.BytesIO(b"x,x\n1,2\n"), Schema([Field(name="x")])))
    assert refused.value.faults[0].message == "is the name of several columns; keep one"
