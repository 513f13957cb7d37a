"""Spark, which is in an environment of its own, beside the packages of the development one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import ROOT
from programs import skip_or_fail
from servers import free_port, wait_until

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


def executors(text: str) -> list[int]:
    """The processes of executors whose command has a text: the application, or its worker."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_text()
            if "ExecutorBackend" in command and text in command:
                found.append(int(process.name))
    return found


class Standalone(NamedTuple):
    """A master with two workers, each of which runs an executor."""

    url: str
    workers: list[str]


@pytest.fixture(scope="session")
def standalone(scratch: Path) -> Iterator[Standalone]:
    """Start a master and two workers."""
    port, *ports = (free_port() for _ in range(3))
    url, of_java = f"spark://127.0.0.1:{port}", "org.apache.spark.deploy"
    here = ("--host", "127.0.0.1", "--webui-port", "0")
    with ExitStack() as started:
        log = started.enter_context((scratch / "log").open("wb"))

        def start(*command: str) -> None:
            quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
            daemon = os.environ | {"SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": quick}
            process = subprocess.Popen(
                [PACKAGES / "pyspark/bin/spark-class", *command], env=daemon, stdout=log, stderr=log
            )
            started.enter_context(process)
            started.callback(process.terminate)

        start(f"{of_java}.master.Master", *here, "--port", str(port))
        for each in ports:
            work = ("--work-dir", str(scratch / f"work{each}"), "--cores", "1", "--memory", "1g")
            start(f"{of_java}.worker.Worker", *here, "--port", str(each), *work, url)
        registered = "Registering worker 127.0.0.1:{} with"
        wait_until(
            lambda: all(registered.format(each) in (scratch / "log").read_text() for each in ports)
        )
        yield Standalone(url, [f"Worker@127.0.0.1:{each}" for each in ports])
