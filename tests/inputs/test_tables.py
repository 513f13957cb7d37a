"""Tables come from many programs; their names and cells are the same for training and serving."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import NotATable
from serving.inputs.headers import names
from serving.inputs.tables import TableReader

WRITTEN = st.text(st.characters(codec="latin-1", exclude_categories=["C"]), max_size=9)


def cells(content: str | bytes, known: tuple[str, ...] = (), **more: Any) -> TableReader:
    sent = content.encode() if isinstance(content, str) else content
    return TableReader(io.BytesIO(sent), known, **more)


def rows(content: str | bytes, known: tuple[str, ...] = ()) -> list[list[str]]:
    read = cells(content, known)
    return [list(row) for row in read.take(10**6)[0]]


@given(
    table=st.lists(st.tuples(WRITTEN, WRITTEN, WRITTEN), min_size=1, max_size=5),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_a_table_is_read_however_it_is_written(
    table: list[tuple[str, ...]], separator: str, encoding: str, end: str, quoting: Any
):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting)
    header = ["id", "preço (R$)", "situação"]
    writer.writerows([header, *(["7", *cells[1:]] for cells in table)])
    content = text.getvalue().encode(encoding)
    for known in ((), tuple(header)):
        read = cells(content, known)
        assert read.separator == separator
        assert list(read.names) == header
        assert [[cell.strip() for cell in row] for row in read.take(10**6)[0]] == [
            ["7", *(cell.strip() for cell in row[1:])] for row in table
        ]


PLAIN = ["1,2,3", "4,,", ",,", "", "   ", "a b, c,d", "6,7", "8,9,10,,", "\x0b,\x0c,\x1c"]
OTHERS = ['"x\ny",z,w', '5,"', "é,2,3", "\x85,\u2028,0", "1\r2,3,4", "0,0,\0"]
LINE = st.sampled_from(PLAIN + OTHERS)


@given(
    lines=st.lists(st.lists(LINE, max_size=12) | st.just(["1,2,3"] * 9), max_size=9),
    end=st.sampled_from(["\n", "\r\n"]),
    count=st.integers(1, 30),
)
def test_usual_lines_are_read_in_blocks_as_each_would_be(
    lines: list[list[str]], end: str, count: int
):
    text = end.join(["x,y,z", *(line for some in lines for line in some)])

    def read(content: bytes) -> tuple[list[Any], str]:
        found: list[Any] = []
        try:
            table = cells(content, ("x", "y", "z"))
            while (taken := table.take(count))[0]:
                found += zip(*taken, strict=True)
        except NotATable as error:
            return found, str(error)
        return found, ""

    with pytest.MonkeyPatch.context() as patch:
        for module in ("lines", "tables"):
            patch.setattr(f"serving.inputs.{module}.PIECE", 40)
        rows, error = read(text.encode())
        others, same = read(text.encode("utf-16"))  # which has no blocks
        assert error == same
        both = min(len(rows), len(others)) if error else None  # some are taken with the faulty one
        assert rows[:both] == others[:both]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("a, b ,c", ["a", "b", "c"]),
        ("x,x,x", ["x", "x.1", "x.2"]),
        ("x,x,x.1", ["x", "x.2", "x.1"]),
        ("x, x", ["x", "x.1"]),
        (",x,", ["Unnamed: 0", "x", "Unnamed: 2"]),
        ('"a;b",c', ["a;b", "c"]),
        ('"two\nlines",c', ["two\nlines", "c"]),
        ("\ufeffa,b", ["a", "b"]),
        ("cafe\u0301,b", ["caf\u00e9", "b"]),
        ("\n\n  \na,b", ["a", "b"]),
        ("sep=;\r\na,b;c", ["a,b", "c"]),
        ('\ufeff"sep=|"\na,b|c', ["a,b", "c"]),
        ("sep=x,b", ["sep=x", "b"]),
    ],
)
def test_names_are_those_that_pandas_gives_without_spaces(header: str, names: list[str]):
    assert list(cells(header + "\n1,2,3").names) == names


def test_spaces_after_separators_do_not_count_before_quotes_either():
    assert rows('a, b, c\n1, "x, y" , z\n') == [["1", "x, y ", "z"]]


def test_what_holds_nothing_is_passed_over_at_the_end_and_kept_in_between():
    read = cells("a,b\n\n1,2\n,\n3,4,,\n   \n,\n,,\n")
    taken, lines = read.take(10)
    assert [list(row) for row in taken] == [["1", "2"], ["", ""], ["3", "4"]]
    assert lines == [3, 4, 5]


def test_a_line_of_any_spaces_is_empty_in_a_table_of_one_column():
    table = cells(b"a\n1\n\f\n \n2\n\x1c\n", ("a",))
    assert table.take(9) == ([["1"], ["2"]], [2, 5])


def test_names_that_are_known_decide_what_stands_between_cells():
    content = "x;y\n1,5;2,5\n"
    assert cells(content, ("x", "y")).separator == ";"
    assert cells("a,b;c\n1,2;3", ("a", "b;c")).separator == ","
    assert cells("x\n1\n", ("x",), separator=";").separator == ";"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the text is empty"),
        (b"\n \n", "the text is empty"),
        (b'a,b\n1,"2\n3,4\n', "line 2: a quote is opened and not closed"),
        ("a,ã\n1,2\n".encode() + b"1,\xe3\n", "line 3 is not UTF-8, unlike the lines before it"),
        (b"a,b\n1,2\n\0,3\n", "line 3 is not text"),
        (b"a,b\n" + b"1" * 2**20, "line 2: a record has 1048576 bytes or more"),
    ],
)
@pytest.mark.parametrize("known", [(), ("a",)])
def test_what_is_not_a_table_is_refused_with_the_line(content: bytes, message: str, known: Any):
    with pytest.raises(NotATable, match=message):
        rows(content, known)


def test_a_quote_within_a_cell_is_a_quote():
    assert rows('a,b\n5" pipe,1\n"a"b,2\n') == [['5" pipe', "1"], ["ab", "2"]]


def test_a_name_that_is_repeated_very_often_takes_no_time():
    found = names(["x", "x.1"] + ["x"] * 200_000)
    assert found[:4] == ("x", "x.1", "x.2", "x.3")
    assert found[-1] == "x.200001"
