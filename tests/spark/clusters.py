"""Spark, which is in an environment of its own, beside the packages of the development one."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from programs import skip_or_fail

HERE = Path(__file__).parent
PACKAGES = next(HERE.glob(".venv/lib/python*/site-packages"), HERE / ".venv")
if not (PACKAGES / "pyspark").is_dir():
    skip_or_fail("Spark is not installed: make test-spark")

sys.path.insert(0, str(PACKAGES))
# What Spark's processes on this machine need: those of executors begin in folders of their own.
os.environ |= {
    "PYTHONPATH": f"{ROOT}:{PACKAGES}",
    "PYSPARK_PYTHON": sys.executable,
    "SPARK_LOCAL_IP": "127.0.0.1",
    "SPARK_CONF_DIR": str(HERE / "conf"),
}


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What executors take for the folder of temporary files, as on a machine of their own."""
    return tmp_path_factory.mktemp("executors")


@pytest.fixture(scope="session")
def spark(scratch: Path) -> Iterator[Any]:
    """A session with two executors, each a process of its own."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - it is found now

    os.environ["SPARK_LOCAL_DIRS"] = str(scratch)
    named = SparkSession.builder.config("spark.executorEnv.TMPDIR", str(scratch))
    session = named.master("local-cluster[2,1,1024]").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def executors(application: str) -> list[int]:
    """The processes of an application's executors."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_text().split("\0")
            if application in command and any("ExecutorBackend" in each for each in command):
                found.append(int(process.name))
    return found
