"""The worker that carries out trainings: whether one runs or can, and how one is started."""

import fcntl
import logging
import os
import subprocess
import sys
import threading
import time
from importlib.util import find_spec

import msgspec

from serving import COMMAND
from serving.errors import SettingsError
from serving.models.model_folder import may_write
from serving.models.signatures import key_for_new_versions
from serving.sentence import Sentence
from serving.settings import ROOT, Settings
from serving.trainings.environment import environment
from serving.trainings.trainings import Trainings

log = logging.getLogger(__name__)

PAUSE = 300.0  # seconds between two looks at what is left
LOCK = ".worker.lock"  # that a worker holds, and what it has started


class TrainingWorker(msgspec.Struct, frozen=True):
    """Whether trainings are carried out.

    Attributes
    ----------
    runs : bool
        Whether a worker runs, or one will be started when there is something to do.
    why : str
        Why not, and what to do; empty if it is true.
    """

    runs: bool
    why: str


def can_train() -> bool:
    """Whether training and its libraries are installed."""
    return bool(find_spec("train") and find_spec("skl2onnx"))


def why_not(settings: Settings) -> Sentence | None:
    """Return why this installation cannot train and write versions; None if it can."""
    if not can_train():
        return Sentence(
            "this installation can only serve: train/ or what it needs is not installed"
        )
    if not settings.models_url and not may_write(settings.models_dir):
        return Sentence(
            "no version can be written to MODELS_DIR, {folder}", folder=settings.models_dir
        )
    try:
        key_for_new_versions(settings)
    except SettingsError as error:
        return Sentence("{why}", why=str(error))
    return None


class Starter:
    """Starts a worker when there is something to do, if this installation can train.

    Parameters
    ----------
    frozen : bool
        Whether nothing runs between two requests.
    """

    def __init__(self, settings: Settings, *, frozen: bool = False) -> None:
        self._settings, self._frozen = settings, frozen
        self._trainings = Trainings(settings.trainings_dir)
        self._started: subprocess.Popen[bytes] | None = None

    def why_idle(self) -> Sentence | None:
        """Return why no worker runs nor can be started, and what to do; None if one does."""
        if self._is_running() or not (why := self._why_not()):
            return None
        return Sentence(
            "{why}: run `{command} train worker` where it can, with the same VAR_DIR and models; "
            "with Docker, `docker compose up` starts it",
            why=why,
            command=COMMAND,
        )

    def state(self) -> TrainingWorker:
        """Whether a worker runs, or can be started."""
        why = self.why_idle()
        return TrainingWorker(runs=why is None, why=str(why or ""))

    def start(self) -> None:
        """Start a worker that ends when all is done, if something waits and none runs."""
        if self._started and self._started.poll() is None:
            return  # it may not have the lock yet
        if not self._trainings.next() or self._is_running() or self._why_not():
            return  # one that ends just now looks again after it has released its lock
        self._started = process = subprocess.Popen(
            [sys.executable, "-m", "train.worker", "--once"],
            cwd=ROOT,
            env=environment(self._settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it goes on when the service ends
        )
        threading.Thread(target=process.wait, daemon=True).start()
        log.info("a worker for trainings is started: process %d", process.pid)

    def follow(self) -> None:
        """Start a worker for what is left, and delete what is old, now and every few minutes."""
        threading.Thread(target=self._keep_following, daemon=True).start()

    def _keep_following(self) -> None:
        while True:
            try:
                self.start()
                self._trainings.clean()
            except OSError:
                log.exception("trainings are not carried out")
            time.sleep(PAUSE)

    def _why_not(self) -> Sentence | None:
        """Return why this service starts no worker; None if it does."""
        if self._frozen:
            return Sentence("nothing runs here between two requests")
        if not self._settings.training_worker:
            return Sentence("no worker runs, and with TRAINING_WORKER=off the service starts none")
        folders = (self._settings.var_dir, *self._settings.var_dir.parents)
        if not os.access(next(each for each in folders if each.exists()), os.W_OK):
            return Sentence(
                "nothing can be written to VAR_DIR, {folder}", folder=self._settings.var_dir
            )
        return why_not(self._settings)

    def _is_running(self) -> bool:
        try:
            with (self._trainings.folder / LOCK).open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # there is none yet, or it cannot be written
            return False
        return False
