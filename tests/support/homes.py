"""Homes as records, and a schema with a field of each kind that reads them."""

import csv
import io
from typing import Any

import numpy as np

from serving.formats import READERS, Batch
from serving.inputs.field import Field
from serving.inputs.schema import Matrix, Schema

CSV, LINES = READERS["text/csv"], READERS["application/jsonl"]
FIELDS = (
    Field(name="size, m²", minimum=0, maximum=1e6, seen=(1, 1000), optional=True),
    Field(name="rooms", type="integer", minimum=1, maximum=99),
    Field(name="kind; of home", type="category", categories=("flat", "house; old", "a\nb", "Vão")),
    Field(name="sea", type="category", categories=("False", "True"), optional=True),
    Field(name="income", maximum=1e9),
)
SCHEMA = Schema(FIELDS)
HOME = {"size, m²": 62.5, "rooms": 3, "kind; of home": "flat", "sea": True, "income": 5000}


def batches(content: str | bytes, schema: Schema = SCHEMA, read: Any = CSV) -> list[Batch]:
    sent = content.encode() if isinstance(content, str) else content
    return list(read(io.BytesIO(sent), schema))


def rows(content: str | bytes, schema: Schema = SCHEMA, read: Any = CSV) -> Matrix:
    read_all = batches(content, schema, read)
    assert not any(batch.faults for batch in read_all)
    return np.vstack([batch.rows.matrix for batch in read_all])


def table(*records: dict[str, Any], comma: str = ",", point: str = ".", **dialect: Any) -> str:
    def cell(value: Any) -> Any:
        shown = "" if value is None else str(value)
        return shown.replace(".", point) if isinstance(value, float) else shown

    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), delimiter=comma, **dialect)
    writer.writeheader()
    writer.writerows([{name: cell(value) for name, value in one.items()} for one in records])
    return text.getvalue()
