"""Training on a cluster of Dask, whose scheduler and workers are processes of their own."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from servers import free_port

from bench.processes import cpu_seconds

ROOT = Path(__file__).parent.parent.parent
PYTHON = Path(__file__).parent / ".venv" / "bin" / "python"
HOMES = ROOT / "examples" / "homes.csv"
FOREST = (HOMES, "--target", "price", "--estimator", "random-forest", "--name", "homes")
PATIENCE = 400.0  # seconds, on a machine that does other things too

Process = subprocess.Popen[str]


class Cluster:
    """A scheduler, and workers that are started and killed one by one."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self.port = free_port()
        self.workers: list[Process] = []
        self.scheduler = self._start(
            "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port)
        )
        wait_until(lambda: "Scheduler at" in self._log(self.scheduler))

    @property
    def url(self) -> str:
        """What is given to --on."""
        return f"dask://127.0.0.1:{self.port}"

    def add_worker(self, cwd: Path = ROOT, **environment: str) -> Process:
        """Start a worker with one thread, and wait until it is there."""
        worker = self._start(
            *("distributed.cli.dask_worker", f"tcp://127.0.0.1:{self.port}", "--nthreads", "1"),
            cwd=cwd,
            **environment,
        )
        wait_until(lambda: "Registered to" in self._log(worker))
        self.workers.append(worker)
        return worker

    def _start(self, module: str, *arguments: str, cwd: Path = ROOT, **environment: str) -> Process:
        log = self._folder / f"{len(list(self._folder.iterdir()))}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [PYTHON, "-m", module, *arguments, "--no-dashboard"],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=os.environ | {"LOG": str(log)} | environment,
                text=True,
            )
        process.log = log  # type: ignore[attr-defined]
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        return process

    @staticmethod
    def _log(process: Any) -> str:
        text: str = process.log.read_text()
        return text


def wait_until(is_so: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def child(process: Process) -> int:
    """The process of a worker, which the one that was started watches over."""
    threads = Path(f"/proc/{process.pid}/task").glob("*/children")
    found = [each for children in threads for each in children.read_text().split()]
    lines = {int(each): Path(f"/proc/{each}/cmdline").read_bytes() for each in found}
    return next(each for each, line in lines.items() if b"spawn_main" in line)


@contextmanager
def started(folder: Path) -> Iterator[Cluster]:
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        yield Cluster(stack, folder)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two workers, which no test harms."""
    with started(tmp_path_factory.mktemp("cluster")) as cluster:
        cluster.add_worker()
        cluster.add_worker()
        yield cluster


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster without workers."""
    with started(tmp_path / "own") as cluster:
        yield cluster


def train(models: Path, *arguments: Any) -> Process:
    models.mkdir(exist_ok=True)
    return subprocess.Popen(
        [PYTHON, "-m", "train", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"MODELS_DIR": str(models)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(process: Process) -> str:
    """What a training prints that does what it should."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return out + err


def refused(process: Process) -> str:
    """The sentence of a training that fails."""
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, err
    assert "Traceback" not in err, err
    return err.splitlines()[-1].removeprefix("Error: ")


def begun(process: Process, cluster: Cluster) -> None:
    """Wait until the workers of a training compute its folds."""
    assert process.stderr is not None
    working = [*map(child, cluster.workers)]
    before = [*map(cpu_seconds, working)]
    assert "training on 2 workers with 2 threads" in process.stderr.readline()
    wait_until(
        lambda: all(cpu_seconds(pid) - at > 1 for pid, at in zip(working, before, strict=True))
    )
    assert process.poll() is None


def files(models: Path) -> Mapping[str, Any]:
    """The contents of the version that was written, without its time."""
    (folder,) = models.glob("*/1")
    found: dict[str, Any] = {each.name: each.read_bytes() for each in folder.iterdir()}
    manifest = msgspec.json.decode(found["model.json"])
    del manifest["created"]
    manifest.pop("files", None)
    return found | {"model.json": manifest}


@pytest.mark.parametrize(
    "command",
    [
        FOREST,
        (HOMES, "--target", "garage", "--name", "homes"),
        (HOMES, "--target", "price", "--estimator", "hist-gradient-boosting", "--name", "homes"),
        (HOMES, "--target", "garage", "--estimator", "extra-trees", "--name", "homes"),
    ],
    ids=["a forest", "a choice, calibrated", "boosting", "a forest, calibrated"],
)
def test_the_version_is_the_same_as_one_trained_here(
    command: tuple[Any, ...], cluster: Cluster, tmp_path: Path
):
    here, there = tmp_path / "here", tmp_path / "there"
    done(train(here, *command))
    assert "2 workers with 2 threads" in done(train(there, *command, "--on", cluster.url))
    assert files(there) == files(here)


def test_a_worker_that_is_killed_in_the_middle_changes_nothing(own: Cluster, tmp_path: Path):
    for _ in range(2):
        own.add_worker()
    training = train(tmp_path / "there", *FOREST, "--on", own.url)
    begun(training, own)
    os.kill(child(own.workers[0]), signal.SIGKILL)
    done(training)
    done(train(tmp_path / "here", *FOREST))
    assert files(tmp_path / "there") == files(tmp_path / "here")


def test_a_cluster_that_loses_all_its_workers_ends_the_training_with_a_sentence(
    own: Cluster, tmp_path: Path
):
    for _ in range(2):
        own.add_worker()
    training = train(tmp_path / "there", *FOREST, "--on", own.url)
    begun(training, own)
    for worker in own.workers:
        os.kill(child(worker), signal.SIGKILL)
        worker.kill()
    assert "the cluster has no worker for 30 seconds" in refused(training)


def test_a_scheduler_that_ends_ends_the_training_with_a_sentence(own: Cluster, tmp_path: Path):
    for _ in range(2):
        own.add_worker()
    training = train(tmp_path / "there", *FOREST, "--on", own.url)
    begun(training, own)
    own.scheduler.kill()
    assert "the connection with the cluster was lost" in refused(training)


def test_a_cluster_without_workers_is_a_sentence(own: Cluster, tmp_path: Path):
    training = train(tmp_path / "there", *FOREST, "--on", own.url)
    assert "has no worker for 30 seconds: start some by `dask worker" in refused(training)


def test_a_scheduler_that_does_not_respond_is_named(tmp_path: Path):
    url = f"dask://127.0.0.1:{free_port()}"
    message = refused(train(tmp_path / "there", *FOREST, "--on", url))
    assert f"no scheduler of Dask responds at {url.replace('dask', 'tcp')}" in message


def test_a_worker_with_another_scikit_learn_is_refused(own: Cluster, tmp_path: Path):
    other = tmp_path / "other" / "scikit_learn-1.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: scikit-learn\nVersion: 1.0\n")
    own.add_worker(PYTHONPATH=str(other.parent))
    message = refused(train(tmp_path / "there", *FOREST, "--on", own.url))
    assert re.search(r"the worker tcp://\S+ has scikit-learn 1.0, and this command 1\.9", message)


def test_a_worker_without_adega_is_refused(own: Cluster, tmp_path: Path):
    own.add_worker(cwd=tmp_path)
    message = refused(train(tmp_path / "there", *FOREST, "--on", own.url))
    assert "has no Adega: start it in the same environment and folder" in message


def test_a_worker_with_other_code_is_refused(own: Cluster, tmp_path: Path):
    for name in ("serving", "train"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    own.add_worker(cwd=tmp_path)
    message = refused(train(tmp_path / "there", *FOREST, "--on", own.url))
    assert "has another release of Adega" in message
