"""Parquet on MLflow's routes: what is read, and what is refused, in a process of its own."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import wine
from flask.testing import FlaskClient
from parquet_bodies import GOOD, PATHS, post, written
from plain_way import WAYS, ask

from app import create_app
from serving.formats import parquet
from serving.inputs.field import Field
from serving.inputs.schema import Schema
from serving.settings import Settings


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """Offer each request to the plain way first, which leaves all of Parquet to Flask."""
    app = create_app(Settings(var_dir=tmp_path_factory.mktemp("var")))
    return ask(app, WAYS[0]).test_client()


@pytest.mark.parametrize("path", PATHS)
def test_a_file_is_predicted(client: FlaskClient, path: str):
    frame = pd.DataFrame([GOOD, wine(alcohol=8.4)])
    response = post(client, written(frame), path)
    assert response.status_code == 200, response.json
    own = client.post("/predict", json=[GOOD, wine(alcohol=8.4)]).json["predictions"]
    assert response.json["predictions"] == [each["prediction"] for each in own]
    assert response.json["warnings"] == []


def test_the_order_of_columns_does_not_matter_and_others_are_named(client: FlaskClient):
    frame = pd.DataFrame([GOOD | {"hue": 1, "tags": ["a", "b"]}])
    frame = frame[frame.columns[::-1]].rename(columns={"fixed acidity": "Fixed_Acidity"})
    response = post(client, written(frame.set_index(pd.Index(["row"]))))
    assert response.json["predictions"] == ["bom"]
    assert {each["field"] for each in response.json["warnings"]} == {"hue", "tags"}


def test_many_row_groups_are_read_in_order(client: FlaskClient):
    records = [GOOD | {"alcohol": 8 + place / 100} for place in range(500)]
    response = post(client, written(pd.DataFrame(records), row_group_size=7))
    own = client.post("/predict", json=records).json["predictions"]
    assert response.json["predictions"] == [each["prediction"] for each in own]


def test_accept_and_attributes_are_those_of_sagemaker(client: FlaskClient):
    content = written(pd.DataFrame([GOOD]))
    assert post(client, content, Accept="text/csv").data == b"bom\n"
    attributes = {"X-Amzn-SageMaker-Custom-Attributes": "predict_method=predict_proba"}
    (chances,) = post(client, content, **attributes).json["predictions"]
    assert len(chances) == 2


def read(fields: list[Field], columns: list[Any], **options: Any) -> list[list[Any]]:
    """The values of each column, read from one file, as a process for each takes half a second."""
    named = [
        msgspec.structs.replace(field, name=f"{field.name} {at}") for at, field in enumerate(fields)
    ]
    content = written(
        {field.name: column for field, column in zip(named, columns, strict=True)}, **options
    )
    return parquet.read(Schema(named), content, 9)[0].matrix.T.tolist()


def test_each_type_is_read_as_the_value_of_json():
    number, optional = Field(name="x"), Field(name="x", optional=True)
    switch = Field(name="x", type="boolean")
    cases = [
        (number, pa.array([1, 2], pa.int8()), [1, 2]),
        (number, pa.array([1, 2], pa.uint64()), [1, 2]),
        (Field(name="x", type="integer"), pa.array([1, 2], pa.float64()), [1, 2]),
        (number, pa.array([12.8, 0.1], pa.float32()), [12.8, 0.1]),
        (number, pa.array(np.array([0.5, 2], np.float16)), [0.5, 2]),
        (number, pa.array([Decimal("1.5"), Decimal("2.5")]), [1.5, 2.5]),
        (optional, pa.array([1.5, None]), [1.5, np.nan]),
        (optional, pa.array([1.5, np.nan]), [1.5, np.nan]),
        (optional, pa.array([1, None], pa.float32()), [1, np.nan]),
        (optional, pa.array([7, None], pa.int64()), [7, np.nan]),
        (optional, pa.nulls(2), [np.nan, np.nan]),
        (switch, pa.array([True, False]), [1, 0]),
        (msgspec.structs.replace(switch, optional=True), pa.array([True, None]), [1, np.nan]),
    ]
    fields, columns, rows = map(list, zip(*cases, strict=True))
    for column, found, row in zip(columns, read(fields, columns), rows, strict=True):
        np.testing.assert_array_equal(found, row, err_msg=str(column.type))


def test_each_compression_is_read():
    codecs = ["none", "gzip", "zstd", "brotli", "lz4"]
    compressed = {f"x {at}": codec for at, codec in enumerate(codecs)}
    columns = [[1.5, 2.5]] * len(codecs)
    assert read([Field(name="x")] * len(codecs), columns, compression=compressed) == columns


LABELS = ("Aprovado", "Não aprovado")
TEXTS = pa.array([LABELS[1], LABELS[0]])


def test_a_label_is_a_text_a_category_or_its_code():
    columns = [
        TEXTS,
        TEXTS.cast(pa.large_string()),
        TEXTS.cast(pa.binary()),
        TEXTS.dictionary_encode(),
        pa.array([1, 0]),
    ]
    field = Field(name="situação", type="category", categories=LABELS)
    assert read([field] * len(columns), columns) == [[1, 0]] * len(columns)


DAY = date(2024, 7, 31)
NOON = datetime(2024, 7, 31, 12, tzinfo=UTC)
DAYS = 19_935  # from 1970-01-01


def test_a_date_is_one_of_utc():
    cases = [
        (pa.array([DAY]), DAYS),
        (pa.array([DAY], pa.date64()), DAYS),
        (pa.array([NOON], pa.timestamp("s", "UTC")), DAYS + 0.5),
        (pa.array([NOON], pa.timestamp("us", "America/Sao_Paulo")), DAYS + 0.5),
        (pa.array([NOON.replace(tzinfo=None)], pa.timestamp("ns")), DAYS + 0.5),
        (pa.array([NOON.replace(tzinfo=None, hour=0)], pa.timestamp("ms")), DAYS),
        (pa.array(["31/07/2024"]), DAYS),
    ]
    field = Field(name="day", type="date", format="%d/%m/%Y", optional=True)
    columns = [pa.concat_arrays([column, pa.nulls(1, column.type)]) for column, _ in cases]
    for (column, days), found in zip(cases, read([field] * len(cases), columns), strict=True):
        np.testing.assert_array_equal(found, [days, np.nan], err_msg=str(column.type))
