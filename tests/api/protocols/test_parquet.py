"""Parquet on MLflow's routes: what is read, and what is refused, in a process of its own."""

import io
import random
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import wine
from flask.testing import FlaskClient
from plain_way import WAYS, ask
from pyarrow import parquet as pq

from app import create_app
from serving.errors import InvalidRecords, NotATable, TooManyRecords
from serving.formats import parquet
from serving.inputs.field import Field
from serving.inputs.schema import Schema
from serving.settings import Settings

KIND = "application/vnd.apache.parquet"
PATHS = ("/invocations", "/serving-endpoints/wine/invocations", "/model/wine/1/invocations")
GOOD = wine()
NUMBERS = [Field(name=name) for name in GOOD if name != "color"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """Offer each request to the plain way first, which leaves all of Parquet to Flask."""
    app = create_app(Settings(var_dir=tmp_path_factory.mktemp("var")))
    return ask(app, WAYS[0]).test_client()


def written(table: Any, **options: Any) -> bytes:
    """A frame, or columns by name, as a file."""
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table)
    file = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), file, **options)
    return file.getvalue()


def post(client: FlaskClient, content: bytes, path: str = PATHS[0], **headers: str) -> Any:
    return client.post(path, data=content, content_type=KIND, headers=headers)


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


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([[1.0]]), "list"),
        (pa.array([{"a": 1}]), "struct"),
        (pa.array([timedelta(1)]), "duration"),
        (pa.array([datetime(2024, 1, 1, 9, tzinfo=UTC).time()]), "time64"),
    ],
)
def test_other_types_are_refused_by_name(column: Any, kind: str):
    with pytest.raises(NotATable, match=f'the column "x" has values of the type {kind}'):
        parquet.read(Schema([Field(name="x")]), written({"x": column}), 9)


def test_a_text_that_is_not_utf_8_is_refused_by_the_name_of_its_column():
    with pytest.raises(NotATable, match='column "x" has a value that is not UTF-8'):
        parquet.read(Schema([Field(name="x")]), written({"x": pa.array([b"\xff"])}), 9)


def test_every_fault_is_reported_with_its_record(client: FlaskClient):
    frame = pd.DataFrame([GOOD, wine(pH=np.nan, color="blue")])
    refused = post(client, written(frame))
    assert refused.status_code == 400
    faults = [(each["record"], each["field"]) for each in refused.json["errors"]]
    assert sorted(faults) == [(1, "color"), (1, "pH")]
    infinite = post(client, written(pd.DataFrame([wine(pH=np.inf)])))
    assert "highest possible" in infinite.json["message"]


def test_columns_that_are_not_there_or_there_twice_are_named(client: FlaskClient):
    assert "no column is a field" in post(client, written({"x": [1]})).json["message"]
    refused = post(client, written(pd.DataFrame([GOOD]).drop(columns="pH")))
    assert [each["field"] for each in refused.json["errors"]] == ["pH"]
    twice = pa.table([pa.array([1.0]), pa.array([2.0])], names=["pH", "pH"])
    assert "is there 2 times" in post(client, written(twice)).json["message"]
    none = post(client, written(pd.DataFrame([GOOD]).iloc[:0]))
    assert (none.status_code, "empty" in none.json["message"]) == (400, True)
    assert "file size is 0 bytes" in post(client, b"").json["message"]


def test_more_records_than_allowed_are_refused(settings: Settings):
    limited = Settings(var_dir=settings.var_dir, max_records=10, max_body_bytes=50_000)
    client = create_app(limited).test_client()
    refused = post(client, written(pd.DataFrame([GOOD] * 11)))
    assert (refused.status_code, "11 records" in refused.json["message"]) == (413, True)
    assert post(client, b"PAR1" * 20_000).status_code == 413


def test_without_pyarrow_it_is_refused_with_what_to_send(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # which makes an import fail
    for path in PATHS:
        refused = post(client, written(pd.DataFrame([GOOD])), path)
        assert refused.status_code == 415
        assert "pyarrow is not installed; send text/csv" in refused.json["message"]


@pytest.mark.parametrize("store_schema", [True, False])
def test_what_unpacks_to_too_much_is_refused_and_the_next_file_is_read(*, store_schema: bool):
    schema = Schema([Field(name="x", type="text")])
    texts = pa.DictionaryArray.from_arrays(np.zeros(600, np.int32), ["a" * 2**20])
    content = written({"x": texts}, compression="zstd", store_schema=store_schema)
    assert len(content) < 2**20  # and 600 MB when it is unpacked
    with pytest.raises(TooManyRecords, match="unpacks to more than 256 MB"):
        parquet.read(schema, content, 10_000)
    rows, _ = parquet.read(schema, written({"x": ["a"]}), 9)
    assert rows.matrix.tolist() == [["a"]]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_damaged_files_are_read_or_refused(seed: int):
    """Ten bytes of each are others, three of four times within the footer, which is the end."""
    randomly = random.Random(seed)
    frame = pd.DataFrame([GOOD] * 50)
    codec = randomly.choice(["none", "snappy", "gzip", "zstd"])
    content = bytearray(written(frame, compression=codec))
    footer = int.from_bytes(content[-8:-4], "little") + 8
    for _ in range(10):
        first = len(content) - footer if randomly.random() < 0.75 else 4
        content[randomly.randrange(first, len(content))] = randomly.randrange(256)
    try:
        rows, _ = parquet.read(Schema(NUMBERS), bytes(content), 100)
    except (NotATable, TooManyRecords, InvalidRecords) as error:
        assert str(error)
    else:
        assert len(rows.matrix) <= 100


def test_half_a_file_is_refused():
    content = written(pd.DataFrame([GOOD] * 50))
    with pytest.raises(NotATable, match="footer"):
        parquet.read(Schema(NUMBERS), content[: len(content) // 2], 100)
