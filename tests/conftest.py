"""What several test modules share: records, settings, an app, a server and a store."""

import gc
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import committed
import msgspec
import numpy as np
import onnx
import pytest
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings
from once import compile_routes_once, read_trees_once
from onnx import numpy_helper
from plain_way import WAYS, ask
from programs import skip_or_fail
from servers import Server, free_port, gunicorn, running

from app import create_app
from bench import postgres as postgresql
from serving.models import artefact, forest
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
FASTEST = "forest" if forest.is_available() else "onnx"  # what serves the models of the repository

gc.disable()  # until all tests are collected, of which nothing is garbage
compile_routes_once()
read_trees_once()

# A busy machine may take long over any example.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")


def wine(**changes: Any) -> dict[str, Any]:
    """A good wine; `changes` replace its fields, underscores standing for spaces."""
    record = json.loads((ROOT / "bom.json").read_text())
    return record | {name.replace("_", " "): value for name, value in changes.items()}


GOOD, BAD = wine(), json.loads((ROOT / "ruim.json").read_text())  # whose labels are bom and ruim


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


@pytest.fixture(params=WAYS)
def own_client(request: pytest.FixtureRequest, settings: Settings) -> FlaskClient:
    """A service with a record of its own, with and without Flask."""
    return ask(create_app(settings), request.param).test_client()


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


def leave_the_pickle(contents: dict[str, bytes]) -> None:
    """Take what was compiled away."""
    for file in artefact.COMPILED:
        contents.pop(file, None)


def same_arrays(one: bytes, other: bytes) -> bool:
    """Whether two files of NumPy arrays have the same ones."""
    first, second = (np.load(io.BytesIO(content)) for content in (one, other))
    return first.files == second.files and all(
        first[name].tobytes() == second[name].tobytes() for name in first.files
    )


def with_other_leaves(content: bytes | None) -> bytes | None:
    """A table of trees with other leaves, as a faulty layout would make it."""
    if content is None:
        return None
    arrays = dict(np.load(io.BytesIO(content)))
    changed = io.BytesIO()
    np.savez(changed, **arrays | {"values": arrays["values"] * 0.75})
    return changed.getvalue()


def with_a_threshold_moved(content: bytes) -> bytes:
    """Compiled trees with one threshold another, as a faulty conversion would make them."""
    model = onnx.load_from_string(content)
    (trees,) = (node for node in model.graph.node if node.op_type == "TreeEnsemble")
    (splits,) = (each for each in trees.attribute if each.name == "nodes_splits")
    thresholds = numpy_helper.to_array(splits.t).copy()
    thresholds[0] += 1
    splits.t.CopyFrom(numpy_helper.from_array(thresholds))
    return model.SerializeToString()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run twice as many processes as there are processors, which tests often only wait for.

    Each imports everything, so that of many processors only a few get a second one.
    """
    processors = os.cpu_count() or 1
    return processors + min(processors, 4)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Leave out of `make check` what needs a process or PostgreSQL, and what `make test` leaves.

    Files with such tests come first: at the end no processor waits for the last of them.
    """
    for item in items:
        names = {*item.fixturenames, *(marker.name for marker in item.iter_markers())}
        if names & {"server", "postgres", "faults", "docs"}:
            item.add_marker("slow")
    yield
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not in all that was imported: it took a sixth of the time."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(3_000, 10, 10)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service as it runs in production."""
    with running(gunicorn(), tmp_path_factory.mktemp("server") / "log") as started:
        yield started


@pytest.fixture
def quick_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Train with little patience, and a folder of the test's own for the record."""
    hurry(monkeypatch)
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Prove, cross-validate and explain with less patience than a real model deserves."""
    from train.evaluation.evaluate import Protocol  # noqa: PLC0415 - it brings scikit-learn along

    patch.setattr("train.onnx.proof.PROOF_ROWS", 2_000)
    patch.setattr("train.evaluation.effects.ROWS", 30)
    patch.setattr("train.problems.anything.FIVE_FOLDS", Protocol(folds=2, repeats=1))


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.Postgres]:
    """A PostgreSQL server; a machine without one skips what needs it, unless it is to test all."""
    if postgresql.programs() is None:
        skip_or_fail("PostgreSQL is not installed: apt-get install postgresql")
    with postgresql.running(free_port()) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: postgresql.Postgres) -> str:
    """The name of a database with the tables of a store, of which copies are made in no time."""
    url = postgres.new()
    with closing(Store(url)) as store:
        store.migrate()
    return url.rpartition("/")[2]


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.slow)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a database is: an empty one, or with the tables of the store if the test has that."""
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path}/store.db"
    postgres = request.getfixturevalue("postgres")
    if "store" in request.fixturenames:
        return postgres.new(like=request.getfixturevalue("migrated"))
    return postgres.new()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store."""
    opened = Store(store_url)
    opened.migrate()
    yield opened
    opened.close()
