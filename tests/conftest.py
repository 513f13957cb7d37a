"""What several test modules share: records, an app, and a real server."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import committed
import msgspec
import onnx
import pytest
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings
from onnx import numpy_helper
from plain_way import WAYS, ask

from app import create_app
from bench import postgres as postgresql
from serving.models import artefact
from serving.models.manifest import Manifest
from serving.recording.collector import Collector
from serving.recording.store import Store
from serving.settings import Settings

ROOT = Path(__file__).parent.parent
SCRATCH = tempfile.TemporaryDirectory(prefix="models-")  # removed when the process ends
MODELS = committed.copy(Path(SCRATCH.name) / "models")  # readable by all, unlike what it is in
# Every app, command and server of the tests serves the copy, unless it is given another folder.
os.environ["MODELS_DIR"] = str(MODELS)
Settings.__init__.__kwdefaults__["models_dir"] = MODELS
PATIENCE = 120  # seconds for what is done in one on a quiet machine

# A busy machine may take long over any example.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")


def wine(**changes: Any) -> dict[str, Any]:
    """A good wine; `changes` replace its fields, underscores standing for spaces."""
    record = json.loads((ROOT / "bom.json").read_text())
    return record | {name.replace("_", " "): value for name, value in changes.items()}


def body(value: Any) -> dict[str, Any]:
    """Arguments of a request with a value as JSON."""
    return {"data": json.dumps(value), "content_type": "application/json"}


@pytest.fixture(scope="session", params=WAYS)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """Ask the app both ways that a request may be answered."""
    return ask(
        create_app(Settings(var_dir=tmp_path_factory.mktemp("var"))), request.param
    ).test_client()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a service with a record of its own."""
    return Settings(var_dir=tmp_path / "var")


def moved(settings: Settings) -> Store:
    """The store, with all that is in the journal."""
    settings.journal_dir.mkdir(parents=True, exist_ok=True)
    store = Store(settings.store_url)
    Collector(settings.journal_dir, store).collect()
    return store


def predict(client: FlaskClient, record: Any) -> Any:
    """The answer to a record, or to several."""
    return client.post("/predict", **body(record)).json


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder of our own with the committed wine model in it."""
    shutil.copytree(MODELS, tmp_path / "models")
    return tmp_path / "models"


def rewrite(models: Path, change: Callable[[dict[str, Any], dict[str, bytes]], Any]) -> int:
    """Write a next version of wine, hashes right, with manifest and contents changed."""
    wine = artefact.read(models, "wine", 1)
    contents = dict(wine.contents)
    manifest = json.loads(artefact.pretty(wine.manifest))
    change(manifest, contents)
    manifest = msgspec.convert(manifest, Manifest)
    return artefact.write(models, manifest, contents)


def with_a_threshold_moved(content: bytes) -> bytes:
    """Compiled trees with one threshold another, as a faulty conversion would make them."""
    model = onnx.load_from_string(content)
    (trees,) = (node for node in model.graph.node if node.op_type == "TreeEnsemble")
    (splits,) = (each for each in trees.attribute if each.name == "nodes_splits")
    thresholds = numpy_helper.to_array(splits.t).copy()
    thresholds[0] += 1
    splits.t.CopyFrom(numpy_helper.from_array(thresholds))
    return model.SerializeToString()


class Server(NamedTuple):
    """A process of the service, where it listens and the file its log goes to."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url: str) -> tuple[int, Any]:
    """Status and JSON of a GET; connection errors are the caller's."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as a condition holds; connection errors mean not yet."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"not within {PATIENCE} s")


@contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[Server]:
    """Run a command that serves on PORT, from when it is ready until the block ends."""
    port = free_port()
    own = {"HOST": "127.0.0.1", "PORT": str(port), "VAR_DIR": str(log.parent / "var")}
    variables = os.environ | own | environment
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=out, stderr=out)
    server = Server(process, f"http://127.0.0.1:{port}", log)
    try:
        wait_until(
            lambda: process.poll() is not None or get(f"{server.url}/health/ready")[0] == 200
        )
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def proc(pid: int | str) -> Path:
    """What Linux tells of a process; elsewhere the test is skipped."""
    folder = Path(f"/proc/{pid}")
    if sys.platform != "linux":
        pytest.skip("it looks at processes in Linux's /proc")
    return folder


def children(pid: int) -> list[int]:
    """The processes that one started; none of one that has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in (proc(pid) / f"task/{pid}/children").read_text().split()]
    return []


def workers(pid: int) -> list[int]:
    """The workers of a gunicorn; its check of the pickles is not one."""

    def is_worker(child: int) -> bool:
        with suppress(FileNotFoundError, ProcessLookupError):
            return b"gunicorn" in (proc(child) / "cmdline").read_bytes()
        return False

    return [child for child in children(pid) if is_worker(child)]


def connect(server: Server) -> socket.socket:
    port = int(server.url.rsplit(":", 1)[1])
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def gunicorn(*options: str) -> list[str]:
    """The service as in production, but that a client may be slow to ask: the machine may be busy.

    A connection that is closed for its silence fails a request that was just being sent.
    """
    return [sys.executable, "-m", "gunicorn", f"--keep-alive={PATIENCE}", *options, "app:app"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out of `make check` whatever needs a process of the service or of PostgreSQL."""
    for item in items:
        if {"server", "postgres"} & {*item.fixturenames}:
            item.add_marker("slow")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service as it runs in production."""
    with running(gunicorn(), tmp_path_factory.mktemp("server") / "log") as started:
        yield started


@pytest.fixture
def quick_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Prove and cross-validate with less patience than a real model deserves."""
    from train.evaluation.evaluate import Protocol  # noqa: PLC0415 - it brings scikit-learn along

    monkeypatch.setattr("train.onnx.proof.PROOF_ROWS", 2_000)
    monkeypatch.setattr("train.problems.anything.FIVE_FOLDS", Protocol(folds=2, repeats=1))
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[Server]]:
    """Run the service as in production, given a log; for folders with a conftest of their own."""
    return partial(running, gunicorn())


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.Postgres]:
    """A PostgreSQL server; a machine without one skips what needs it, unless it is to test all."""
    programs = postgresql.programs()
    if programs is None:
        missing = "PostgreSQL is not installed: apt-get install postgresql"
        (pytest.fail if "CI" in os.environ else pytest.skip)(missing)
    with postgresql.running(programs, free_port()) as server:
        yield server


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.slow)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is."""
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path}/store.db"
    return request.getfixturevalue("postgres").new()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store."""
    opened = Store(store_url)
    opened.migrate()
    yield opened
    opened.close()
