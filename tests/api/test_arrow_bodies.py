"""Parquet and Arrow over HTTP: the same predictions as CSV, within the same limits."""

import gzip
import io
import sys
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from arrow_bodies import FAULTY, FILE, KINDS, PARQUET, RECORDS, STREAM, body, post, read
from conftest import GOOD, moved, wine
from flask.testing import FlaskClient
from pyarrow import parquet
from streams import AS_CSV, read_table, table

from app import create_app
from serving.settings import Settings

OWN = ["id", "prediction", "P(bom)", "P(ruim)", "warnings", "error"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """One service, as no plain request has such a body."""
    return create_app(Settings(var_dir=tmp_path_factory.mktemp("var"))).test_client()


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
