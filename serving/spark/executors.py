"""The executors of Spark, which carry out the tasks of a run as `Crew` does."""

import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Self

import msgspec

from serving.errors import RunRefused
from serving.models.artefact import Artefact
from serving.places.places import Folder, Place
from serving.scoring.crew import decoder
from serving.scoring.run import RUN
from serving.scoring.tasks import Counted, Failed, Planned, Progress, Setup, Task
from serving.spark.failures import sentence
from serving.spark.masters import require_reachable
from serving.spark.origin import offer
from serving.spark.parts import Order
from serving.spark.sent import sent

PAUSE = 0.2  # seconds between two looks at what executors report
SHOWN = "org.apache.spark.scheduler.TaskSchedulerImpl"  # logs lost executors, and a lack of any
PARTS = "serving.spark.parts"  # what runs on executors


class Executors:
    """The executors of a master, from the beginning of the block to its end.

    Parameters
    ----------
    master : str
        As Spark names one: spark://HOST:PORT, local[4], yarn.
    url : str
        Of the object store that executors fetch the version from; empty if they are sent it.
    """

    def __init__(self, master: str, read: Artefact, url: str, setup: Setup, output: Place) -> None:
        self._master, self._read, self._url = master, read, url
        self._setup, self._output = setup, output
        self._context: Any = None
        self._order = b""

    def __enter__(self) -> Self:
        """Start an application of Spark.

        Raises
        ------
        RunRefused
        """
        warnings.filterwarnings("ignore", ".*pandas >= 3", FutureWarning)  # pandas has no part here
        from pyspark.sql import SparkSession  # noqa: PLC0415 - the service has no Spark

        require_reachable(self._master)
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = SparkSession.builder.master(self._master)
        builder.appName(f"adega predict {self._setup.model} {self._setup.version}")
        builder.config("spark.ui.showConsoleProgress", "false")
        builder.config("spark.executorEnv.ARROW_DEFAULT_MEMORY_POOL", "system")
        try:
            self._context = builder.getOrCreate().sparkContext
        except Exception as error:  # why: of Java, of the gateway to it, or of Spark
            raise RunRefused(f"Spark cannot be started: {sentence(error)}") from error
        _log_little(self._context)
        origin = offer(self._read, self._url, self._context.addFile)
        described = hashlib.sha256(self._output.read(RUN) or b"").hexdigest()
        self._order = msgspec.json.encode(Order(origin, self._setup, described))
        return self

    def __exit__(self, *_: object) -> None:
        self._context.stop()
        if isinstance(self._output, Folder):
            self._output.remove_halves()  # of executors that were killed

    def carry_out(
        self, tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Planned | Counted | Progress]]:
        """Have tasks done, and yield what is reported of each, by its position.

        Raises
        ------
        RunRefused
            If one fails, or executors do so again and again.
        """
        if not tasks:
            return
        reported = self._context.accumulator([], _list_param())
        numbered = [(at, msgspec.json.encode(task)) for at, task in enumerate(tasks)]
        data = self._context.parallelize(numbered, len(numbered))
        reporting = data.mapPartitions(_reporting(sent(PARTS, self._order), reported.add))
        done: set[int] = set()
        with ThreadPoolExecutor(1) as thread:
            job = thread.submit(reporting.collect)
            try:
                while len(done) < len(tasks):
                    is_over = bool(wait([job], PAUSE).done)
                    for at, content in _result(job) if is_over else reported.value[:]:
                        if at not in done:
                            done.add(at)
                            event = decoder.decode(content)
                            if isinstance(event, Failed):
                                raise RunRefused(event.message)
                            yield at, event
            finally:
                if not job.done():
                    self._context.cancelAllJobs()


def _result(job: "Future[list[tuple[int, bytes]]]") -> list[tuple[int, bytes]]:
    try:
        return job.result()
    except Exception as error:  # why: whatever Spark raises
        raise RunRefused(f"Spark has given up: {sentence(error)}") from error


def _reporting(
    run: Callable[[Iterator[Any]], Iterator[Any]], add: Callable[[list[Any]], None]
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return a function that reports results to the driver as well, before the job is over.

    As that of `sent` it refers to nothing of this package.
    """

    def report(tasks: Iterator[Any]) -> Iterator[Any]:
        for result in run(tasks):
            add([result])
            yield result

    return report


def _list_param() -> Any:
    """Return how reports are joined; a class that executors get as it is."""
    from pyspark.accumulators import AccumulatorParam  # noqa: PLC0415 - as above

    class Lists(AccumulatorParam):  # type: ignore[misc]
        def zero(self, _: Any) -> list[Any]:
            return []

        def addInPlace(self, one: list[Any], other: list[Any]) -> list[Any]:  # noqa: N802
            one += other
            return one

    return Lists()


def _log_little(context: Any) -> None:
    """Let Spark log what concerns executors, and no traces: a failure is one sentence."""
    context.setLogLevel("OFF")
    logs = context._jvm.org.apache.logging.log4j  # noqa: SLF001 - there is no other way
    logs.core.config.Configurator.setLevel(SHOWN, logs.Level.WARN)
