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
from typing import Self

import msgspec

from serving.errors import StoreError
from serving.recording.archive_messages import Done, Erase, Failed, Find, Found, Request, Run
from serving.recording.erasure import Request as Erasure
from serving.recording.store.subjects import Recorded
from serving.settings import ROOT, Settings

log = logging.getLogger(__name__)

MEMORY = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}  # others keep more

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
