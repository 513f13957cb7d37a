"""The worker that carries out the trainings requested over HTTP, one after the other.

`adega train worker` runs it for ever; the service starts one with `--once`, which ends when all is
done. Each training is read or trained by a process of its own, `train.requested.carry_out`, which
this one stops when it takes too much memory or time, or is cancelled. The lock is shared with that
process: so no other worker begins anything before it has ended too.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import click
import msgspec

from serving import clock
from serving.errors import NoRoom, UnknownTraining
from serving.lock import wait_for_lock
from serving.sentence import Sentence
from serving.settings import ROOT, Settings
from serving.trainings import steps
from serving.trainings.environment import environment
from serving.trainings.training import BUSY, Kept, Result, Training
from serving.trainings.trainings import LOG, PROGRESS, RESULT, Trainings
from serving.trainings.worker import LOCK
from train.memory.group import of_group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRIES = 4  # at the lock, by a worker that ends when all is done: others only look at it
TICK, IDLE = 0.25, 1.0  # seconds
AFTER_NO_ROOM = 10.0  # seconds in which there may be room on the disk again
MEGABYTE, MINUTE = 1e6, 60.0


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
        self._settings, self._trainings, self._lock = settings, trainings, lock
        for each in trainings.all():
            if each.training.state == "training":  # its worker has ended before it
                self._change(each.training.id, steps.queued)

    def work(self) -> bool:
        """Carry out the next training; wait a moment and return False if there is none."""
        kept = self._trainings.next()
        if kept is None:
            self._trainings.clean()
            time.sleep(IDLE)
            return self._trainings.next() is not None
        training_id = kept.training.id
        try:
            self._carry_out(training_id)
        except (UnknownTraining, FileNotFoundError):  # it was deleted
            pass
        except (NoRoom, OSError) as error:
            click.echo(f"{training_id}: {error}", err=True)
            self._change(training_id, steps.put_back)
            time.sleep(AFTER_NO_ROOM)
        except BaseException:  # the worker is to end
            self._change(training_id, steps.put_back)
            raise
        return True

    def _carry_out(self, training_id: str) -> None:
        kept = self._trainings.change(training_id, steps.begun)
        if kept.training.state not in BUSY:
            return
        folder = self._trainings.path(training_id)
        for leftover in (PROGRESS, RESULT):
            (folder / leftover).unlink(missing_ok=True)
        with (folder / LOG).open("ab") as log:
            log.write(f"{clock.to_seconds(clock.now())} {kept.training.state}\n".encode())
            log.flush()
            process = self._start(kept.training, log)
            try:
                stopped = self._watch(process, training_id, kept.training.state)
            finally:
                _kill(process)
        self._trainings.change(
            training_id, partial(steps.ended, _result(folder, stopped, process.returncode))
        )

    def _start(self, training: Training, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        writes = training.state == "training"
        feedback = writes and training.with_feedback
        return subprocess.Popen(
            [sys.executable, "-m", "train.requested.carry_out", training.id],
            cwd=ROOT,
            env=environment(self._settings, writes=writes, feedback=feedback),
            stdin=subprocess.PIPE,  # its end, even by a kill of this process, ends that one
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[self._lock.fileno()],
        )

    def _watch(
        self, process: "subprocess.Popen[bytes]", training_id: str, state: str
    ) -> Sentence | None:
        """Wait until a process ends, or may not go on; return why it may not."""
        began = time.monotonic()
        max_mb, max_minutes = self._settings.training_max_mb, self._settings.training_max_minutes
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(TICK)
                return None
            if self._trainings.get(training_id).training.state != state:
                return Sentence("it was cancelled")
            if of_group(process.pid) > max_mb * MEGABYTE:
                return Sentence(
                    "it took more than the {max:,} MB of memory that TRAINING_MAX_MB allows: send "
                    "fewer rows, use fewer columns, or have that setting raised",
                    max=max_mb,
                )
            if time.monotonic() > began + max_minutes * MINUTE:
                return Sentence(
                    "it took longer than the {max:,} {max:minute|minutes} that "
                    "TRAINING_MAX_MINUTES allows: choose a faster estimator than auto, such as "
                    "linear, send fewer rows, or have that setting raised",
                    max=max_minutes,
                )

    def _change(self, training_id: str, change: "Callable[[Kept], Kept]") -> None:
        with suppress(UnknownTraining, NoRoom):
            self._trainings.change(training_id, change)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process with all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()


def _result(folder: Any, stopped: Sentence | None, code: int) -> Result:
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((folder / RESULT).read_bytes(), type=Result)
    if stopped:
        return Result.failed(stopped)
    if code == -signal.SIGKILL:
        return Result.failed(
            Sentence(
                "it was killed, as happens where the machine has no memory left: send fewer rows, "
                "or use fewer columns"
            )
        )
    return Result.failed(Sentence("its process ended with {code}; its log has more", code=code))


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
