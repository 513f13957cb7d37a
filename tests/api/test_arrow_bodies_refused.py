"""Parquet and Arrow over HTTP that cannot be read, or are more than may be."""

import io
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from arrow_bodies import FAULTY, FILE, KINDS, PARQUET, RECORDS, STREAM, body, post, read
from conftest import GOOD
from flask.testing import FlaskClient
from pyarrow import ipc

from app import create_app
from serving.settings import Settings


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """One service, as no plain request has such a body."""
    return create_app(Settings(var_dir=tmp_path_factory.mktemp("var"))).test_client()


def test_invalid_records_are_refused(client: FlaskClient):
    refused = post(client, body(FILE, FAULTY), FILE)
    assert refused.status_code == 422
    faults = {(each["record"], each["field"]): each["message"] for each in refused.json["errors"]}
    assert faults == {
        (1, "alcohol"): "null is not a number",
        (1, "pH"): "-1.0 is below 0, the lowest possible",
    }
    alone = read(post(client, body(STREAM, FAULTY[1:2]), STREAM, "?faults=inline"))
    assert alone.column("prediction").to_pylist() == [None]


EMPTY = pa.Table.from_pylist(RECORDS).slice(0, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        (lambda _: b"", 400, "can be read"),
        (lambda _: b"PAR1 none PAR1", 400, "can be read"),
        (lambda kind: body(kind, RECORDS)[:-20], 400, ""),
        (lambda kind: body(kind, EMPTY), 422, "the table is empty; send at least one record"),
    ],
)
def test_what_cannot_be_read_is_refused(
    client: FlaskClient, kind: str, change: Any, status: int, message: str
):
    refuse(client, change(kind), kind, status, message)


@pytest.mark.parametrize(
    ("kind", "record", "status", "message"),
    [
        (PARQUET, {"x": 1}, 400, "no column is a field of this model"),
        (STREAM, {"pH": 3.1}, 422, "has no column"),
        (FILE, GOOD | {"pH": [3.1]}, 400, "has values of the type list"),
    ],
)
def test_columns_that_are_not_those_of_the_model_are_refused(
    client: FlaskClient, kind: str, record: dict[str, Any], status: int, message: str
):
    """All kinds have one reader of columns."""
    refuse(client, body(kind, [record]), kind, status, message)


def refuse(client: FlaskClient, content: bytes, kind: str, status: int, message: str) -> None:
    response = post(client, content, kind)
    assert response.status_code == status, response.text
    assert message in response.text


def test_the_body_and_what_it_unpacks_to_are_limited(settings: Settings):
    limited = Settings(var_dir=settings.var_dir, max_stream_bytes=2**20, max_body_bytes=2**16)
    client = create_app(limited).test_client()
    assert post(client, bytes(2**20 + 1), PARQUET).status_code == 413
    many = pa.concat_tables([pa.Table.from_pylist([GOOD])] * 100_000).combine_chunks()
    for kind in (PARQUET, FILE):
        content = body(kind, many)
        if kind == FILE:
            file = io.BytesIO()
            options = ipc.IpcWriteOptions(compression="zstd")
            with ipc.new_file(file, many.schema, options=options) as writer:
                writer.write_table(many, max_chunksize=1_000)
            content = file.getvalue()
        assert len(content) < 2**20
        refused = post(client, content, kind)
        assert (refused.status_code, "unpack to more than 1 MB" in refused.text) == (413, True)
    assert read(post(client, body(PARQUET, RECORDS), PARQUET)).num_rows == 4


@pytest.mark.faults
@pytest.mark.parametrize("kind", [STREAM, FILE])
def test_offsets_that_point_anywhere_are_refused(client: FlaskClient, kind: str):
    """A text that begins and ends outside of what was sent must not show what is there."""
    content = body(kind, RECORDS)
    ends = np.cumsum([0, *(len(record["color"]) for record in RECORDS)]).astype(np.int32)
    assert content.count(ends.tobytes()) == 1
    for hostile in ([0, 3, 900_000, 900_060, 900_090], [-500, 3, 6, 8, 9], [0, 9, 3, 12, 4]):
        altered = content.replace(ends.tobytes(), np.array(hostile, np.int32).tobytes())
        refused = post(client, altered, kind)
        assert (refused.status_code, "can be read" in refused.text) == (400, True)
    assert read(post(client, body(kind, RECORDS), kind)).num_rows == 4


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(12))
def test_damaged_bodies_are_predicted_or_refused(client: FlaskClient, seed: int):
    """Some bytes of each are others; whatever comes of it, the service goes on."""
    randomly = random.Random(seed)
    for kind in KINDS:
        content = bytearray(body(kind, RECORDS * 5))
        for _ in range(randomly.choice([1, 3, 30])):
            content[randomly.randrange(len(content))] = randomly.randrange(256)
        response = post(client, bytes(content), kind, "?faults=inline")
        assert response.status_code in {200, 400, 413, 422}, response.text
