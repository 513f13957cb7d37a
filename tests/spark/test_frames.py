"""`serving.spark.predict`: a DataFrame in, one with the predictions of `adega predict` out."""

import datetime as dt
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner
from clusters import HERE, executors, scratch, spark  # noqa: F401 - fixtures
from conftest import BAD, GOOD, MODELS, rewrite, wine
from pyarrow import parquet
from pyspark.errors import PythonException
from pyspark.sql import functions
from servers import wait_until
from training import output

import serving.spark
from serving.__main__ import main
from serving.errors import (
    ArtefactError,
    InvalidRecords,
    NotATable,
    ObjectStoreError,
    UnknownVersion,
)
from serving.inputs.exact import in_one_line
from serving.models import artefact
from serving.spark.origin import Origin, load

pytestmark = pytest.mark.filterwarnings("ignore:.*pandas >= 3")

RECORDS = [GOOD, BAD, wine(pH=-1.0), wine(alcohol=15.5), wine(color=None), wine(alcohol=None)]


def kept(row: int) -> dict[str, Any]:
    """Columns that are no fields, of types that must come out as they went in."""
    return {
        "id": row,
        "a.b `c`": f"ação {row}",
        "price": Decimal(row) / 4,
        "at": dt.datetime(2024, 7, 31, 23, 30, 0, row, tzinfo=dt.UTC),
        "local": dt.datetime(2024, 2, 29, 0, 0, row % 60),  # noqa: DTZ001 - it has none
        "day": dt.date(1960, 1, 1) + dt.timedelta(row),
        "tags": ["a", None, "ç"][: row % 4],
        "pair": {"x": row / 3, "y": None},
        "raw": bytes([row % 256, 255]),
        "nothing": None if row % 2 else True,
    }


