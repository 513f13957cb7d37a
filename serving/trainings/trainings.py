"""The trainings in VAR_DIR, each a folder with its state, its file and its log."""

import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from serving import clock
from serving.errors import NoRoom, TrainingRefused, UnknownTraining, without_path
from serving.inputs.shown import shown
from serving.lock import locked
from serving.trainings.files import FILE, FINISHED, STATE, read, replace
from serving.trainings.training import WAITING, Kept, Training

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = re.compile(r"[0-9a-f]{12}")
HIDDEN = "."  # how the name of a folder begins that is no training: one that comes or goes
MAX_IDLE, MAX_IDLE_FILES, MAX_WAITING = 50, 10, 20  # trainings
SMALL = 4_000_000  # bytes of a file that is read in seconds
KEPT_SECONDS = 86_400  # for which a file is kept that is not used

Change = Callable[[Kept], Kept]


class Trainings:
    """The trainings of a folder, which several processes use at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Kept]:
        """Read all trainings, the newest first."""
        found = []
        with suppress(OSError):  # none yet
            for each in self.folder.iterdir():
                if ID.fullmatch(each.name):
                    with suppress(UnknownTraining):  # it goes just now
                        found.append(read(each))
        return sorted(found, key=lambda each: each.training.created, reverse=True)

    def get(self, training_id: str) -> Kept:
        """Read a training.

        Raises
        ------
        UnknownTraining
        """
        return read(self.path(training_id))

    def path(self, training_id: str) -> Path:
        """Return the folder of a training.

        Raises
        ------
        UnknownTraining
            If this cannot be the id of one.
        """
        if not ID.fullmatch(training_id):
            raise UnknownTraining(f"no training has the id {shown(training_id)}")
        return self.folder / training_id

    def next(self, *, small: bool | None = None) -> Kept | None:
        """Return what is to be done next: files are read before models are trained.

        Parameters
        ----------
        small : bool, optional
            Only small files that are to be read, or only all else.
        """
        waiting = [
            each
            for each in self.all()
            if each.training.state in WAITING and small in (None, _is_small(each.training))
        ]
        return min(
            waiting, key=lambda each: (each.training.state != "reading", each.since), default=None
        )

    def create(
        self, training: Training, write: Callable[[IO[bytes]], object] | None = None
    ) -> Training:
        """Add a training, with its file if it has one; the file is complete, or nothing is added.

        Raises
        ------
        NoRoom
            If nothing can be written, or the disk is full.
        TrainingRefused
            If too many wait already.
        """
        self._require_room()  # before a file is received
        with _writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.clean()
            made = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=self.folder))
            try:
                size = 0
                if write:
                    with (made / FILE).open("wb") as file:
                        write(file)
                        size = file.tell()
                training_id = secrets.token_hex(6)
                training = msgspec.structs.replace(
                    training, id=training_id, bytes=size, created=_now(), has_file=bool(write)
                )
                replace(made / STATE, Kept(training=training, since=training.created))
                with self._one_more():
                    made.rename(self.folder / training_id)
            except BaseException:
                shutil.rmtree(made, ignore_errors=True)
                raise
        return training

    def change(self, training_id: str, change: Change) -> Kept:
        """Change a training, while no other process does.

        Parameters
        ----------
        change : callable
            Returns what is to be kept instead; it may refuse.

        Raises
        ------
        UnknownTraining, NoRoom
        TrainingRefused
            If it would wait, and too many do already.
            And what `change` raises.
        """
        folder = self.path(training_id)
        try:
            with locked(folder):
                before = read(folder)
                after = change(before)
                waits = after.training.state in WAITING and before.training.state not in WAITING
                if after != before:
                    with self._one_more() if waits else nullcontext(), _writing():
                        replace(folder / STATE, after)
                if after.training.state in FINISHED:
                    (folder / FILE).unlink(missing_ok=True)
                return read(folder)
        except (FileNotFoundError, NotADirectoryError):
            raise UnknownTraining(f"no training has the id {shown(training_id)}") from None

    def delete(self, training_id: str) -> None:
        """Delete a training, with its file and log; what works on it notices, and ends.

        Raises
        ------
        UnknownTraining, NoRoom
        """
        gone = self.folder / f"{HIDDEN}{training_id}.{secrets.token_hex(4)}"
        try:
            with _writing():
                self.path(training_id).rename(gone)
        except FileNotFoundError:
            raise UnknownTraining(f"no training has the id {shown(training_id)}") from None
        shutil.rmtree(gone, ignore_errors=True)

    def clean(self) -> None:
        """Delete the oldest trainings if they are many, files that nobody uses, and leftovers."""
        idle = [each for each in self.all() if each.training.state not in WAITING]
        for each in idle[MAX_IDLE:]:
            self._if_idle(each.training.id, lambda folder: self.delete(folder.name))
        files = [self.folder / each.training.id / FILE for each in idle[:MAX_IDLE]]
        there = [file for file in files if file.exists()]
        for place, file in enumerate(there):
            if place >= MAX_IDLE_FILES or _is_old(file):
                self._if_idle(file.parent.name, lambda folder: (folder / FILE).unlink())
        for folder in self.folder.glob(f"{HIDDEN}*/"):
            if _is_old(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def _require_room(self) -> None:
        if sum(each.training.state in WAITING for each in self.all()) >= MAX_WAITING:
            raise TrainingRefused(
                f"{MAX_WAITING} trainings are waiting: wait until one is done, or cancel one"
            )

    @contextmanager
    def _one_more(self) -> "Iterator[None]":
        """Let one more wait, unless too many do; no other process lets one meanwhile."""
        with locked(self.folder):
            self._require_room()
            yield

    def _if_idle(self, training_id: str, act: Callable[[Path], object]) -> None:
        """Act on a training's folder, unless it has been started meanwhile, or is gone."""
        folder = self.path(training_id)
        gone = (FileNotFoundError, NotADirectoryError, UnknownTraining, NoRoom)
        with suppress(*gone), locked(folder):
            if read(folder).training.state not in WAITING:
                act(folder)


@contextmanager
def _writing() -> "Iterator[None]":
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NoRoom(
            f"nothing can be written to VAR_DIR/trainings: {without_path(error)}"
        ) from error


def _is_small(training: Training) -> bool:
    return training.state == "reading" and training.bytes <= SMALL


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - KEPT_SECONDS
    except OSError:
        return False


def _now() -> str:
    return clock.iso(clock.now())
