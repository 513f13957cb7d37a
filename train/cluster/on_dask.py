"""Tasks of a training on a cluster of Dask.

The rows are sent to every worker once. A task needs nothing but them, so that whatever a killed
worker had begun is computed again elsewhere; for this reason no task starts others.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import cloudpickle
import numpy as np
from distributed import Client, KilledWorker
from distributed.comm import CommClosedError
from joblib import parallel_config
from numpy.typing import NDArray

from serving.figures import counted
from train.cluster import probe
from train.errors import TrainingError
from train.fitting.tasks import Result
from train.fitting.threads import forest_threads, one_thread
from train.onnx.parts import every, is_forest

CONNECT, APPEAR = 10, 30  # seconds for the scheduler, and for a worker
POLL = 2.0  # seconds between two looks at the cluster
LOST = CommClosedError, TimeoutError, CancelledError
ATTEMPTS = 3  # where rows or results were lost with a worker


@contextmanager
def connected(scheduler: str) -> Iterator["OnDask"]:
    """Connect with a scheduler, and check its workers.

    Raises
    ------
    TrainingError
        If it cannot be reached, or a worker is not as this process is.
    """
    # What its client reports as errors is worded here; some of it comes when the process ends.
    logging.disable()
    try:
        client = Client(scheduler, timeout=CONNECT, set_as_default=False)
    except OSError as error:
        raise TrainingError(
            f"no scheduler of Dask responds at {scheduler}: start one there by `dask scheduler`, "
            f"or name its address by --on ({error})"
        ) from error
    try:
        tasks = OnDask(client)
        tasks.check()
        yield tasks
    except LOST as error:
        raise _gone() from error
    finally:
        with suppress(Exception):  # whatever becomes of it, the training has ended
            client.close(timeout=POLL)


class OnDask:
    """Computes tasks by the workers of a cluster."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._sent: dict[int, tuple[NDArray[Any], Any]] = {}

    @property
    def summary(self) -> str:
        """How many workers there are."""
        threads = self._threads()
        return f"{counted(len(threads), 'worker')} with {counted(sum(threads), 'thread')}"

    def check(self) -> None:
        """Raise TrainingError unless all workers have what this process has."""
        self._wait_for_workers()
        cloudpickle.register_pickle_by_value(probe)
        try:
            found = self._client.run(probe.installed)
        finally:
            cloudpickle.unregister_pickle_by_value(probe)
        ours = probe.installed()
        for worker, theirs in found.items():
            for name, version in ours.items():
                if version and theirs[name] != version:
                    raise TrainingError(_difference(worker, name, theirs[name], version))

    def start(
        self, function: Callable[..., Any], shared: Sequence[NDArray[Any]], of: int, **named: Any
    ) -> Result:
        """Start a task on any worker."""
        threads = self._threads()
        own = max(1, min(sum(threads) // of, *threads))

        def submit() -> Any:
            sent = [self._send(each) for each in shared]
            return self._client.submit(_compute, function, own, *sent, pure=False, **named)

        futures = [submit()]

        def result() -> Any:
            for attempt in range(ATTEMPTS):
                try:
                    return self._wait(futures[-1].result)
                except CancelledError:  # the rows were lost with the last worker that had them
                    if attempt == ATTEMPTS - 1 or self._client.status != "running":
                        raise _gone() from None
                    self._sent.clear()
                    futures.append(submit())
            raise AssertionError

        return result

    def fit(self, estimator: Any, rows: Any, y: Any) -> None:
        """Fit an estimator here, and the trees of a forest by all workers."""
        forests = [each for each in every(estimator) if is_forest(each)]

        def fit() -> None:
            for forest in forests:  # and nothing else: what prepares its rows is not sent
                forest.fit = partial(_fit_trees, self._client, forest.fit)
            try:
                with one_thread():
                    estimator.fit(rows, y)
            finally:
                for forest in forests:
                    del forest.fit

        for attempt in range(ATTEMPTS):
            # Not in a block, which would wait for a thread that waits for workers.
            thread = ThreadPoolExecutor(1)
            try:
                self._wait(thread.submit(fit).result)
            except CancelledError:
                if attempt == ATTEMPTS - 1 or self._client.status != "running":
                    raise _gone() from None
            else:
                for forest in forests:
                    _unify(forest)
                return
            finally:
                thread.shutdown(wait=False)

    def _send(self, rows: NDArray[Any]) -> Any:
        """Send rows to every worker, once."""
        if id(rows) not in self._sent:
            # Rows are kept, so that no others get their id.
            self._sent[id(rows)] = rows, self._scatter(rows)
        return self._sent[id(rows)][1]

    def _scatter(self, rows: NDArray[Any]) -> Any:
        for _ in range(ATTEMPTS):
            self._wait_for_workers()
            with suppress(OSError):  # the workers are gone that were there just now
                return self._client.scatter(rows, broadcast=True, hash=False)
        raise _gone()

    def _wait(self, result: Callable[[float], Any]) -> Any:
        """Wait for a result as long as there are workers."""
        while True:
            try:
                return result(POLL)
            except KilledWorker as error:
                raise TrainingError(
                    "workers of the cluster were killed again and again by the same task, perhaps "
                    "for lack of memory: give them more, or use fewer rows or columns "
                    f"({_first_line(error)})"
                ) from error
            except CancelledError:
                raise
            except (TimeoutError, StillRunning):
                self._wait_for_workers()
            except OSError as error:  # no task raises one, so it is of a connection
                raise CancelledError from error

    def _wait_for_workers(self) -> None:
        """Wait for a worker, if there is none; raise TrainingError if none appears."""
        until = time.monotonic() + APPEAR
        while not self._threads():
            if time.monotonic() > until:
                self._client.close(timeout=POLL)
                raise TrainingError(
                    f"the cluster has no worker for {APPEAR} seconds: start some by `dask worker "
                    "ADDRESS`, and train again"
                )
            time.sleep(0.2)

    def _threads(self) -> list[int]:
        if self._client.status not in {"running", "connecting"}:
            raise _gone()
        try:
            return [*self._client.nthreads().values()]
        except OSError as error:
            raise _gone() from error


def _compute(function: Callable[..., Any], threads: int, *shared: Any, **named: Any) -> Any:
    """Compute a task on a worker, by so many of its threads."""
    token = forest_threads.set(threads)
    try:
        with one_thread():
            return function(*shared, **named)
    finally:
        forest_threads.reset(token)


def _fit_trees(client: Client, fit: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    with parallel_config("dask", client=client):
        return fit(*arguments, **named)


def _unify(forest: Any) -> None:
    """Let the trees that workers sent share what the trees of one process share.

    Otherwise its pickle would have the same content in other bytes.
    """
    for tree in forest.estimators_:
        unified = {sys.intern(name): _unified(value) for name, value in vars(tree).items()}
        vars(tree).clear()
        vars(tree).update(unified)


def _unified(value: Any) -> Any:
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return value.astype(np.dtype(value.dtype.str))
    return value


def _difference(worker: str, name: str, theirs: str, ours: str) -> str:
    if theirs == probe.CHANGED:
        return f"the worker {worker} runs {theirs}: start it again"
    if name == "Adega":
        what = "another release of Adega" if theirs else "no Adega"
        return (
            f"the worker {worker} has {what}: start it in the same environment and folder as this "
            "command, or in the same image"
        )
    has = f"{name} {theirs}" if theirs else f"no {name}"
    return (
        f"the worker {worker} has {has}, and this command {ours}: install the same there, or the "
        "models would differ"
    )


def _gone() -> TrainingError:
    return TrainingError(
        "the connection with the cluster was lost, or the workers that had the rows: train again, "
        "once its scheduler and workers run"
    )


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
