"""Which field a name stands for."""

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import InvalidRecords
from serving.formats import READERS
from serving.inputs.field import Field
from serving.inputs.schema import Schema
from serving.inputs.tables import Table

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
