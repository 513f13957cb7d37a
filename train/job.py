"""One training that is carried out: its process, its log, what it may take and what it leaves."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from serving import clock
from serving.sentence import Sentence
from serving.settings import ROOT, Settings
from serving.trainings.environment import environment
from serving.trainings.files import LOG, PROGRESS, RESULT
from serving.trainings.training import Result, Training
from train.memory.group import of_group

TICK = 0.25  # seconds
MAX_LOG = 2_000_000  # bytes
MEGABYTE, MINUTE = 1e6, 60.0
LEFT_OUT = b"\n... what was printed here is left out, as it was too much ...\n"


class Job:
    """The process of a training that has begun.

    Parameters
    ----------
    folder : Path
        That of the training.
    lock : file
        Which no other worker gets before the process has ended too.

    Raises
    ------
    OSError
    """

    def __init__(
        self, settings: Settings, folder: Path, training: Training, lock: BinaryIO
    ) -> None:
        self._settings, self._folder, self._state = settings, folder, training.state
        for leftover in (PROGRESS, RESULT):
            (folder / leftover).unlink(missing_ok=True)
        writes = training.state == "training"
        with (folder / LOG).open("ab") as log:
            log.write(f"{clock.to_seconds(clock.now())} {training.state}\n".encode())
            log.flush()
            self._began = time.monotonic()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "train.requested.carry_out", training.id],
                cwd=ROOT,
                env=environment(
                    settings, writes=writes, feedback=writes and training.with_feedback
                ),
                stdin=subprocess.PIPE,  # its end, even by a kill of this process, ends that one
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )

    def wait(self) -> None:
        """Wait a moment, or until the process has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(TICK)

    def result(self, state: str) -> Result | None:
        """Return what has become of it; None while it goes on.

        Parameters
        ----------
        state : str
            Of the training now; another than when it began ends it.

        Raises
        ------
        OSError
        """
        code = self._process.poll()
        why = None if code is not None else self._why_not(state)
        if code is None and not why:
            self._bound_log()
            return None
        self.kill()
        return left(self._folder) or Result.failed(why or _ended_with(code))

    def kill(self) -> None:
        """End the process with all that it has started, and forget how far it was."""
        stdin = self._process.stdin
        if stdin is None or stdin.closed:
            return  # it has ended, and its number may be another's by now
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        stdin.close()
        (self._folder / PROGRESS).unlink(missing_ok=True)

    def _why_not(self, state: str) -> Sentence | None:
        """Return why it may not go on; None if it may."""
        max_mb, max_minutes = self._settings.training_max_mb, self._settings.training_max_minutes
        if state != self._state:
            return Sentence("it was cancelled")
        if of_group(self._process.pid) > max_mb * MEGABYTE:
            return Sentence(
                "it took more than the {max:,} MB of memory that TRAINING_MAX_MB allows: send "
                "fewer rows, use fewer columns, or have that setting raised",
                max=max_mb,
            )
        if time.monotonic() > self._began + max_minutes * MINUTE:
            return Sentence(
                "it took longer than the {max:,} {max:minute|minutes} that TRAINING_MAX_MINUTES "
                "allows: choose a faster estimator than auto, such as linear, send fewer rows, "
                "or have that setting raised",
                max=max_minutes,
            )
        return None

    def _bound_log(self) -> None:
        """Keep the beginning of a log that is too long, and what comes next."""
        log = self._folder / LOG
        if log.stat().st_size > MAX_LOG:
            os.truncate(log, MAX_LOG // 2)
            with log.open("ab") as file:
                file.write(LEFT_OUT)


def left(folder: Path) -> Result | None:
    """Read what the process of a training has left, if it came to its end."""
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((folder / RESULT).read_bytes(), type=Result)
    return None


def _ended_with(code: int | None) -> Sentence:
    if code == -signal.SIGKILL:
        return Sentence(
            "it was killed, as happens where the machine has no memory left: send fewer rows, or "
            "use fewer columns"
        )
    return Sentence("its process ended with {code}; its log has more", code=code)
