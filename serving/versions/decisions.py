"""Which version of a model is live, which is tried, which are retired; and who decided so.

What is decided is kept in small files of the model's own folder, not in a database: whatever shares
the folder (other hosts, a command on the host of a container) shares the decision, and a service
starts with its database down. Where a process may not write there, as in a container that has the
folder read-only, it keeps the same files under `VAR_DIR`. Of two the newer holds. Whoever decides
holds the lock of the model's folder meanwhile, so every decision follows on the one before.

current           the live version
trial            the version that is tried on live traffic, if any
retired           versions that are not served any more
decisions.jsonl   every decision, and every retraining of the monitor, a line each
"""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec

from serving.errors import ArtefactError, UnknownVersion, without_path
from serving.lock import locked
from serving.models import model_folder
from serving.models.model_folder import CURRENT

log = logging.getLogger(__name__)

TRIAL, RETIRED, LOG = "trial", "retired", "decisions.jsonl"

Stamp = tuple[int, ...]
Action = Literal["promote", "rollback", "trial", "retire", "retrain"]

FILES: dict[Action, str] = {
    "promote": CURRENT,
    "rollback": CURRENT,
    "trial": TRIAL,
    "retire": RETIRED,
}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Who decided what, when and why.

    Attributes
    ----------
    time : int
        Milliseconds since 1970, UTC.
    before : int or None
        The version that was live, or tried, until then.
    version : int or None
        The version decided on, or made by a retraining; None where none is tried any more, or
        none was made.
    overruled : tuple of str
        What the gate had against it.
    """

    time: int
    model: str
    action: Action
    before: int | None
    version: int | None
    who: str
    why: str = ""
    overruled: tuple[str, ...] = ()


class Decisions:
    """What is decided for the models of a folder.

    Parameters
    ----------
    models_dir : Path
    own_dir : Path
        Where decisions are kept that may not be written there.
    """

    def __init__(self, models_dir: Path, own_dir: Path) -> None:
        self.models_dir, self.own_dir = models_dir, own_dir

    def models(self) -> list[str]:
        """The models that have a live version."""
        return model_folder.live_models(self.models_dir)

    def stamps(self) -> dict[str, Stamp]:
        """By model that has a live version: what changes with its decisions and its versions.

        It takes some 20 microseconds a model, so it can be called every second.
        """
        stamps = {}
        for model in self.models():
            paths = [
                f"{folder}/{model}{file}"  # the folder itself changes with the files put into it
                for folder in (self.models_dir, self.own_dir)
                for file in ("", f"/{CURRENT}", f"/{TRIAL}")
            ]
            stamps[model] = tuple(part for path in paths for part in _changed(path))
        return stamps

    def live(self, model: str) -> int:
        """The live version.

        Raises
        ------
        ArtefactError
            If none is named.
        """
        return model_folder.live_version(*self._folders(model))

    def trial(self, model: str) -> int | None:
        """The version that is tried on live traffic.

        Raises
        ------
        ArtefactError
        """
        return next(iter(self._numbers(model, TRIAL)), None)

    def retired(self, model: str) -> list[int]:
        """The versions that are not served any more.

        Raises
        ------
        ArtefactError
        """
        return self._numbers(model, RETIRED)

    def require(self, model: str, version: int) -> None:
        """Make sure that a version of a model is there, and may be served.

        Raises
        ------
        UnknownVersion, ArtefactError
        """
        there = model_folder.versions(self.models_dir / model)
        if version not in there:
            listed = ", ".join(map(str, there))
            raise UnknownVersion(f"{model} has no version {version}; there are {listed}")
        if version in self.retired(model):
            raise UnknownVersion(f"{model} {version} is retired")

    def history(self, model: str) -> list[Decision]:
        """Every decision on a model, the latest first.

        Raises
        ------
        ArtefactError
            If the decisions cannot be read.
        """
        lines: list[bytes] = []
        for folder in self._folders(model):
            try:
                lines += (folder / LOG).read_bytes().splitlines()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue  # nothing is decided there
            except OSError as error:
                raise ArtefactError(
                    f"{model}: {LOG} cannot be read: {without_path(error)}"
                ) from error
        decisions = []
        for line in reversed(lines):
            with suppress(msgspec.DecodeError, UnicodeDecodeError):  # half a line, or no decision
                decisions.append(msgspec.json.decode(line, type=Decision))
        return sorted(decisions, key=lambda decision: -decision.time)

    @contextmanager
    def deciding(self, model: str) -> Iterator[None]:
        """Hold a model, so that what is read of it still holds when it is decided on.

        It is the model's own folder that is locked, be it read-only, so that all who share it wait
        for one another; where its file system knows no locks, the folder of this service's own.

        Raises
        ------
        ArtefactError
            If neither can be locked.
        """
        with ExitStack() as held:
            try:
                held.enter_context(locked(self.models_dir / model))
            except OSError as error:
                log.warning("%s: its folder cannot be locked: %s", model, error)
                try:
                    (self.own_dir / model).mkdir(parents=True, exist_ok=True)
                    held.enter_context(locked(self.own_dir / model))
                except OSError as second:
                    raise ArtefactError(
                        f"{model}: no folder of it can be locked: {without_path(second)}"
                    ) from second
            yield

    def take(self, decision: Decision) -> None:
        """Record a decision, and then let it hold; to be called while `deciding`.

        Raises
        ------
        ArtefactError
            If it can be kept nowhere.
        """
        model, version = decision.model, decision.version
        numbers = [] if version is None else [version]
        if decision.action == "retire":
            numbers = sorted({*self.retired(model), *numbers})
        file = FILES.get(decision.action)
        failures = []
        for folder in self._folders(model):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                _append(folder / LOG, msgspec.json.encode(decision))
                if file:
                    model_folder.replace_file(
                        folder / file, "".join(f"{number}\n" for number in numbers)
                    )
            except OSError as error:
                log.warning("the decision cannot be kept there: %s", error)
                failures.append(without_path(error))
            else:
                return
        raise ArtefactError(
            f"{model}: the decision can be kept nowhere: {'; '.join(dict.fromkeys(failures))}"
        )

    def _folders(self, model: str) -> Iterator[Path]:
        yield self.models_dir / model
        yield self.own_dir / model

    def _numbers(self, model: str, file: str) -> list[int]:
        return model_folder.listed_versions(file, *self._folders(model))


def _append(file: Path, line: bytes) -> None:
    """Add a line for good; what is left of one before, cut off by a full disk, spoils none."""
    with file.open("ab+") as log_file:
        if log_file.tell():
            log_file.seek(-1, os.SEEK_END)
            line = line if log_file.read(1) == b"\n" else b"\n" + line
        log_file.write(line + b"\n")
        log_file.flush()
        os.fsync(log_file.fileno())


def _changed(path: str) -> tuple[int, int]:
    """What changes with a file: of two that are put there at once the time may be the same."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - Path.stat costs five times as much
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_ino
