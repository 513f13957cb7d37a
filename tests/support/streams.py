"""Records as CSV and as JSON Lines."""

import csv
import io
import json
from typing import Any

AS_CSV = {"content_type": "text/csv"}
AS_LINES = {"content_type": "application/jsonl"}


def table(*records: dict[str, Any], comma: str = ",") -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), delimiter=comma, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def as_csv(*records: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a request with a table."""
    return {"data": table(*records), **AS_CSV}


def lines(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def read_table(text: str, comma: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter=comma))
