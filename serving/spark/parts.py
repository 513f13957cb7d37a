"""What predicts the parts of a run, on executors."""

import hashlib
import socket
from collections.abc import Iterator
from functools import lru_cache

import msgspec
import pyarrow as pa

from serving.errors import RunRefused
from serving.places.places import place
from serving.scoring.run import RUN
from serving.scoring.tasks import Failed, Setup, Task
from serving.scoring.worker import Worker
from serving.spark.origin import Origin, load


class Order(msgspec.Struct, frozen=True):
    """By which version parts are predicted, and where they are written.

    Attributes
    ----------
    sha256 : str
        Of the file in the folder of the parts that describes the run.
    """

    origin: Origin
    setup: Setup
    sha256: str


def run(order: bytes, tasks: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Do tasks, each with its position, and yield what came of them."""
    try:
        worker = _worker(order)
    except RunRefused as error:
        for at, _ in tasks:
            yield at, msgspec.json.encode(Failed(str(error)))
        return
    for at, task in tasks:
        yield at, msgspec.json.encode(worker.carry_out(msgspec.json.decode(task, type=Task)))


@lru_cache(maxsize=1)
def _worker(order: bytes) -> Worker:
    """Make what does the tasks of a run, once in a process.

    Raises
    ------
    RunRefused
        If this machine has another folder at the path of the output.
    """
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    wanted = msgspec.json.decode(order, type=Order)
    setup = wanted.setup
    if hashlib.sha256(place(setup.output).read(RUN) or b"").hexdigest() != wanted.sha256:
        raise RunRefused(
            f"{setup.output} on {socket.gethostname()}, where an executor is, is not the folder of "
            "this run; name one in an object store, or one that all hosts share"
        )
    return Worker(load(wanted.origin), setup.options, setup.output, lambda _: None)
