"""What stands for a label, and for yes and no."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import EXTRA, category, celled, decoded, refusal

from serving.inputs.field import Field
from serving.inputs.schema import Schema


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
