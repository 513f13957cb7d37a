"""Parquet and Arrow over HTTP: the same predictions as CSV, within the same limits."""

import gzip
import io
import random
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from conftest import BAD, GOOD, moved, wine
from flask.testing import FlaskClient
from pyarrow import ipc, parquet
from streams import AS_CSV, read_table, table
from werkzeug.test import TestResponse

from app import create_app
from serving.settings import Settings

PARQUET = "application/vnd.apache.parquet"
STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
KINDS = (PARQUET, STREAM, FILE)
RECORDS = [GOOD, BAD, wine(alcohol=15.5), BAD | {"alcohol": 9.25}]
FAULTY = [GOOD, wine(pH=-1.0, alcohol=None), BAD]
OWN = ["id", "prediction", "P(bom)", "P(ruim)", "warnings", "error"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """One service, as no plain request has such a body."""
    return create_app(Settings(var_dir=tmp_path_factory.mktemp("var"))).test_client()


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


@pytest.mark.parametrize("kind", KINDS)
def test_records_of_a_format_get_predictions_in_it(client: FlaskClient, kind: str):
    response = post(client, body(kind, RECORDS), kind)
    assert (response.status_code, response.mimetype) == (200, kind)
    made = read(response)
    assert made.column_names == OWN
    assert made.schema.metadata == {b"adega.model": b"wine", b"adega.version": b"1"}
    expected = read_table(client.post("/predict", data=table(*RECORDS), **AS_CSV).text)
    for row, wanted in zip(made.to_pylist(), expected, strict=True):
        assert row.pop("id").startswith("wine.1.")
        del wanted["id"]
        assert {name: "" if value is None else str(value) for name, value in row.items()} == wanted


@pytest.mark.parametrize(
    ("sent", "accepted"),
    [("application/json", PARQUET), (PARQUET, STREAM), (FILE, "text/csv"), ("text/csv", FILE)],
)
def test_the_format_of_the_response_is_the_accepted_one(
    client: FlaskClient, sent: str, accepted: str
):
    if sent == "application/json":
        response = client.post("/predict", json=RECORDS, headers={"Accept": accepted})
    else:
        content = table(*RECORDS).encode() if sent == "text/csv" else body(sent, RECORDS)
        response = post(client, content, sent, Accept=accepted)
    assert (response.status_code, response.mimetype) == (200, accepted)
    labels = (
        [row["prediction"] for row in read_table(response.text)]
        if accepted == "text/csv"
        else read(response).column("prediction").to_pylist()
    )
    assert labels == ["bom", "ruim", "bom", "ruim"]


def test_polars_and_duckdb_send_and_read_them(client: FlaskClient, tmp_path: Path):
    frame = pl.DataFrame(RECORDS)
    for kind, write, read_frame in (
        (PARQUET, frame.write_parquet, pl.read_parquet),
        (STREAM, frame.write_ipc_stream, pl.read_ipc_stream),
        (FILE, frame.write_ipc, pl.read_ipc),
    ):
        for compression in ("uncompressed", "lz4", "zstd"):
            file = io.BytesIO()
            write(file, compression=compression)
            accept = "text/csv" if compression != "zstd" else kind
            response = post(client, file.getvalue(), kind, Accept=accept)
            assert response.status_code == 200, response.text
            made = io.BytesIO(response.data)
            frame_of = pl.read_csv if accept == "text/csv" else read_frame
            assert frame_of(made)["prediction"].to_list() == ["bom", "ruim", "bom", "ruim"]
    sent, made = tmp_path / "sent.parquet", tmp_path / "made.parquet"
    records = table(*RECORDS)
    (tmp_path / "rows.csv").write_text(records)
    duckdb.sql(f"COPY (SELECT * FROM '{tmp_path}/rows.csv') TO '{sent}' (FORMAT parquet)")
    made.write_bytes(post(client, sent.read_bytes(), PARQUET).data)
    counted = duckdb.sql(f"SELECT prediction, count(*) FROM '{made}' GROUP BY ALL ORDER BY ALL")
    assert counted.fetchall() == [("bom", 2), ("ruim", 2)]


def test_many_batches_are_predicted_in_order_and_recorded(settings: Settings):
    client = create_app(settings).test_client()
    records = [wine(alcohol=8 + place % 60 / 10) for place in range(5_001)]
    content = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(records), content, row_group_size=700)
    made = read(post(client, content.getvalue(), PARQUET))
    alone = client.post("/predict", data=table(*records), **AS_CSV)
    labels = [row["prediction"] for row in read_table(alone.text)]
    assert made.column("prediction").to_pylist() == labels
    store = moved(settings)
    ids = made.column("id").to_pylist()
    assert all(store.prediction(ids[place]) for place in (0, 2_000, 5_000))


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


@pytest.mark.parametrize("kind", KINDS)
def test_invalid_records_have_their_errors_among_the_others(client: FlaskClient, kind: str):
    made = read(post(client, body(kind, FAULTY), kind, "?faults=inline"))
    assert made.column("prediction").to_pylist() == ["bom", None, "ruim"]
    assert made.column("P(bom)").null_count == made.column("id").null_count == 1
    first, error, last = made.column("error").to_pylist()
    assert (first, last) == (None, None)
    assert "pH: -1.0 is below 0" in error


def test_predictions_are_explained_in_columns(client: FlaskClient):
    made = read(post(client, body(STREAM, RECORDS), STREAM, "?explain=2&language=en"))
    names = ["explanation", "base", "reason_1", "contribution_1", "reason_2", "contribution_2"]
    assert made.column_names == [*OWN[:4], *names, "rest", "in_words", *OWN[4:]]
    expected = client.post("/predict?explain=2", data=table(*RECORDS), **AS_CSV)
    for row, wanted in zip(made.to_pylist(), read_table(expected.text), strict=True):
        assert {name: str(row[name]) for name in names} == {name: wanted[name] for name in names}
    assert (
        post(client, body(STREAM, RECORDS), STREAM, "?explain&explain_classes=all").status_code
        == 400
    )


def test_unused_columns_are_named_once(client: FlaskClient):
    records = [GOOD | {"quality": 6, "maçã": [1]}]
    response = post(client, body(PARQUET, records), PARQUET)
    assert response.headers["X-Unused-Columns"] == "quality, ma%C3%A7%C3%A3"


def test_a_packed_body_is_unpacked(client: FlaskClient):
    packed = gzip.compress(body(FILE, RECORDS))
    assert read(post(client, packed, FILE, **{"Content-Encoding": "gzip"})).num_rows == 4


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


def test_without_pyarrow_other_formats_are_offered(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    content = body(PARQUET, RECORDS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # which makes an import fail
    refused = post(client, content, PARQUET)
    assert refused.status_code == 415
    assert "reads neither Parquet nor Arrow" in refused.json["detail"]
    accept = {"Accept": f"{STREAM}, text/csv;q=0.5"}
    response = client.post("/predict", json=RECORDS, headers=accept)
    assert (response.status_code, response.mimetype) == (200, "text/csv")
    assert client.post("/predict", json=RECORDS, headers={"Accept": STREAM}).status_code == 200


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
