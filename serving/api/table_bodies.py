"""Bodies that are sent as tables: CSV, a workbook, or a file of something else."""

from collections.abc import Mapping
from typing import BinaryIO, cast
from urllib.parse import quote

from werkzeug.exceptions import UnsupportedMediaType

from serving.api.arrow_bodies import room_of_app
from serving.errors import NotATable
from serving.formats import workbook
from serving.formats.recognised import why_no_table
from serving.formats.workbook import is_workbook, to_csv
from serving.spool import Spool

MEDIA_TYPES = {"text/csv", "text/tab-separated-values", *workbook.MEDIA_TYPES}
SHEET, OTHERS = "X-Sheet", "X-Other-Sheets"
LISTED_SHEETS = 20
MAX_SHOWN = 100  # characters of a name


def as_csv(sent: Spool, max_bytes: int) -> tuple[Spool, Mapping[str, str]]:
    """Return a body as CSV, whatever its label: itself, or what is made of a workbook.

    Returns
    -------
    body : Spool
        The body that was sent is closed if it is another one.
    headers : mapping of str to str
        For the response: the sheet that was read, and others that were not, percent-encoded.

    Raises
    ------
    NotATable
        If it is a file of something else, with what to send in its place.
    NoRoom
    UnsupportedMediaType
        If it is a workbook, and python-calamine is not installed.
    """
    file = cast("BinaryIO", sent)
    if not is_workbook(file):
        if reason := why_no_table(file):
            raise NotATable(reason)
        return sent, {}
    if not workbook.is_installed():
        raise UnsupportedMediaType(str(workbook.MISSING))
    made = Spool(room_of_app())
    try:
        report = to_csv(sent, made, max_bytes, is_unambiguous=True)
    except BaseException:
        made.close()
        raise
    sent.close()
    names = {SHEET: [report.sheet], OTHERS: report.others[:LISTED_SHEETS]}
    return made, {
        header: ", ".join(map(_in_header, each)) for header, each in names.items() if each
    }


def _in_header(name: str) -> str:
    return quote(name[:MAX_SHOWN])
