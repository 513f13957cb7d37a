"""Which models are served, and by which version: loaded when first asked for, swapped when decided.

Loading is done beside: requests go on with the version before, and the swap is one reference.
"""

import ctypes
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from types import MappingProxyType

from serving import artefact
from serving.decisions import Decisions
from serving.engine import Engine
from serving.errors import ArtefactError, UnknownModel
from serving.manifest import Manifest

log = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between two looks at what is decided

Key = tuple[str, int]
Stamp = list[tuple[str, int, int]]


class Registry:
    """The models of a folder, by name and version.

    Parameters
    ----------
    default : str
        The model meant where none is named; the only one that is loaded at once.
    most : int
        How many versions are kept in memory; of more, the longest unused is dropped.
    vet : callable
        Raises ArtefactError where a version may not be served for reasons of the service's own.

    Attributes
    ----------
    live, shadows : mapping of str to int
        By model: the version that answers, and the one that is tried.
    broken : dict of str to str
        By model: why a version that should be served is not.

    Raises
    ------
    ArtefactError
        If the default model cannot be served.
    """

    def __init__(
        self,
        decisions: Decisions,
        default: str,
        *,
        most: int,
        vet: Callable[[Manifest], None] = lambda _: None,
    ) -> None:
        self.decisions, self.default, self.most, self.vet = decisions, default, most, vet
        self.live: Mapping[str, int] = {}
        self.shadows: Mapping[str, int] = {}
        self.broken: dict[str, str] = {}
        self._engines: dict[Key, Engine] = {}
        self._manifests: dict[Key, Manifest] = {}
        self._stamps: dict[str, tuple[int, ...]] = {}
        self._refused: dict[Key, tuple[Stamp, str]] = {}
        self._used: dict[Key, int] = {}
        self._clock = count()
        self._lock = threading.RLock()
        self.refresh()
        if default not in self.live:
            missing = f"{decisions.models_dir / default / artefact.CURRENT} is missing"
            reason = self.broken.get(default, missing)
            raise ArtefactError(f"the default model {default!r} cannot be served: {reason}")
        try:
            self.engine()
        except ArtefactError as error:
            message = f"the default model {default!r} cannot be served: {error}"
            raise ArtefactError(message) from error

    def engine(self, name: str | None = None, version: int | None = None) -> Engine:
        """A version of a model, the live one of the default model where nothing is named.

        Raises
        ------
        UnknownModel, UnknownVersion
        ArtefactError
            If it cannot be loaded.
        """
        name = name or self.default
        key = self._key(name, version)
        if version is not None:
            self._require(key)
        engine = self._engines.get(key)
        if engine is None:
            with self._lock:  # a swap that was under way may have dropped it: ask again
                key = self._key(name, version)
                engine = self._load(key)
        self._used[key] = next(self._clock)
        return engine

    def manifest(self, name: str, version: int | None = None) -> Manifest:
        """What a version of a model is, the live one if none is named.

        Raises
        ------
        UnknownModel, UnknownVersion, ArtefactError
        """
        key = self._key(name, version)
        if key not in self._manifests:
            self._require(key)
            self._manifests[key] = artefact.read_manifest(self.decisions.models_dir, *key)
        return self._manifests[key]

    @property
    def loaded(self) -> list[Key]:
        """The versions that are in memory."""
        return sorted(self._engines.copy())

    def shadow(self, name: str) -> Engine | None:
        """The version of a model that is tried on live traffic, if one is."""
        version = self.shadows.get(name)
        return self._engines.get((name, version)) if version else None

    def refresh(self) -> None:
        """Follow what is decided; a version that cannot be loaded leaves the one before serving."""
        with self._lock:
            live: dict[str, int] = {}
            shadows: dict[str, int] = {}
            broken: dict[str, str] = {}
            in_doubt = {*self.broken, *(name for name, _ in self._refused)}
            for name, stamp in self.decisions.stamps().items():
                if self._stamps.get(name) == stamp and name not in in_doubt:
                    live[name] = self.live[name]
                    shadows |= {name: self.shadows[name]} if name in self.shadows else {}
                    continue
                self._stamps[name] = stamp
                try:
                    live[name] = self._follow(name, self.decisions.current(name))
                except ArtefactError as error:
                    broken[name] = str(error)
                    live |= {name: self.live[name]} if name in self.live else {}
                try:
                    tried = self.decisions.shadow(name)
                    if tried and tried != live.get(name):  # once it is live, its trial is over
                        self._load((name, tried))
                        shadows[name] = tried
                except ArtefactError as error:
                    broken.setdefault(name, str(error))
            for name, reason in broken.items():
                if reason != self.broken.get(name):
                    log.error("%s: %s", name, reason)
            self.broken = broken
            before = {*self.live.items(), *self.shadows.items()}
            self.live, self.shadows = MappingProxyType(live), MappingProxyType(shadows)
            if gone := before - {*live.items(), *shadows.items()}:
                for key in gone:
                    self._drop(key)
                _give_memory_back()

    def follow(self) -> None:
        """Refresh now, and in a thread again and again; to be called once, after any fork."""
        self.refresh()
        threading.Thread(target=self._refresh_forever, daemon=True).start()

    def _refresh_forever(self) -> None:
        while True:
            time.sleep(PAUSE)
            try:
                self.refresh()
            except Exception:  # why: whatever one look meets, the next must still come
                log.exception("what is decided could not be followed")

    def _follow(self, name: str, version: int) -> int:
        """Load a version that takes another's place; of a new model, when it is asked for."""
        before = self.live.get(name, version)
        if before != version or (name, version) in self._refused:
            self._load((name, version))
        if before != version:
            log.info("%s %d is live, after %d", name, version, before)
        return version

    def _key(self, name: str, version: int | None) -> Key:
        return name, self._live(name) if version is None else version

    def _live(self, name: str) -> int:
        try:
            return self.live[name]
        except KeyError:
            near = get_close_matches(name[:64], self.live, 1) or sorted(self.live)
            raise UnknownModel(f"no model {name!r} is served; try {near[0]!r}") from None

    def _require(self, key: Key) -> None:
        self._live(key[0])
        self.decisions.require(*key)

    def _load(self, key: Key) -> Engine:
        """Load a version, unless it is; what was refused is read again when it has changed."""
        with self._lock:
            if key in self._engines:
                return self._engines[key]
            stamp = _stamp(self.decisions.models_dir / key[0] / str(key[1]))
            if key in self._refused and self._refused[key][0] == stamp:
                raise ArtefactError(self._refused[key][1])
            try:
                read = artefact.read(self.decisions.models_dir, *key)
                self.vet(read.manifest)
                engine = Engine(read)
            except ArtefactError as error:
                self._refused[key] = stamp, str(error)
                raise
            self._refused.pop(key, None)
            self._engines[key], self._manifests[key] = engine, read.manifest
            self._make_room(key)
            _give_memory_back()
            return engine

    def _make_room(self, newest: Key) -> None:
        """Drop the longest unused, but neither the default model nor what is tried."""
        kept = {newest, (self.default, self.live.get(self.default)), *self.shadows.items()}
        spare = sorted(self._engines.keys() - kept, key=lambda key: self._used.get(key, 0))
        for key in spare[: max(0, len(self._engines) - self.most)]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        for held in (self._engines, self._manifests, self._used):
            held.pop(key, None)


def _stamp(folder: Path) -> Stamp:
    """What changes with a version's files."""
    try:
        entries = [(entry.name, entry.stat()) for entry in os.scandir(folder)]
    except OSError:
        return []
    return sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in entries)


def _give_memory_back() -> None:
    """Hand what loading took for a moment to the system, some 40 MB: glibc alone keeps it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
