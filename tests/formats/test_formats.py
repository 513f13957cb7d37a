"""CSV and JSON Lines are read as the same records would be as JSON, whatever they look like."""

import csv
import io
import json
import math
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from homes import CSV, FIELDS, HOME, LINES, SCHEMA, batches, rows, table
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import InvalidRecords, NotATable
from serving.formats.batch import MAX_RECORDS
from serving.formats.delimited import Dialect, Writer
from serving.inputs.exact import Remark
from serving.inputs.lines import MAX_BYTES
from serving.models.outputs import Predictions

RECORDS_AS_SENT = st.fixed_dictionaries(
    {
        "size, m²": st.none() | st.floats(0, 1e6),
        "rooms": st.integers(1, 99),
        "kind; of home": st.sampled_from(FIELDS[2].categories) | st.integers(0, 3),
        "sea": st.sampled_from([None, True, False, "True", "False", 0, 1]),
        "income": st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6),
    }
)


@given(
    sent=st.lists(RECORDS_AS_SENT, min_size=1, max_size=5),
    columns=st.permutations(list(HOME)),
    dialect=st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", ",")]),
    mark=st.sampled_from(["", "\ufeff"]),
    lines=st.fixed_dictionaries(
        {
            "lineterminator": st.sampled_from(["\n", "\r\n"]),
            "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        }
    ),
)
def test_a_table_is_read_as_the_same_records_in_json(
    sent: list[dict[str, Any]],
    columns: list[str],
    dialect: tuple[str, str],
    mark: str,
    lines: dict[str, Any],
):
    shuffled = [{name: one[name] for name in columns} for one in sent]
    comma, point = dialect
    text = table(*shuffled, comma=comma, point=point, **lines)
    expected = SCHEMA.decode(json.dumps(sent).encode(), len(sent))
    (batch,) = batches(mark + text)
    assert not batch.faults
    np.testing.assert_array_equal(batch.rows.matrix, expected.matrix)
    assert batch.rows.remarks == expected.remarks
    np.testing.assert_array_equal(rows("\n".join(map(json.dumps, sent)), read=LINES), batch.rows[0])


@given(st.text(max_size=40), st.sampled_from(",;"))
def test_no_cell_breaks_another(text: str, comma: str):
    told = table(HOME | {"note": text}, HOME | {"note": "x"}, comma=comma)
    assert "\0" in text or rows(told).tolist() == rows(table(HOME, HOME)).tolist()


@given(st.binary(max_size=200), st.sampled_from([CSV, LINES]))
def test_whatever_is_sent_is_read_or_refused(content: bytes, read: Any):
    header = table(HOME).splitlines()[0].encode() + b"\n"
    try:
        for batch in batches(header + content if read is CSV else content, read=read):
            assert len(batch.rows.matrix) + len(batch.faults) == len(batch.lines)
    except (NotATable, InvalidRecords):
        pass


def test_a_table_without_rows_is_refused_with_the_place_where_the_first_should_be():
    with pytest.raises(InvalidRecords) as refused:
        batches(table(HOME).splitlines()[0] + "\n")
    (fault,) = refused.value.faults
    assert (fault.record, fault.line) == (0, 2)


def test_a_missing_column_is_reported_once_with_a_similar_name():
    with pytest.raises(InvalidRecords) as told:
        batches(table({"roms": 3, **{k: v for k, v in HOME.items() if k != "rooms"}}))
    (fault,) = told.value.faults
    assert (fault.line, fault.field) == (1, "rooms")
    assert fault.message == 'has no column; is it "roms"?'


def test_an_optional_column_may_be_left_out_and_others_are_not_used():
    told = table({k: v for k, v in HOME.items() if k != "size, m²"} | {"id": 7})
    reader = CSV(io.BytesIO(told.encode()), SCHEMA)
    (batch,) = reader
    assert math.isnan(batch.rows.matrix[0, 0])
    assert reader.unused == ["id"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the text is empty"),
        (b"1,2,3\n4,5,6\n", "the first line names no field"),
        (table(HOME).encode() + b'"', "line 3: a quote is opened and not closed"),
        (table(HOME).encode() + b"1,2,\xe3\n", "line 3 is not UTF-8"),
        (table(HOME).encode() + b"1" * MAX_BYTES, "line 3: a record has 1048576 bytes or more"),
        (table(HOME).encode() + b'"\n",' * MAX_BYTES, "line 3: a record has"),
    ],
)
def test_what_is_not_a_table_is_refused_with_the_line(content: bytes, message: str):
    with pytest.raises(NotATable, match=message):
        batches(content)


