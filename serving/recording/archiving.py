"""The archive, as processes use it that do not import its libraries: by a process that ends.

That process is `serving.archive.process`. A request is a line of JSON on its standard input, since
the URL of a database may have a password; it answers in lines of JSON.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import msgspec

from serving import clock
from serving.errors import StoreError
from serving.recording.erasure import Request as Erasure
from serving.recording.store.layouts import Layout
from serving.recording.store.rows import Feedback, Prediction
from serving.recording.store.subjects import Recorded, TrialPrediction
from serving.settings import ROOT, Settings

log = logging.getLogger(__name__)

MEMORY = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}  # others keep more


class Run(msgspec.Struct, frozen=True, tag=True):
    """Move what is old, and keep the files as they should be.

    Attributes
    ----------
    before, since : int
        Move what was predicted before the one, delete what was predicted before the other:
        milliseconds since 1970, UTC.
    """

    before: int
    since: int = 0
    model: str | None = None

    @classmethod
    def of(
        cls, settings: Settings, now: int, days: int | None = None, model: str | None = None
    ) -> "Run":
        """Describe a run by the settings; `days` instead of `ARCHIVE_AFTER`."""
        days = settings.archive_after if days is None else days
        kept = settings.retention_days
        since = now - kept * clock.DAY if kept else 0
        return cls(clock.day_of(now) - days * clock.DAY, since, model)


class Erase(msgspec.Struct, frozen=True, tag=True):
    """Erase what requests name."""

    requests: list[Erasure]


class Find(msgspec.Struct, frozen=True, tag=True):
    """Find what is recorded under the keys of a person."""

    keys: list[str]


class Request(msgspec.Struct, frozen=True):
    """What is to be done, and where."""

    task: Run | Erase | Find
    store_url: str
    archive_url: str
    folder: str


class Done(msgspec.Struct, tag=True):
    """It is done; the last line.

    Attributes
    ----------
    moved : dict of str to int
        How many predictions of each model were moved.
    files, bytes : int
        How many files that made, and of what size.
    with_feedback, joined, deleted : int
        How many files were written anew since feedback came, written in place of small ones, and
        deleted for their age.
    """

    moved: dict[str, int] = {}
    files: int = 0
    bytes: int = 0
    with_feedback: int = 0
    joined: int = 0
    deleted: int = 0


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Why it failed; the last line."""

    message: str
    public: str


class Found(msgspec.Struct, frozen=True, tag=True):
    """Some of what is recorded about a person: rows of the store, see `StoredRows`.

    Attributes
    ----------
    layouts : dict of int to (str, str)
        The fields and classes of the predictions, by the number that ends them.
    """

    model: str
    predictions: list[list[Any]]
    feedback: list[list[Any]]
    trials: list[list[Any]]
    layouts: dict[int, tuple[str, str]]

    def recorded(self) -> Recorded:
        """Return the same as the store does."""
        return Recorded(
            [
                Prediction.of(
                    [*row[:2], self.model, *row[2:-1]], None, Layout(*self.layouts[row[-1]])
                )
                for row in self.predictions
            ],
            [Feedback.of(row[: len(Feedback.__struct_fields__)]) for row in self.feedback],
            [TrialPrediction.of(row) for row in self.trials],
        )


_answer = msgspec.json.Decoder[Done | Failed | Found](Done | Failed | Found).decode


class Archive:
    """The archive at a URL.

    Parameters
    ----------
    url : str
        `ARCHIVE_URL`; empty if there is none.
    folder : Path
        `VAR_DIR`.
    """

    def __init__(self, store_url: str, url: str, folder: Path) -> None:
        self.url, self._store_url, self._folder = url, store_url, folder
        self._erasing: tuple[Sequence[Erasure], subprocess.Popen[bytes]] | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the archive of the service."""
        return cls(settings.store_url, settings.archive_url, settings.var_dir)

    def start(self, task: Run | Erase | Find) -> subprocess.Popen[bytes]:
        """Start the process.

        Raises
        ------
        StoreError
        """
        if not self.url:
            raise StoreError(
                "predictions are archived, and ARCHIVE_URL is not set, so they cannot be read"
            )
        if find_spec("pyarrow") is None:
            raise StoreError("the archive needs pyarrow: pip install -r requirements-parquet.txt")
        request = Request(task, self._store_url, self.url, str(self._folder.absolute()))
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "serving.archive.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
                env=MEMORY | os.environ,
            )
            if process.stdin:
                process.stdin.write(msgspec.json.encode(request) + b"\n")
                process.stdin.close()
        except OSError as error:  # or it ended before it has read what it is to do
            raise StoreError(f"the process of the archive cannot be used: {error}") from error
        return process

    def run(self, settings: Settings, now: int) -> bool:
        """Move what is old, in a process that it waits for; log what became of it.

        Returns
        -------
        bool
            Whether nothing failed.
        """
        try:
            with self.start(Run.of(settings, now)) as process:
                *_, done = answers(process)
        except StoreError as error:
            log.warning("what is old is not archived yet, and stays in the store: %s", error)
            return False
        if isinstance(done, Done) and done.moved:
            log.info("archived %d predictions", sum(done.moved.values()))
        return True

    def find(self, keys: Sequence[str]) -> Iterator[Recorded]:
        """Yield what the archive has about a person.

        Raises
        ------
        StoreError
        """
        with self.start(Find([*keys])) as process:
            try:
                for each in answers(process):
                    if isinstance(each, Found):
                        yield each.recorded()
            finally:
                process.kill()

    def has_erased(self, requests: Sequence[Erasure], seconds: float) -> bool:
        """Erase what requests name, in a process that goes on; return whether it is done.

        Parameters
        ----------
        seconds : float
            For which it is waited for.

        Raises
        ------
        StoreError
            If it failed; the next call tries again.
        """
        if not self._erasing:
            self._erasing = [*requests], self.start(Erase([*requests]))
        begun, process = self._erasing
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._erasing = None
        with process:
            for _ in answers(process):
                pass
        return all(each in begun for each in requests)  # others are next


def answers(process: subprocess.Popen[bytes]) -> Iterator[Found | Done]:
    """Yield what a process reports; the last is `Done`.

    Raises
    ------
    StoreError
        If it failed, or ended before.
    """
    for line in process.stdout or ():
        answer = _answer(line)
        if isinstance(answer, Failed):
            raise StoreError(answer.message, public=answer.public)
        yield answer
        if isinstance(answer, Done):
            return
    raise StoreError(f"the process of the archive ended by {process.wait()}")
