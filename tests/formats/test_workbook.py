"""Workbooks are read by content, as their CSV would be, and hostile ones do no harm."""

from datetime import time
from io import BytesIO
from tempfile import TemporaryFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbooks import Formula, Styled, ods, xlsx, zipped

from serving.errors import NotATable
from serving.formats import workbook
from serving.formats.recognised import why_no_table

DAY = 45_504  # 2024-07-31, counted from 1900
ENCRYPTED = workbook.OLE + bytes(504)


def csv(content: bytes) -> str:
    """What a workbook is as CSV."""
    with TemporaryFile() as source, TemporaryFile() as made:
        source.write(content)
        source.flush()
        workbook.to_csv(source, made)
        return made.read().decode()


def refusal(content: bytes) -> str:
    """Why a workbook is refused."""
    with pytest.raises(NotATable) as refused:
        csv(content)
    return str(refused.value)


def test_cells_are_read_by_their_types_and_not_as_they_look() -> None:
    rows = [
        ["whole", "half", "share", "day", "moment", "yes", "sum", "old sum", "error", "text"],
        [
            *(5, 0.5, Styled(0.05, "percent"), Styled(DAY, "date"), Styled(DAY + 0.5, "moment")),
            *(True, Formula("A2*2", 10), Formula("A2*2", None), "#N/A", 'a,"b";c'),
        ],
    ]
    assert csv(xlsx(rows)) == (
        "whole,half,share,day,moment,yes,sum,old sum,error,text\n"
        '5,0.5,0.05,2024-07-31,2024-07-31 12:00:00,TRUE,10,,,"a,""b"";c"\n'
    )


def test_dates_are_the_same_whether_days_are_counted_from_1900_or_1904() -> None:
    rows = [["day"], [Styled(DAY - 1462, "date")]]
    assert csv(xlsx(rows, is_1904=True)) == "day\n2024-07-31\n"


def test_rows_are_on_the_lines_of_their_numbers_wherever_the_table_begins() -> None:
    cells = {"C3": "x", "D3": "y", "C4": 1, "D4": 2, "C6": 3, "D6": 4}
    assert csv(xlsx(cells)) == "\n\nx,y\n1,2\n\n3,4\n"


def test_every_cell_of_a_merged_range_has_its_value() -> None:
    rows = [["city", "price"], ["Porto", 1], [None, 2], [None, 3]]
    assert csv(xlsx(rows, merged="A2:A3")) == "city,price\nPorto,1\nPorto,2\n,3\n"


@pytest.mark.parametrize("merged", ["A1:C1", ""])
def test_a_title_above_the_names_is_refused_with_its_text(merged: str) -> None:
    rows = [["Report 2024"], ["a", "b", "c"], [1, 2, 3]]
    assert refusal(xlsx(rows, merged=merged)) == (
        "row 1 has 'Report 2024' over several columns, and no name for each: remove the rows "
        "above the names of the columns"
    )


def test_the_first_visible_sheet_with_cells_is_read_and_the_others_are_reported() -> None:
    with TemporaryFile() as source, TemporaryFile() as made:
        source.write(xlsx([["secret"]], {}, [["a"], [1]], [["b"]], hidden=1))
        report = workbook.to_csv(source, made)
        assert made.read() == b"a\n1\n"
    assert (report.sheet, report.others) == ("Sheet3", ("Sheet2", "Sheet4"))


def test_a_workbook_whose_sheets_are_all_hidden_is_refused() -> None:
    assert "no visible sheet with cells" in refusal(xlsx([["a"]], [["b"]], hidden=2))


def test_a_workbook_of_libreoffice_is_read() -> None:
    content = ods([["a", "b", "c"], [1.5, "x", time(8, 30)]])
    assert workbook.is_workbook(BytesIO(content))
    assert csv(content) == "a,b,c\n1.5,x,08:30:00\n"


def test_two_cells_that_make_a_sheet_of_terabytes_are_refused() -> None:
    assert "a cell far from all others" in refusal(xlsx({"A1": "a", "XFD1048576": 1}))


def test_an_encrypted_workbook_is_refused_with_what_to_do() -> None:
    encrypted = ENCRYPTED + "EncryptedPackage".encode("utf-16-le")  # as in its directory
    assert refusal(encrypted).startswith("the workbook is encrypted: save it without a password")


def test_a_document_of_an_old_office_is_told_from_a_workbook() -> None:
    assert "an old Microsoft Office, not a workbook" in refusal(workbook.OLE + bytes(504))
    parts = "Workbook".encode("utf-16-le")
    assert refusal(workbook.OLE + bytes(504) + parts).startswith("the workbook cannot be read: ")


@pytest.mark.faults
@given(st.binary(max_size=200), st.integers(0, 1_500))
@settings(max_examples=5)
def test_a_damaged_workbook_is_refused_in_a_sentence(damage: bytes, at: int) -> None:
    content = xlsx([["a", "b"], [1, 2]])
    at = min(at, len(content))
    try:
        csv(content[:at] + damage + content[at + len(damage) :])
    except NotATable as refused:
        assert "\n" not in str(refused)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\x03\x04 and nothing", "a damaged zip archive or workbook"),
        (b"\x80\x05\x95\x00", "a pickle of Python"),
        (b"PAR1\x15\x04", "a file of Parquet"),
        (b"<!DOCTYPE html><html>", "a web page (HTML)"),
        (b'<table border="1"><tr><td>', "a web page (HTML)"),  # as many programs write .xls
        ("<html><body>".encode("utf-16"), "a web page (HTML)"),
        (b'[{"a": 1}]', "JSON"),
        (b"{}", "JSON"),
        (b"[1, 2]", "JSON"),
        (ods([["a"]]).replace(b"spreadsheet", b"text"), "a document of LibreOffice"),
        (zipped("Index/Document.iwa"), "a document of Apple's Numbers, Pages or Keynote"),
        (xlsx([["a"]]).replace(b"xl/", b"zz/"), "a zip archive"),
    ],
)
def test_what_is_no_table_is_refused_by_what_it_is(content: bytes, what: str) -> None:
    assert why_no_table(BytesIO(content)).startswith(f"the file is {what}, not a table: ")


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b"PAR1,MZ\n1,2\n", b"", xlsx([["a"]]), ods([["a"]]), ENCRYPTED]
)
def test_what_may_be_a_table_is_not_refused_by_how_it_begins(content: bytes) -> None:
    assert not why_no_table(BytesIO(content))
