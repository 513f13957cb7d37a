"""Which models are served, and by which version: loaded when first needed, swapped when decided.

While a version loads, requests go on with the one before; the swap is one reference.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import NamedTuple

from serving import memory
from serving.errors import ArtefactError, RetiredModel, UnknownModel
from serving.models import model_folder
from serving.models.engine import Engine
from serving.models.manifest import Manifest
from serving.versions.decisions import Decisions
from serving.versions.engines import Engines, Key
from serving.versions.manifests import Manifests

log = logging.getLogger(__name__)

MISNAMED = "the name of its folder is not UTF-8: rename it"
PAUSE = 1.0  # seconds after which the decisions are followed again


class Decided(NamedTuple):
    """By model: the live version, the version on trial, and why a version is not served.

    And the models that are retired.
    """

    live: dict[str, int]
    trials: dict[str, int]
    broken: dict[str, str]
    retired: set[str]


class Registry:
    """The models of a folder, by name and version.

    Parameters
    ----------
    default : str
        The model for requests that name none; the only one that is loaded at once.
    max_loaded : int
        How many versions are kept in memory; if there are more, the least recently used are
        dropped, but not the live version of the default model, nor those on trial.
    check : callable
        Raises ArtefactError if the service's settings do not allow a version to be served.

    Attributes
    ----------
    live, trials : mapping of str to int
        By model: the live version, and the version on trial.
    broken : dict of str to str
        By model: why a version that should be served is not.
    retired : set of str
        The models that are retired, until a version is put live again.

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
        max_loaded: int,
        check: Callable[[Manifest], None] = lambda _: None,
    ) -> None:
        self.decisions, self.default = decisions, default
        self.live: Mapping[str, int] = {}
        self.trials: Mapping[str, int] = {}
        self.broken: dict[str, str] = {}
        self.retired: set[str] = set()
        self._engines = Engines(decisions, max_loaded, check)
        self._manifests = Manifests(decisions)
        self._stamps: dict[str, model_folder.Stamp] = {}
        self._lock = threading.Lock()
        self.refresh()
        if default not in self.live:
            missing = f"{decisions.models_dir / default / model_folder.CURRENT} is missing"
            reason = self.broken.get(default, missing)
            raise ArtefactError(f"the default model {default!r} cannot be served: {reason}")
        try:
            self.engine()
        except ArtefactError as error:
            message = f"the default model {default!r} cannot be served: {error}"
            raise ArtefactError(message) from error

    def engine(self, name: str | None = None, version: int | None = None) -> Engine:
        """Return a version of a model, by default the live version of the default model.

        Raises
        ------
        UnknownModel, UnknownVersion
        ArtefactError
            If it cannot be loaded.
        """
        name = name or self.default
        key = self._key(name, version)
        if version is not None:
            self.decisions.require(name, version)
        if engine := self._engines.get(key):
            return engine
        with self._lock:  # a swap that was under way may have changed the live version
            return self._load(self._key(name, version))

    def loaded_engine(self, name: str | None = None) -> Engine | None:
        """Return the live version of a model if it is in memory, without waiting for it."""
        name = name or self.default
        return self._engines.get((name, self.live.get(name, 0)))

    def manifest(self, name: str, version: int | None = None) -> Manifest:
        """Return the manifest of a version of a model, by default of the live one.

        Files are read only for a version that is not loaded, and not among those kept in memory.

        Raises
        ------
        UnknownModel, UnknownVersion, ArtefactError
        """
        key = self._key(name, version)
        if engine := self._engines.loaded.get(key):
            return engine.manifest
        if kept := self._manifests.get(*key):
            return kept
        if version is not None:
            self.decisions.require(name, version)
        return self._manifests.read(*key)

    @property
    def loaded(self) -> list[Key]:
        """The versions that are in memory."""
        return sorted(self._engines.loaded.copy())

    def trial(self, name: str) -> Engine | None:
        """The version of a model that is on trial beside the live one, if there is one."""
        version = self.trials.get(name)
        return self._engines.loaded.get((name, version)) if version else None

    def refresh(self) -> None:
        """Follow what is decided; where a version cannot be loaded, the one before still serves."""
        with self._lock:
            found = self._find_decided()
            for name, reason in found.broken.items():
                if reason != self.broken.get(name):
                    log.error("%s: %s", name, reason)
            self.broken, self.retired = found.broken, found.retired
            before = {*self.live.items(), *self.trials.items()}
            self.live = MappingProxyType(found.live)
            self.trials = MappingProxyType(found.trials)
            if gone := before - {*found.live.items(), *found.trials.items()}:
                for key in gone:
                    self._engines.drop(key)
                memory.give_memory_back()

    def _find_decided(self) -> Decided:
        """Load what should be served by now; where that fails, what was served before remains.

        Where there is no folder, or the default model is not in it (nobody removes that, but the
        folder is empty while a disk is not mounted), all models go on as they are.
        """
        found = Decided({}, {}, {}, set())
        try:
            stamps = self.decisions.stamps()
            found.broken.update(
                dict.fromkeys(model_folder.misnamed_models(self.decisions.models_dir), MISNAMED)
            )
            missing = f"{self.default}/{model_folder.CURRENT} is gone from MODELS_DIR"
        except ArtefactError as error:
            stamps, missing = {}, str(error)
        if self.default not in stamps:
            for name in self.live.keys() - stamps.keys():
                self._go_on(name, found)
                found.broken[name] = f"{missing}; what is loaded is still served"
        in_doubt = {*self.broken, *self._engines.failed_models()}
        for name, stamp in stamps.items():
            if is_changed := self._stamps.get(name) != stamp:
                self._stamps[name] = stamp
                self._manifests.refresh(name)
            if is_changed or name in in_doubt:
                self._follow(name, found)
            else:
                self._go_on(name, found)
        for name, reason in self.decisions.behind().items():
            found.broken.setdefault(name, reason)
        for key in found.live.items():
            if not os.path.exists(self._engines.folder(key)):  # noqa: PTH110 - every second
                found.broken.setdefault(key[0], f"version {key[1]} is live, and its folder is gone")
        return found

    def _go_on(self, name: str, found: Decided) -> None:
        """Go on with the versions of a model that are served, or with none."""
        if name in self.retired:
            found.retired.add(name)
        for now, before in ((found.live, self.live), (found.trials, self.trials)):
            if name in before:
                now[name] = before[name]

    def _follow(self, name: str, found: Decided) -> None:
        """Load the versions that are decided on; the live one of a new model only when needed."""
        try:
            self._follow_live(name, found)
        except RetiredModel as error:
            if name != self.default:
                found.retired.add(name)
                return
            found.broken[name] = str(error)
        except ArtefactError as error:
            found.broken[name] = str(error)
        if name in found.broken and name in self.live:
            found.live[name] = self.live[name]
        try:
            self._follow_trial(name, found)
        except ArtefactError as error:
            found.broken.setdefault(name, str(error))

    def _follow_live(self, name: str, found: Decided) -> None:
        version = self.decisions.live(name)
        before = self.live.get(name, version)
        if before != version or self._engines.has_failed((name, version)):
            self._load((name, version), found)
        if before != version:
            log.info("%s %d is live, after %d", name, version, before)
        found.live[name] = version

    def _follow_trial(self, name: str, found: Decided) -> None:
        for version in self.decisions.retired(name):
            if version != found.live.get(name):
                self._engines.drop((name, version))
        trial = self.decisions.trial(name)
        if trial and trial != found.live.get(name):  # once it is live, its trial is over
            self._load((name, trial), found)
            found.trials[name] = trial

    def follow(self, refreshed: Callable[[], None] = lambda: None) -> None:
        """Refresh now, and every second in a thread; to be called once, after any fork.

        Parameters
        ----------
        refreshed : callable
            Called after each refresh.
        """
        self.refresh()
        refreshed()
        threading.Thread(target=self._refresh_forever, args=(refreshed,), daemon=True).start()

    def _refresh_forever(self, refreshed: Callable[[], None]) -> None:
        while True:
            time.sleep(PAUSE)
            try:
                self.refresh()
                refreshed()
            except Exception:  # why: whatever one refresh meets, the next must still come
                log.exception("what is decided could not be followed")

    def _key(self, name: str, version: int | None) -> Key:
        live = self.live.get(name)
        if name in self.retired:
            raise model_folder.retired(name)
        if live is None:
            near = get_close_matches(name[:64], self.live, 1) or [self.default]
            raise UnknownModel(f"no model {name!r} is served; try {near[0]!r}")
        return name, live if version is None else version

    def _load(self, key: Key, found: Decided | None = None) -> Engine:
        """Load a version, holding the lock; `found` is what a refresh has found so far."""
        needed = {(self.default, self.live.get(self.default, 0)), *self.trials.items()}
        needed |= {*found.trials.items()} if found else set()
        return self._engines.load(key, needed)