def write(file: Path, rows: int, records: list[dict[str, Any]] = RECORDS) -> Path:
    """Write records with other columns, in two files."""
    file.mkdir()
    made = [kept(row) | records[row % len(records)] for row in range(rows)]
    pa_schema = pa.Table.from_pylist(made).schema
    place = pa_schema.get_field_index("price")
    pa_schema = pa_schema.set(place, pa.field("price", pa.decimal128(12, 3)))
    for part, first in enumerate(range(0, rows, rows // 2 + 1)):
        some = pa.Table.from_pylist(made[first : first + rows // 2 + 1], pa_schema)
        parquet.write_table(some, file / f"{part}.parquet", row_group_size=40)
    return file


def local(folder: Path, model: str, *options: str) -> pa.Table:
    """What `adega predict` makes of the files."""
    out = folder.with_name(f"local{len([*folder.parent.iterdir()])}")
    command = ["predict", model, str(folder), "-o", str(out), "--jobs", "1", *options]
    result = CliRunner(env={"VAR_DIR": str(folder.parent / "var")}).invoke(main, command)
    assert result.exit_code in (0, 3), result.output
    return pa.concat_tables(parquet.read_table(part) for part in sorted(out.glob("part-*")))


def assert_same(found: pa.Table, expected: pa.Table) -> None:
    """Compare all columns, to the last bit."""
    assert found.column_names == expected.column_names
    found, expected = found.sort_by("id"), expected.sort_by("id")
    for name in expected.column_names:
        wanted, got = expected.column(name), found.column(name)
        if pa.types.is_timestamp(wanted.type):  # a zone is how Spark shows an instant
            assert bool(wanted.type.tz) == bool(got.type.tz)
            wanted, got = wanted.cast(pa.int64()), got.cast(pa.int64())
        assert got.to_pylist() == wanted.to_pylist(), name
        assert got.type == wanted.type or pa.types.is_nested(got.type), name


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ((), {}),
        (("--keep", "all", "--explain", "2"), {"keep": "all", "explain": 2}),
        (
            ("--language", "pt", "--reasons-for", "ruim"),
            {"language": "pt", "reasons_for": "ruim"},
        ),
    ],
)
def test_columns_are_those_of_the_local_run_to_the_last_bit(
    spark: Any,  # noqa: F811
    tmp_path: Path,
    options: tuple[str, ...],
    chosen: Any,
):
    folder = write(tmp_path / "in", 200)
    frame = spark.read.parquet(str(folder))
    predicted = serving.spark.predict(frame, "wine", **chosen)
    assert_same(predicted.toArrow(), local(folder, "wine", *options))
    before = {field.name: field.dataType for field in frame.schema}
    after = {field.name: field.dataType for field in predicted.schema if field.name in before}
    assert after.items() <= before.items()


def test_a_model_of_texts_with_accents_and_times_is_served_from_a_folder_of_the_driver(
    spark: Any,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    days = [dt.date(2023, 1, 2) + dt.timedelta(row) for row in range(120)]
    cities = ["São Paulo", "Brasília", "Ribeirão Preto"]
    frame = pd.DataFrame(
        {
            "quando": [day.isoformat() for day in days],
            "município": [cities[row % 3] for row in range(120)],
            "preço": [100.0 + row % 3 + (day.weekday() == 5) for row, day in enumerate(days)],
        }
    )
    (tmp_path / "models").mkdir()
    frame.to_csv(tmp_path / "vendas.csv", index=False)
    named = ("--target", "preço", "--name", "vendas", "--estimator", "decision-tree")
    output(tmp_path / "models", tmp_path / "vendas.csv", *named)
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    times = [dt.datetime(2024, 7, row + 1, 23, 30, tzinfo=dt.UTC) for row in range(9)]
    records = [
        {"quando": times[row], "município": [*cities, "Niterói", None][row % 5]} for row in range(9)
    ]
    folder = write(tmp_path / "in", 60, records)
    predicted = serving.spark.predict(spark.read.parquet(str(folder)), "vendas").toArrow()
    assert_same(predicted, local(folder, "vendas"))
    assert predicted.column("error").null_count < 60


def test_what_is_promoted_meanwhile_changes_nothing(
    spark: Any,  # noqa: F811
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    def regret(manifest: dict[str, Any], _: Any) -> None:
        manifest["threshold"] = {"label": "bom", "value": 0.9, "reason": "for a test"}

    rewrite(models, regret)
    monkeypatch.setenv("MODELS_DIR", str(models))
    frame = spark.createDataFrame([GOOD] * 4).repartition(2)
    predicted = serving.spark.predict(frame, "wine")
    (models / "wine" / "current").write_text("2\n")
    shutil.rmtree(models / "wine" / "1")
    assert {row.prediction for row in predicted.collect()} == {"bom"}
    assert {row.prediction for row in serving.spark.predict(frame, "wine").collect()} == {"ruim"}
    with pytest.raises(UnknownVersion, match="wine has no version 1; there are 2"):
        serving.spark.predict(frame, "wine", version=1)


def test_each_executor_fetches_the_version_from_the_object_store(
    spark: Any,  # noqa: F811
    scratch: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    store, own = tmp_path / "store", tmp_path / "driver"
    own.mkdir()
    store.mkdir()
    result = CliRunner(env={"MODELS_URL": f"file://{store}", "VAR_DIR": str(own)}).invoke(
        main, ["upload", str(MODELS), "wine", "wine-score"]
    )
    assert result.exit_code == 0, result.output
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    url = f"file://{store}"
    frame = spark.createDataFrame([GOOD, BAD]).repartition(2)
    predicted = serving.spark.predict(frame, "wine", models_url=url)
    assert sorted(row.prediction for row in predicted.collect()) == ["bom", "ruim"]
    (fetched,) = scratch.glob("adega-*/store-*/wine/1/model.json")
    assert not (fetched.parents[2] / "wine-score").exists()

    origin = Origin("wine", 1, artefact.read(MODELS, "wine", 1).manifest.sha256, url)
    (kept,) = own.glob("adega-*/store-*/wine/1/forest.npz")
    kept.write_bytes(b"damaged")
    assert load.__wrapped__(origin).manifest.name == "wine"
    with pytest.raises(ArtefactError, match="is not the version that the driver has read"):
        load.__wrapped__(msgspec.structs.replace(origin, sha256="0" * 64))
    shutil.rmtree(store)
    load.__wrapped__(origin)  # what is kept is right, and nobody is asked
    with pytest.raises(ObjectStoreError):
        serving.spark.predict(frame, "wine", models_url=url)


def test_a_stream_is_predicted(
    spark: Any,  # noqa: F811
    tmp_path: Path,
):
    folder, out = write(tmp_path / "in", 60), tmp_path / "out"
    schema = spark.read.parquet(str(folder)).schema
    stream = serving.spark.predict(spark.readStream.schema(schema).parquet(str(folder)), "wine")
    writer = stream.writeStream.option("checkpointLocation", str(tmp_path / "kept"))
    writer.trigger(availableNow=True).start(str(out), "parquet").awaitTermination()
    assert_same(spark.read.parquet(str(out)).toArrow(), local(folder, "wine"))


def test_a_client_of_spark_connect_gets_the_same(tmp_path: Path):
    folder, file = write(tmp_path / "in", 60), tmp_path / "out.parquet"
    command = [sys.executable, "-W", "ignore", HERE / "over_connect.py", folder, file]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert_same(parquet.read_table(file), local(folder, "wine", "--explain", "2"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop("pH"), "pH"),
        (lambda frame: frame.withColumn("pH", functions.array("pH")), "pH"),
        (lambda frame: frame.withColumnRenamed("id", "Prediction"), "would be there twice"),
    ],
)
def test_columns_that_cannot_be_predicted_are_refused_at_once(
    spark: Any,  # noqa: F811
    change: Any,
    message: str,
):
    frame = spark.createDataFrame([{"id": 1, **GOOD}])
    with pytest.raises((NotATable, InvalidRecords)) as caught:
        serving.spark.predict(change(frame), "wine")
    assert message in in_one_line(getattr(caught.value, "faults", [])) + str(caught.value)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"keep": "some"}, "keep is 'some'; choose one of others, all, none"),
        ({"explain": 0}, '"0" is not how many fields to list'),
        ({"reasons_for": "bom"}, "reasons_for needs a language"),
        ({"language": "fr"}, "language is 'fr'; choose one of en, pt"),
    ],
)
def test_options_that_do_not_exist_are_refused(
    spark: Any,  # noqa: F811
    chosen: Any,
    message: str,
):
    with pytest.raises(ValueError, match=message):
        serving.spark.predict(spark.range(1), "wine", **chosen)


