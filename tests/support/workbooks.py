"""Workbooks as Excel and LibreOffice write them, of a few cells."""

from collections.abc import Mapping, Sequence
from datetime import time
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
STYLES = {"number": 0, "percent": 1, "date": 2, "moment": 3}
XFS = "".join(f'<xf numFmtId="{code}"/>' for code in (0, 9, 14, 22))


class Styled:
    """A number with a format: `percent`, `date` or `moment`."""

    def __init__(self, value: float, style: str) -> None:
        self.value, self.style = value, style


class Formula:
    """A formula, with the value that was computed when it was saved, if it was."""

    def __init__(self, text: str, value: float | None) -> None:
        self.text, self.value = text, value


def xlsx(
    *sheets: Mapping[str, Any] | Sequence[Sequence[Any]],
    merged: str = "",
    is_1904: bool = False,
    hidden: int = 0,
) -> bytes:
    """A workbook; each sheet is cells by their address, or rows; the first ones may be hidden."""
    made = BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as packed:
        listed = related = ""
        for number, cells in enumerate(sheets, 1):
            state = ' state="hidden"' * (number <= hidden)
            listed += f'<sheet name="Sheet{number}" sheetId="{number}"{state} r:id="r{number}"/>'
            related += (
                f'<Relationship Id="r{number}" Type="{OFFICE}/worksheet" '
                f'Target="worksheets/sheet{number}.xml"/>'
            )
            packed.writestr(f"xl/worksheets/sheet{number}.xml", _sheet(cells, merged))
        related += f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/>'
        packed.writestr(
            "xl/workbook.xml",
            f'<workbook {MAIN} xmlns:r="{OFFICE}"><workbookPr date1904="{int(is_1904)}"/>'
            f"<sheets>{listed}</sheets></workbook>",
        )
        packed.writestr(
            "xl/_rels/workbook.xml.rels", f"<Relationships {PACKAGE}>{related}</Relationships>"
        )
        packed.writestr(
            "_rels/.rels",
            f'<Relationships {PACKAGE}><Relationship Id="w" Type="{OFFICE}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        packed.writestr(
            "xl/styles.xml", f"<styleSheet {MAIN}><cellXfs>{XFS}</cellXfs></styleSheet>"
        )
    return made.getvalue()


def _sheet(cells: Any, merged: str) -> str:
    if not isinstance(cells, Mapping):
        cells = {
            f"{chr(65 + at)}{number}": cell
            for number, row in enumerate(cells, 1)
            for at, cell in enumerate(row)
            if cell is not None
        }
    rows: dict[str, str] = {}
    for address, cell in cells.items():
        row = address.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        rows[row] = rows.get(row, "") + _cell(address, cell)
    data = "".join(f'<row r="{row}">{written}</row>' for row, written in rows.items())
    ranges = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
    return f"<worksheet {MAIN}><sheetData>{data}</sheetData>{ranges}</worksheet>"


def _cell(address: str, cell: Any) -> str:
    match cell:
        case bool():
            return f'<c r="{address}" t="b"><v>{int(cell)}</v></c>'
        case str() if cell.startswith("#"):
            return f'<c r="{address}" t="e"><v>{cell}</v></c>'
        case str():
            return f'<c r="{address}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
        case Styled():
            return f'<c r="{address}" s="{STYLES[cell.style]}"><v>{cell.value}</v></c>'
        case Formula():
            value = "" if cell.value is None else f"<v>{cell.value}</v>"
            return f'<c r="{address}"><f>{cell.text}</f>{value}</c>'
    return f'<c r="{address}"><v>{cell!r}</v></c>'


def ods(rows: Sequence[Sequence[Any]]) -> bytes:
    """A workbook as LibreOffice writes it, of numbers, texts and times."""
    names = "urn:oasis:names:tc:opendocument:xmlns:"
    made = BytesIO()
    with ZipFile(made, "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr(
            "META-INF/manifest.xml", f'<m:manifest xmlns:m="{names}manifest:1.0"></m:manifest>'
        )
        packed.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{names}office:1.0" '
            f'xmlns:table="{names}table:1.0" xmlns:text="{names}text:1.0"><office:body>'
            '<office:spreadsheet><table:table table:name="S">'
            + "".join(
                f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows
            )
            + "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    return made.getvalue()


def _ods_cell(cell: Any) -> str:
    if isinstance(cell, time):
        written = cell.strftime("PT%HH%MM%SS")
        return f'<table:table-cell office:value-type="time" office:time-value="{written}"/>'
    kind = "string" if isinstance(cell, str) else "float"
    value = "" if isinstance(cell, str) else f' office:value="{cell}"'
    return (
        f'<table:table-cell office:value-type="{kind}"{value}>'
        f"<text:p>{escape(str(cell))}</text:p></table:table-cell>"
    )


def zipped(*names: str) -> bytes:
    """A zip archive of small files."""
    made = BytesIO()
    with ZipFile(made, "w") as packed:
        for name in names:
            packed.writestr(name, "x")
    return made.getvalue()
