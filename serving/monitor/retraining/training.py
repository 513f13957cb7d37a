"""A training in a process of its own, since serving does not import train."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import NamedTuple

from serving.errors import SettingsError
from serving.settings import Settings
from serving.trainings.environment import environment
from serving.trainings.worker import can_train, why_not

LIMIT = 3_600.0  # seconds
WRITTEN = re.compile(r".* (?P<version>[0-9]+) is in ")  # as training prints it
UNKNOWN = 2  # exit code for an unknown problem


class TrainingResult(NamedTuple):
    """How a training ended.

    Attributes
    ----------
    version : int or None
        The version that it wrote.
    is_problem : bool
        Whether training knows the model by its name.
    reason : str
        Why there is no version.
    """

    version: int | None
    is_problem: bool = True
    reason: str = ""


def require_training(settings: Settings) -> None:
    """Raise an error unless this installation can train and write versions.

    Raises
    ------
    SettingsError
    """
    if not can_train():
        raise SettingsError(
            "AUTO_RETRAIN=on: this installation can only serve. Run "
            "`AUTO_RETRAIN=on .venv/bin/adega monitor` where train/ and all of requirements.txt "
            "are, with the same MODELS_DIR or MODELS_URL and the same DATABASE_URL or VAR_DIR"
        )
    if why := why_not(settings):
        raise SettingsError(f"AUTO_RETRAIN=on: {why}")


class Training:
    """`python -m train MODEL --with-feedback`, from its start to its end."""

    def __init__(self, settings: Settings, model: str) -> None:
        self.model = model
        self._result: TrainingResult | None = None
        self._deadline = time.monotonic() + LIMIT
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "train", model, "--with-feedback", "--unrecorded"],
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )

    def result(self) -> TrainingResult | None:
        """Return how it ended; None while it runs."""
        if self._result:
            return self._result
        code = self._process.poll()
        if code is None and time.monotonic() < self._deadline:
            return None
        self._result = self._read_result(code)
        return self._result

    def _read_result(self, code: int | None) -> TrainingResult:
        """Read what it printed; `code` is None if its time is over."""
        if code is None:
            self.stop()
            return TrainingResult(None, reason=f"it took longer than {LIMIT:.0f} s")
        lines = self._lines()
        self._output.close()
        if code:
            reason = lines[-1].removeprefix("Error: ") if lines else f"it exited with {code}"
            return TrainingResult(None, code != UNKNOWN, reason)
        written = map(WRITTEN.match, lines)  # two may run at once: each prints its own version
        return next(
            (TrainingResult(int(found["version"])) for found in written if found),
            TrainingResult(None, reason="it did not print which version it wrote"),
        )

    def wait(self) -> None:
        """Wait until it ends, or its time is over."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, self._deadline - time.monotonic()))

    def stop(self) -> None:
        """Kill it, with all processes that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._output.close()

    def _lines(self) -> list[str]:
        self._output.seek(0)
        return self._output.read().decode(errors="replace").strip().splitlines()