def test_an_executor_without_the_package_or_with_another_release_is_named(
    spark: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):
    frame = spark.createDataFrame([GOOD])

    def failing() -> str:
        with pytest.raises(PythonException) as caught:
            serving.spark.predict(frame, "wine").collect()
        return str(caught.value).rstrip().rpartition("\n")[2]

    with monkeypatch.context() as changed:
        changed.setattr("serving.spark.frames.BATCHES", "serving.spark.nowhere")
        assert "cannot load Adega: No module named 'serving.spark.nowhere'; install" in failing()
    monkeypatch.setattr("serving.spark.sent.__version__", "0.9.9")
    assert f"has Adega {serving.__version__}, the driver has 0.9.9; install" in failing()


def test_no_row_is_lost_or_there_twice_when_an_executor_is_killed(
    spark: Any,  # noqa: F811
    tmp_path: Path,
):
    folder = write(tmp_path / "in", 400)
    frame = spark.read.parquet(str(folder)).drop("a.b `c`").repartition(8)

    def slowly(batches: Any) -> Any:
        time.sleep(1)
        yield from batches

    slow = frame.mapInArrow(slowly, frame.schema)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(serving.spark.predict(slow, "wine", explain=1).toArrow)
        wait_until(lambda: spark.sparkContext.statusTracker().getActiveStageIds())
        time.sleep(2)
        assert not running.done()
        os.kill(executors(spark.sparkContext.applicationId)[0], signal.SIGKILL)
        assert_same(running.result(), local(folder, "wine", "--explain", "1").drop("a.b `c`"))
