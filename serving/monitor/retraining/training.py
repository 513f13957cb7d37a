"""A training as a process of its own, for serving knows nothing of training."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from typing import NamedTuple

from serving.errors import SettingsError
from serving.settings import Settings

LIMIT = 3_600.0  # seconds
WRITTEN = re.compile(r".* (?P<version>[0-9]+) is in ")  # as a training reports it
UNKNOWN = 2  # what a command line exits with that knows no such command


class Trained(NamedTuple):
    """How a training ended.

    Attributes
    ----------
    version : int or None
        The one that it wrote.
    known : bool
        Whether training knows the model by its name.
    reason : str
        Why there is no version.
    """

    version: int | None
    known: bool = True
    reason: str = ""


def require(settings: Settings) -> None:
    """Make sure that this installation can train, and keep what it trains.

    Raises
    ------
    SettingsError
    """
    if not (find_spec("train") and find_spec("skl2onnx")):
        raise SettingsError(
            "AUTO_RETRAIN=on: this installation, as the image does, has only what serves. Run "
            "`AUTO_RETRAIN=on .venv/bin/adega monitor` where train/ and all of requirements.txt "
            "are, with the same MODELS_DIR and the same DATABASE_URL or VAR_DIR"
        )
    if not os.access(settings.models_dir, os.W_OK):
        raise SettingsError(
            f"AUTO_RETRAIN=on: no version can be written to MODELS_DIR, {settings.models_dir}"
        )


class Training:
    """`python -m train MODEL --with-feedback`, from its start to its end."""

    def __init__(self, settings: Settings, model: str) -> None:
        self.model = model
        self._deadline = time.monotonic() + LIMIT
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        environment = os.environ | {
            "MODELS_DIR": str(settings.models_dir),
            "VAR_DIR": str(settings.var_dir),
            "DATABASE_URL": settings.database_url,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "train", model, "--with-feedback"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            start_new_session=True,
        )

    def ended(self) -> Trained | None:
        """How it ended; None while it runs."""
        code = self._process.poll()
        if code is None and time.monotonic() < self._deadline:
            return None
        if code is None:
            self.stop()
            return Trained(None, reason=f"it took longer than {LIMIT:.0f} s")
        said = self._lines()
        self._said.close()
        if code:
            reason = said[-1].removeprefix("Error: ") if said else f"it ended with {code}"
            return Trained(None, code != UNKNOWN, reason)
        written = map(WRITTEN.match, said)  # of two trainings at once, each knows its own
        return next(
            (Trained(int(found["version"])) for found in written if found),
            Trained(None, reason="it did not say which version it wrote"),
        )

    def wait(self) -> None:
        """Wait for its end, or its time's."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, self._deadline - time.monotonic()))

    def stop(self) -> None:
        """End it, with whatever it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._said.close()

    def _lines(self) -> list[str]:
        self._said.seek(0)
        return self._said.read().decode(errors="replace").strip().splitlines()
