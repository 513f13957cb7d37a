"""The processes of a run, each with a task at a time."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, groupby, pairwise
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Self

import msgspec

from serving.errors import RunRefused
from serving.scoring.tasks import Counted, Failed, Planned, Predict, Progress, Result, Setup, Task
from serving.settings import ROOT

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # one in each process
ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system"}  # others keep more than they use

SMALL = 2**20  # bytes of files that one process predicts as soon as two would have begun

Event = tuple[int, Result | Progress]  # of the task at this position

decoder = msgspec.json.Decoder[Result | Progress](Result | Progress)


class Waiting:
    """The positions of tasks that wait, in series.

    Those of a series are done by one process, in order, which is fastest where each goes on where
    the one before ended. A process that has no other takes the later half of a series.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        ends = accumulate(lengths, initial=0)
        self._free = deque(range(*each) for each in pairwise(ends))
        self._taken: dict[int, range] = {}
        self._lock = Lock()

    def take(self, process: int) -> int | None:
        """Return the position of a task that a process is to do now; None if there are no more."""
        with self._lock:
            own = self._taken.get(process) or self._claim()
            self._taken[process] = own[1:]
            return own[0] if own else None

    def _claim(self) -> range:
        if self._free:
            return self._free.popleft()
        if not self._taken:
            return range(0)
        longest = max(self._taken, key=lambda each: len(self._taken[each]))
        series = self._taken[longest]
        half = len(series) // 2
        self._taken[longest] = series[:half]
        return series[half:]


class Crew:
    """Some processes that share tasks; they are killed at the end of the block.

    Parameters
    ----------
    jobs : int
        How many processes there may be.
    size : int
        The bytes of the files that are predicted, by which processes begin before it is known how
        many parts there are.
    """

    def __init__(self, jobs: int, setup: Setup, size: int = 0) -> None:
        self._jobs, self._setup, self._size = jobs, setup, size
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        self._start(1 + self._size // SMALL)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
        for thread in self._threads:  # each of which reads until its process has ended
            thread.join()
        for process in self._processes:
            with suppress(BrokenPipeError):  # what one without a task has not been sent yet
                process.__exit__(None, None, None)  # closes the pipes

    def carry_out(
        self, tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Planned | Counted | Progress]]:
        """Have tasks done, and yield what is reported of each, by its position.

        Raises
        ------
        RunRefused
            If one fails, or a process is killed.
        """
        self._start(len(tasks))
        waiting = Waiting([len([*series]) for _, series in groupby(tasks, _section)])
        events: SimpleQueue[Event] = SimpleQueue()
        for process in self._processes:
            thread = Thread(target=_feed, args=(process, tasks, waiting, events), daemon=True)
            thread.start()
            self._threads.append(thread)
        left = len(tasks)
        while left:
            place, event = events.get()
            if isinstance(event, Failed):
                raise RunRefused(event.message)
            left -= not isinstance(event, Progress)
            yield place, event

    def _start(self, tasks: int) -> None:
        """Have a process for each of so many tasks, if there may be as many."""
        while len(self._processes) < min(self._jobs, tasks):
            self._processes.append(self._begin())

    def _begin(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.scoring.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=ENVIRONMENT | dict.fromkeys(THREADS, "1") | os.environ,
            start_new_session=True,  # so that Ctrl-C is for the command alone
        )
        if process.stdin:
            process.stdin.write(msgspec.json.encode(self._setup) + b"\n")
        return process


def _section(task: Task) -> object:
    """Return what the tasks of a series have in common, which is nothing unless they predict."""
    return task.part.section if isinstance(task, Predict) else id(task)


def _feed(
    process: subprocess.Popen[bytes],
    tasks: Sequence[Task],
    waiting: Waiting,
    events: "SimpleQueue[Event]",
) -> None:
    """Give a process one task after the other, and pass on what it reports."""
    if not process.stdin or not process.stdout:
        return
    while (place := waiting.take(process.pid)) is not None:
        try:
            process.stdin.write(msgspec.json.encode(tasks[place]) + b"\n")
            process.stdin.flush()
            for line in process.stdout:
                event = decoder.decode(line)
                events.put((place, event))
                if not isinstance(event, Progress):
                    break
            else:
                raise BrokenPipeError
        except (OSError, ValueError):  # it was killed, or by the end of the block
            status = process.wait()
            message = f"a process of the run {_end(status)}; the same command goes on where it was"
            events.put((place, Failed(message)))
            return


def _end(status: int) -> str:
    """Describe how a process ended."""
    if status == -signal.SIGKILL:
        return "was killed, perhaps for lack of memory"
    if status < 0:  # by what a library did
        return f"ended by signal {-status}, perhaps as a file is damaged"
    return f"ended by {status}"
