"""The worker that carries out the trainings requested over HTTP, one after the other.

`adega train worker` runs it for ever; the service starts one with `--once`, which ends when all is
done. Each training is read or trained by a process of its own, `train.requested.carry_out`, which
this one stops when it takes too much memory or time, or is cancelled; a small file is read beside
what takes longer. The lock is shared with these processes: so no other worker begins anything
before they have ended too.
"""

import signal
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import click

from serving.errors import NoRoom, UnknownTraining
from serving.lock import wait_for_lock
from serving.settings import Settings
from serving.trainings import steps
from serving.trainings.training import BUSY, Kept
from serving.trainings.trainings import Trainings
from serving.trainings.worker import LOCK
from train.job import Job, left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRIES = 4  # at the lock, by a worker that ends when all is done: others only look at it
IDLE = 1.0  # seconds
AFTER_NO_ROOM = 10.0  # seconds in which there may be room on the disk again


class Stopped(BaseException):
    """The worker is to end."""


def run(settings: Settings, *, once: bool) -> None:
    """Carry out trainings, for ever or until all are done.

    Raises
    ------
    NoRoom
        If nothing can be written to VAR_DIR.
    """
    trainings = Trainings(settings.trainings_dir)
    try:
        trainings.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NoRoom(f"nothing can be written to VAR_DIR: {error.strerror}") from error
    with _stoppable():
        while lock := wait_for_lock(trainings.folder / LOCK, _Pause(TRIES if once else None)):
            with lock:
                worker = Worker(settings, trainings, lock)
                while worker.work() or not once:
                    pass
            if not trainings.next():  # else something came before the lock was released
                return


class _Pause:
    """Waits between two attempts at the lock, only so often if a number is given."""

    def __init__(self, tries: int | None) -> None:
        self.tries = tries

    def __call__(self, seconds: float) -> bool:
        time.sleep(seconds)
        if self.tries is not None:
            self.tries -= 1
        return self.tries is None or self.tries > 0


@contextmanager
def _stoppable() -> "Iterator[None]":
    """Let SIGTERM end the worker, after it has put back what it was doing."""

    def stop(*_: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with suppress(Stopped, KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Worker:
    """What holds the lock, and so is the only one that carries out trainings."""

    def __init__(self, settings: Settings, trainings: Trainings, lock: BinaryIO) -> None:
        self._trainings = trainings
        for each in trainings.all():
            if each.training.state == "training":  # its worker has ended before it
                change(trainings, each.training.id, _after_its_worker(trainings, each.training.id))
        self._lanes = [Lane(settings, trainings, lock, small=small) for small in (True, False)]

    def work(self) -> bool:
        """Go on with what is carried out, begin what is next, and wait a moment.

        Returns
        -------
        bool
            Whether anything is left to do.
        """
        try:
            jobs = [job for lane in self._lanes if (job := lane.go_on())]
            if jobs:
                jobs[0].wait()
                return True
            self._trainings.clean()
            time.sleep(IDLE)
            return self._trainings.next() is not None
        except BaseException:  # the worker is to end
            for lane in self._lanes:
                lane.put_back()
            raise


def _after_its_worker(trainings: Trainings, training_id: str) -> "Callable[[Kept], Kept]":
    result = left(trainings.path(training_id))
    if result and result.version:  # else it may be what reading has left
        return partial(steps.ended, result)
    return steps.queued


class Lane:
    """What is carried out one after the other: small files that are read, or all else.

    So the columns of a small file are there soon, whatever else is read or trained.
    """

    def __init__(
        self, settings: Settings, trainings: Trainings, lock: BinaryIO, *, small: bool
    ) -> None:
        self._settings, self._trainings, self._lock = settings, trainings, lock
        self._small = small
        self._id = ""  # of what is carried out
        self._job: Job | None = None
        self._next_look = 0.0

    def go_on(self) -> Job | None:
        """Go on with what is carried out, or begin what is next; return what is carried out."""
        try:
            if self._job:
                self._look_after(self._job)
            if not self._job and time.monotonic() >= self._next_look:
                self._begin()
        except (UnknownTraining, FileNotFoundError):  # it was deleted
            self._end()
        except (NoRoom, OSError) as error:
            click.echo(f"{self._id}: {error}", err=True)
            self.put_back()
            self._next_look = time.monotonic() + AFTER_NO_ROOM
        return self._job

    def put_back(self) -> None:
        """Stop what is carried out; it waits again."""
        training_id = self._id
        self._end()
        if training_id:
            change(self._trainings, training_id, steps.put_back)

    def _begin(self) -> None:
        kept = self._trainings.next(small=self._small)
        if kept is None:
            self._next_look = time.monotonic() + IDLE
            return
        self._id = kept.training.id
        begun = self._trainings.change(self._id, steps.begun).training
        if begun.state in BUSY:
            self._job = Job(self._settings, self._trainings.path(self._id), begun, self._lock)

    def _look_after(self, job: Job) -> None:
        if result := job.result(self._trainings.get(self._id).training.state):
            self._trainings.change(self._id, partial(steps.ended, result))
            self._end()

    def _end(self) -> None:
        if self._job:
            self._job.kill()
        self._id, self._job = "", None


def change(trainings: Trainings, training_id: str, step: "Callable[[Kept], Kept]") -> None:
    """Change a training, unless it is gone or nothing can be written."""
    with suppress(UnknownTraining, NoRoom):
        trainings.change(training_id, step)


@click.command()
@click.option("--once", is_flag=True, help="End when all that waits is done.")
def main(*, once: bool) -> None:
    """Carry out the trainings that are requested over HTTP, one after the other.

    They are in VAR_DIR/trainings; versions are written to MODELS_DIR. Never two workers work at the
    same time: a second one waits for the first.
    """
    try:
        run(Settings.from_environment(), once=once)
    except NoRoom as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
