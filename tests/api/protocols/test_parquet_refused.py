"""Parquet on MLflow's routes that is damaged, too much or of other types."""

import random
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import wine
from flask.testing import FlaskClient
from parquet_bodies import GOOD, PATHS, post, written
from plain_way import WAYS, ask

from app import create_app
from serving.errors import InvalidRecords, NotATable, TooManyRecords
from serving.formats import parquet
from serving.inputs.field import Field
from serving.inputs.schema import Schema
from serving.settings import Settings

NUMBERS = [Field(name=name) for name in GOOD if name != "color"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """Offer each request to the plain way first, which leaves all of Parquet to Flask."""
    app = create_app(Settings(var_dir=tmp_path_factory.mktemp("var")))
    return ask(app, WAYS[0]).test_client()


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