def test_rows_of_other_lengths_and_empty_lines():
    header, home = table(HOME).splitlines()
    lines = ["", header, "", home, f"{home},7", "1,2", "", f"{home},", ""]
    (batch,) = batches("\n".join(lines)[1:])
    assert batch.lines == [3, 4, 5, 7]
    told = {place: fault.message for place, (fault,) in batch.faults.items()}
    assert told == {
        1: "has 6 cells, the first line has 5; if a comma is part of a number or a text, put that "
        "in quotes",
        2: "has 2 cells, the first line has 5",
    }


def test_lines_are_counted_through_cells_that_hold_several():
    several = HOME | {"note": "a\nb\nc"}
    (batch,) = batches(table(several, several, several | {"rooms": "x"}))
    assert [fault.line for fault in batch.faults[2]] == [8]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("7", "7 is not a record; send a JSON object"),
        ("[{}]", "an array"),
        ("{", "the line is not JSON: Expecting property name"),
        ('{"rooms": NaN}', "NaN is not a JSON value"),
        (json.dumps(HOME)[:-1] + "},{}", "the line is not JSON: Extra data"),
        (json.dumps(HOME | {"rooms": 2.5}), "2.5 is not a whole number"),
    ],
)
def test_a_faulty_line_is_reported_and_the_others_are_predicted(line: str, message: str):
    home = json.dumps(HOME)
    (batch,) = batches(f"\ufeff{home}\n\n{line}\n{home}", read=LINES)
    assert len(batch.rows.matrix) == 2
    ((place, faults),) = batch.faults.items()
    assert (place, faults[0].line) == (1, 3)
    assert message in faults[0].message


def test_halves_of_a_record_on_two_lines_do_not_become_one():
    first, second = json.dumps(HOME).split(", ", 1)
    (batch,) = batches(f"{first}\n{second}\n", read=LINES)
    assert [*batch.faults] == [0, 1]
    (batch,) = batches(json.dumps(HOME) + "," + first + "\n" + second + "\n", read=LINES)
    assert [*batch.faults] == [0, 1]


@pytest.mark.parametrize("read", [CSV, LINES])
def test_what_comes_after_many_empty_lines_is_read(read: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(f"{read.__module__}.MAX_BYTES", 1000)
    text = table(HOME) if read is CSV else json.dumps(HOME) + "\n"
    again = text.splitlines()[-1]
    found = batches(text + "\n" * 3000 + again, read=read)
    assert sum(len(batch.rows.matrix) for batch in found) == 2


@pytest.mark.parametrize("read", [CSV, LINES])
def test_many_records_come_in_batches(read: Any):
    many = 2 * MAX_RECORDS + 5
    lines = [json.dumps(HOME | {"rooms": 1 + at % 99}) for at in range(many)]
    text = table(*map(json.loads, lines)) if read is CSV else "\n".join(lines)
    found = batches(text, read=read)
    assert [len(batch.lines) for batch in found] == [MAX_RECORDS, MAX_RECORDS, 5]
    assert [batch.first for batch in found] == [0, MAX_RECORDS, 2 * MAX_RECORDS]
    assert all(before.lines[-1] + 1 == after.lines[0] for before, after in pairwise(found))
    rooms = np.vstack([batch.rows.matrix for batch in found])[:, 1]
    assert rooms.tolist() == [1 + at % 99 for at in range(many)]


@given(
    made=st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=9)), min_size=1
    ),
    dialect=st.builds(Dialect, st.sampled_from(",;\t"), st.booleans()),
    name=st.text(min_size=1, max_size=9),
)
def test_predictions_are_written_as_a_csv_reader_reads_them(
    made: list[tuple[float, str]], dialect: Dialect, name: str
):
    numbers, labels = zip(*made, strict=True)
    remarks = {at: [Remark(name, label)] for at, label in enumerate(labels) if label}
    ids = [f"{name}.{at}" for at in range(len(made))]
    manifest: Any = SimpleNamespace(classes=(), fields=(), interval=True)
    predicted: Any = SimpleNamespace(
        ids=ids,
        rows=SimpleNamespace(remarks=remarks),
        predictions=Predictions([*numbers], [], [*zip(numbers, numbers, strict=True)]),
    )
    batch: Any = SimpleNamespace(faults={}, lines=ids)
    written = Writer(manifest, dialect, ids=True).batch(batch, predicted).decode()
    read = [*csv.reader(io.StringIO(written, newline=""), delimiter=dialect.delimiter)]
    texts = [repr(each).replace(".", "," if dialect.decimal_comma else ".") for each in numbers]
    assert [row[:4] for row in read] == [
        [*each] for each in zip(ids, texts, texts, texts, strict=True)
    ]
    assert [bool(row[4]) for row in read] == [at in remarks for at in range(len(made))]
