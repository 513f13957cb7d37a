"""The versions that are in memory; if there are too many, the least recently used are dropped."""

import os
from collections.abc import Callable, Collection
from itertools import count

from serving import memory
from serving.errors import ArtefactError
from serving.models.engine import Engine
from serving.models.manifest import Manifest
from serving.versions.reader import VersionReader
from serving.versions.rehearsal import rehearse

Key = tuple[str, int]  # of a version: its model and its number
Stamp = list[tuple[str, int, int]]


class Engines:
    """Loaded versions; to be changed by one thread at a time.

    Parameters
    ----------
    max_loaded : int
        How many versions are kept in memory.
    check : callable
        Raises ArtefactError if the service's settings do not allow a version to be served.

    Attributes
    ----------
    loaded : dict of (str, int) to Engine
    """

    def __init__(
        self, decisions: VersionReader, max_loaded: int, check: Callable[[Manifest], None]
    ) -> None:
        self.decisions, self.max_loaded, self.check = decisions, max_loaded, check
        self.loaded: dict[Key, Engine] = {}
        self._used: dict[Key, int] = {}  # by version: the turn of the clock when it was last used
        self._clock = count()
        self._failed: dict[Key, tuple[Stamp, str]] = {}

    def get(self, key: Key) -> Engine | None:
        """Return a version for use, if it is loaded."""
        engine = self.loaded.get(key)
        if engine is not None:
            self._used[key] = next(self._clock)
        return engine

    def load(self, key: Key, needed: Collection[Key]) -> Engine:
        """Load a version if it is not loaded; one that failed is read again only when it changed.

        Parameters
        ----------
        needed : collection of (str, int)
            The versions that are not dropped to make room.

        Raises
        ------
        ArtefactError
        """
        if engine := self.get(key):
            return engine
        stamp = _stamp(self.folder(key))
        if key in self._failed and self._failed[key][0] == stamp:
            raise ArtefactError(self._failed[key][1])
        try:
            read = self.decisions.read(*key)
            self.check(read.manifest)
            engine = rehearse(read)
        except ArtefactError as error:
            self._failed[key] = stamp, str(error)
            raise
        self._failed.pop(key, None)
        self.loaded[key], self._used[key] = engine, next(self._clock)
        spare = sorted(
            self.loaded.keys() - {key, *needed}, key=lambda other: self._used.get(other, 0)
        )
        for other in spare[: max(0, len(self.loaded) - self.max_loaded)]:
            self.drop(other)
        memory.give_memory_back()
        return engine

    def drop(self, key: Key) -> None:
        """Take a version out of memory; requests under way go on with it."""
        self.loaded.pop(key, None)
        self._used.pop(key, None)

    def has_failed(self, key: Key) -> bool:
        """Whether loading a version failed the last time."""
        return key in self._failed

    def failed_models(self) -> set[str]:
        """The models of which a version failed to load."""
        return {model for model, _ in self._failed}

    def folder(self, key: Key) -> str:
        """The path of a version's folder."""
        return f"{self.decisions.models_dir}/{key[0]}/{key[1]}"


def _stamp(folder: str) -> Stamp:
    """Return what changes with a version's files."""
    try:
        with os.scandir(folder) as found:
            entries = [(entry.name, entry.stat()) for entry in found]
    except OSError:
        return []
    return sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in entries)
