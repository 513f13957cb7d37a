"""Workbooks are predicted like the CSV that they contain, and files of other kinds named."""

from typing import Any

import pytest
from conftest import BAD, GOOD
from flask.testing import FlaskClient
from streams import AS_CSV, read_table, table
from workbooks import xlsx, zipped

from app import create_app
from serving.formats import workbook
from serving.settings import Settings

NAMES = [*GOOD]
ROWS = [[each[name] for name in NAMES] for each in (GOOD, BAD)]
BOOK = xlsx([[*NAMES, "shop"], [*ROWS[0], "sul"], [*ROWS[1], "norte"]], [["x"], [1]])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """One service, as no plain request has such a body."""
    return create_app(Settings(var_dir=tmp_path_factory.mktemp("var"))).test_client()


def post(client: FlaskClient, content: bytes, kind: str = workbook.OFFICE, **more: Any) -> Any:
    return client.post(more.pop("path", "/predict"), data=content, content_type=kind, **more)


@pytest.mark.parametrize("kind", [*workbook.MEDIA_TYPES, "text/csv"])
def test_a_workbook_is_predicted_like_the_csv_that_it_contains(client: FlaskClient, kind: str):
    response = post(client, BOOK, kind)
    assert (response.status_code, response.mimetype) == (200, "text/csv")
    made, expected = (
        read_table(each.text)
        for each in (response, client.post("/predict", data=table(GOOD, BAD), **AS_CSV))
    )
    assert [row | {"id": ""} for row in made] == [row | {"id": ""} for row in expected]
    assert response.headers["X-Sheet"] == "Sheet1"
    assert response.headers["X-Other-Sheets"] == "Sheet2"
    assert response.headers["X-Unused-Columns"] == "shop"


def test_the_predictions_of_a_workbook_may_be_json(client: FlaskClient):
    response = post(client, BOOK, headers={"Accept": "application/json"})
    assert [each["prediction"] for each in response.json["predictions"]] == ["bom", "ruim"]


def test_faults_of_a_workbook_have_the_number_of_their_row(client: FlaskClient):
    rows = [NAMES, ROWS[0], [*ROWS[1][:-2], "strong", ROWS[1][-1]]]
    response = post(client, xlsx(rows))
    assert response.status_code == 422
    [fault] = response.json["errors"]
    assert (fault["line"], fault["field"]) == (3, NAMES[-2])
    assert fault["message"] == '"strong" is not a number'


def test_what_browsers_on_windows_call_excel_may_be_csv(client: FlaskClient):
    assert post(client, table(GOOD), "application/vnd.ms-excel").status_code == 200


KINDS = {
    "a picture (PNG)": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\n",
    "a zip archive": zipped("wine.csv"),
    "a Word document": zipped("word/document.xml"),
    "a pickle of Python": b"\x80\x04\x95\x10" + bytes(9),
    "a file of Parquet": b"PAR1\x15\x04\x15",
    "compressed by gzip": b"\x1f\x8b\x08\0" + bytes(9),
    "a web page (HTML)": b"<!DOCTYPE html><html>",
    "binary": b"\0\1\2\3" * 99,
}


@pytest.mark.parametrize("kind", [workbook.OFFICE, "text/csv"])
@pytest.mark.parametrize("path", ["/predict", "/predict?faults=inline", "/sheet"])
def test_a_file_of_something_else_is_named_with_what_to_send(
    client: FlaskClient, path: str, kind: str
):
    for what, content in KINDS.items():
        response = post(client, content, kind, path=path)
        assert response.status_code == 400, what
        assert response.json["detail"].startswith(f"the file is {what}, not a table: ")


def test_a_damaged_workbook_and_an_old_document_are_refused(client: FlaskClient):
    for content in (BOOK[:400] + BOOK[-300:], workbook.OLE + bytes(600)):
        response = post(client, content)
        assert response.status_code == 400
        assert "CSV" in response.json["detail"]


def test_a_zip_with_a_directory_of_gigabytes_is_not_looked_into(client: FlaskClient):
    lying = bytearray(zipped("xl/workbook.xml"))
    at = lying.rfind(b"PK\5\6")
    lying[at + 12 : at + 16] = (2**31).to_bytes(4, "little")
    response = post(client, bytes(lying))
    assert "a damaged zip archive" in response.json["detail"]


def test_a_sheet_is_returned_as_csv_and_nothing_is_recorded(client: FlaskClient):
    response = post(client, BOOK, path="/sheet")
    assert (response.status_code, response.mimetype) == (200, "text/csv")
    lines = response.text.splitlines()
    assert lines[0] == ",".join([*NAMES, "shop"])
    assert lines[2].endswith(",norte")
    assert response.headers["X-Sheet"] == "Sheet1"


def test_a_sheet_of_nothing_is_refused(client: FlaskClient):
    response = post(client, b"", path="/sheet")
    assert (response.status_code, response.json["detail"]) == (
        400,
        "the body is empty; send a workbook",
    )


def test_a_number_with_three_decimals_is_no_thousand_to_a_model_whose_file_had_points_for_them(
    client: FlaskClient,
):
    response = post(client, xlsx([["a", "b"], [1.234, "1.234"]]), path="/sheet")
    assert response.text.splitlines()[1] == "1.2340,1.234"


def test_without_the_reader_a_workbook_is_refused_by_name(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(workbook, "find_spec", lambda _: None)
    response = post(client, BOOK)
    assert response.status_code == 415
    assert "python-calamine is not installed" in response.json["detail"]
