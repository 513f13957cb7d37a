"""What schemathesis sends as CSV, JSON Lines and workbooks, as a schema cannot describe these."""

import csv
import io
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from workbooks import xlsx

MODELS = Path(__file__).parents[2] / "models"
WORKBOOKS = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel",
    "application/vnd.ms-excel.sheet.macroenabled.12",
    "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    "application/vnd.oasis.opendocument.spreadsheet",
)


def record() -> dict[str, Any]:
    """A record that every model takes: it has the fields of all."""
    manifests = [json.loads(path.read_text()) for path in MODELS.glob("*/*/model.json")]
    return {name: value for each in manifests for name, value in each["example"].items()}


def table(delimiter: str, rows: list[dict[str, Any]]) -> bytes:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def lines(rows: list[dict[str, Any]]) -> bytes:
    """Rows as JSON Lines."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in rows)


def book(rows: list[dict[str, Any]]) -> bytes:
    """Rows as a workbook."""
    return xlsx([[*rows[0]], *([*each.values()] for each in rows)])


ANY = record()
rows = st.lists(
    st.floats(0, 100).map(lambda value: ANY | {"alcohol": value}), min_size=1, max_size=5
)
FORMATS = {
    "text/csv": rows.map(partial(table, ",")),
    "text/tab-separated-values": rows.map(partial(table, "\t")),
    "application/x-ndjson": rows.map(lines),
    "application/jsonl": rows.map(lines),
    **dict.fromkeys(WORKBOOKS, rows.map(book)),
}
for name, texts in FORMATS.items():
    schemathesis.openapi.media_type(name, texts)


@schemathesis.hook
def before_load_schema(_: schemathesis.HookContext, document: dict[str, Any]) -> None:
    """Leave the document's own examples of such texts out: it sends none beside those made here."""
    for item in document["paths"].values():
        sent = item.get("post", {}).get("requestBody", {}).get("content", {})
        for name in FORMATS.keys() & sent.keys():
            sent[name].pop("example", None)
