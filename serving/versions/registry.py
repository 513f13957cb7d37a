"""Which models are served, and by which version: loaded when first asked for, swapped when decided.

Loading is done beside: requests go on with the version before, and the swap is one reference.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from itertools import count
from types import MappingProxyType
from typing import NamedTuple

from serving import memory
from serving.errors import ArtefactError, UnknownModel
from serving.models import artefact
from serving.models.engine import Engine
from serving.models.manifest import Manifest
from serving.versions.decisions import Decisions
from serving.versions.rehearsal import rehearsed

log = logging.getLogger(__name__)

MISNAMED = "the name of its folder is not UTF-8: rename it"
PAUSE = 1.0  # seconds between two looks at what is decided

Key = tuple[str, int]
Stamp = list[tuple[str, int, int]]


class Decided(NamedTuple):
    """By model: the version that answers, the one that is tried, and why one is not served."""

    live: dict[str, int]
    trials: dict[str, int]
    broken: dict[str, str]


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
    live, trials : mapping of str to int
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
        self.trials: Mapping[str, int] = {}
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
            if version is not None:
                self._require(key)
            self._manifests[key] = artefact.read_manifest(self.decisions.models_dir, *key)
        return self._manifests[key]

    @property
    def loaded(self) -> list[Key]:
        """The versions that are in memory."""
        return sorted(self._engines.copy())

    def trial(self, name: str) -> Engine | None:
        """The version of a model that is tried on live traffic, if one is."""
        version = self.trials.get(name)
        return self._engines.get((name, version)) if version else None

    def refresh(self) -> None:
        """Follow what is decided; a version that cannot be loaded leaves the one before serving."""
        with self._lock:
            found = self._look()
            for name, reason in found.broken.items():
                if reason != self.broken.get(name):
                    log.error("%s: %s", name, reason)
            self.broken = found.broken
            before = {*self.live.items(), *self.trials.items()}
            self.live = MappingProxyType(found.live)
            self.trials = MappingProxyType(found.trials)
            if gone := before - {*found.live.items(), *found.trials.items()}:
                for key in gone:
                    self._drop(key)
                memory.give_memory_back()

    def _look(self) -> "Decided":
        """What should be served by now, loaded, and as far as that fails, what was before.

        Where there is no folder, or the default model is not in it (nobody takes that away, but
        where a disk is not mounted the folder is empty), all models go on as they are.
        """
        found = Decided({}, {}, {})
        try:
            stamps = self.decisions.stamps()
            found.broken.update(
                dict.fromkeys(artefact.misnamed(self.decisions.models_dir), MISNAMED)
            )
            missing = f"{self.default}/{artefact.CURRENT} is gone from MODELS_DIR"
        except ArtefactError as error:
            stamps, missing = {}, str(error)
        if self.default not in stamps:
            for name in self.live.keys() - stamps.keys():
                self._go_on(name, found)
                found.broken[name] = f"{missing}; what is loaded is still served"
        in_doubt = {*self.broken, *(name for name, _ in self._refused)}
        for name, stamp in stamps.items():
            if self._stamps.get(name) == stamp and name not in in_doubt:
                self._go_on(name, found)
            else:
                self._stamps[name] = stamp
                self._follow(name, found)
        for key in found.live.items():
            if not os.path.exists(self._folder(key)):  # noqa: PTH110 - every second
                found.broken.setdefault(key[0], f"version {key[1]} is live, and its folder is gone")
        return found

    def _go_on(self, name: str, found: "Decided") -> None:
        """Serve of a model what is served."""
        for now, before in ((found.live, self.live), (found.trials, self.trials)):
            if name in before:
                now[name] = before[name]

    def _follow(self, name: str, found: "Decided") -> None:
        """Load what is decided of a model; of a new one, when it is asked for."""
        try:
            version = self.decisions.current(name)
            before = self.live.get(name, version)
            if before != version or (name, version) in self._refused:
                self._load((name, version))
            if before != version:
                log.info("%s %d is live, after %d", name, version, before)
            found.live[name] = version
        except ArtefactError as error:
            found.broken[name] = str(error)
            if name in self.live:
                found.live[name] = self.live[name]
        try:
            tried = self.decisions.trial(name)
            if tried and tried != found.live.get(name):  # once it is live, its trial is over
                self._load((name, tried))
                found.trials[name] = tried
        except ArtefactError as error:
            found.broken.setdefault(name, str(error))

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

    def _key(self, name: str, version: int | None) -> Key:
        return name, self._live(name) if version is None else version

    def _live(self, name: str) -> int:
        try:
            return self.live[name]
        except KeyError:
            near = get_close_matches(name[:64], self.live, 1) or [self.default]
            raise UnknownModel(f"no model {name!r} is served; try {near[0]!r}") from None

    def _require(self, key: Key) -> None:
        self._live(key[0])
        self.decisions.require(*key)

    def _load(self, key: Key) -> Engine:
        """Load a version, unless it is; what was refused is read again when it has changed."""
        with self._lock:
            if key in self._engines:
                return self._engines[key]
            stamp = _stamp(self._folder(key))
            if key in self._refused and self._refused[key][0] == stamp:
                raise ArtefactError(self._refused[key][1])
            try:
                read = artefact.read(self.decisions.models_dir, *key)
                self.vet(read.manifest)
                engine = rehearsed(read)
            except ArtefactError as error:
                self._refused[key] = stamp, str(error)
                raise
            self._refused.pop(key, None)
            self._engines[key], self._manifests[key] = engine, read.manifest
            self._make_room(key)
            memory.give_memory_back()
            return engine

    def _make_room(self, newest: Key) -> None:
        """Drop the longest unused, but neither the default model nor what is tried."""
        kept = {newest, (self.default, self.live.get(self.default)), *self.trials.items()}
        spare = sorted(self._engines.keys() - kept, key=lambda key: self._used.get(key, 0))
        for key in spare[: max(0, len(self._engines) - self.most)]:
            self._drop(key)

    def _folder(self, key: Key) -> str:
        return f"{self.decisions.models_dir}/{key[0]}/{key[1]}"

    def _drop(self, key: Key) -> None:
        for held in (self._engines, self._manifests, self._used):
            held.pop(key, None)


def _stamp(folder: str) -> Stamp:
    """What changes with a version's files."""
    try:
        with os.scandir(folder) as found:
            entries = [(entry.name, entry.stat()) for entry in found]
    except OSError:
        return []
    return sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in entries)
