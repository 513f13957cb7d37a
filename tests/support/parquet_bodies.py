"""Bodies of Parquet for MLflow's routes, and what is read of them."""

import io
from typing import Any

import pandas as pd
import pyarrow as pa
from conftest import wine
from flask.testing import FlaskClient
from pyarrow import parquet as pq

KIND = "application/vnd.apache.parquet"
PATHS = ("/invocations", "/serving-endpoints/wine/invocations", "/model/wine/1/invocations")
GOOD = wine()


def written(table: Any, **options: Any) -> bytes:
    """A frame, or columns by name, as a file."""
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table)
    file = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), file, **options)
    return file.getvalue()


def post(client: FlaskClient, content: bytes, path: str = PATHS[0], **headers: str) -> Any:
    return client.post(path, data=content, content_type=KIND, headers=headers)
