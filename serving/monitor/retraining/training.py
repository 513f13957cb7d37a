"""A training as a process of its own, for serving knows nothing of training."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from typing import NamedTuple

from serving.errors import SettingsError
from serving.models import artefact
from serving.settings import Settings

LIMIT = 3_600.0  # seconds
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
            "`AUTO_RETRAIN=on python -m serving monitor` where train/ and all of requirements.txt "
            "are, with the same MODELS_DIR and the same DATABASE_URL or VAR_DIR"
        )
    if not os.access(settings.models_dir, os.W_OK):
        raise SettingsError(
            f"AUTO_RETRAIN=on: no version can be written to MODELS_DIR, {settings.models_dir}"
        )


class Training:
    """`python -m train MODEL --with-feedback`, from its start to its end."""

    def __init__(self, settings: Settings, model: str) -> None:
        self.model, self._folder = model, settings.models_dir / model
        self._before = max(artefact.versions(self._folder))
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
        said = self._last_line()
        self._said.close()
        if code == 0:
            return Trained(max(artefact.versions(self._folder)))
        return Trained(None, code != UNKNOWN, said or f"it ended with {code}")

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

    def _last_line(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("Error: ") if lines else ""
