"""Bodies of Parquet and Arrow, and responses in them."""

import io
from typing import Any

import pyarrow as pa
from conftest import BAD, GOOD, wine
from flask.testing import FlaskClient
from pyarrow import ipc, parquet
from werkzeug.test import TestResponse

PARQUET = "application/vnd.apache.parquet"
STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
KINDS = (PARQUET, STREAM, FILE)
RECORDS = [GOOD, BAD, wine(alcohol=15.5), BAD | {"alcohol": 9.25}]
FAULTY = [GOOD, wine(pH=-1.0, alcohol=None), BAD]


def body(kind: str, records: list[dict[str, Any]] | pa.Table) -> bytes:
    """Records in a format."""
    sent = records if isinstance(records, pa.Table) else pa.Table.from_pylist(records)
    file = io.BytesIO()
    if kind == PARQUET:
        parquet.write_table(sent, file)
        return file.getvalue()
    new = ipc.new_stream if kind == STREAM else ipc.new_file
    with new(file, sent.schema) as writer:
        writer.write_table(sent)
    return file.getvalue()


def read(response: TestResponse) -> pa.Table:
    """The predictions of a response in one of the formats."""
    content = response.data
    if response.mimetype == PARQUET:
        return parquet.read_table(io.BytesIO(content))
    return (ipc.open_stream if response.mimetype == STREAM else ipc.open_file)(content).read_all()


def post(client: FlaskClient, content: bytes, kind: str, query: str = "", **headers: str) -> Any:
    return client.post(f"/predict{query}", data=content, content_type=kind, headers=headers)
