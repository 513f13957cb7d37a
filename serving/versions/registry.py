"""Which models are served, and by which version: loaded when first needed, swapped when decided.

While a version loads, requests go on with the one before; the swap is one reference.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from difflib import get_close_matches

from serving import memory
from serving.errors import ArtefactError, UnknownModel
from serving.models import model_folder
from serving.models.engine import Engine
from serving.models.manifest import Manifest
from serving.versions.decisions import Decisions
from serving.versions.engines import Engines, Key
from serving.versions.follower import Follower, InService
from serving.versions.manifests import Manifests

log = logging.getLogger(__name__)

PAUSE = 1.0  # seconds after which the decisions are followed again


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
        self._in_service = InService({}, {}, {}, set())
        self._engines = Engines(decisions, max_loaded, check)
        self._manifests = Manifests(decisions)
        self._follower = Follower(decisions, default, self._engines, self._manifests)
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

    @property
    def live(self) -> Mapping[str, int]:
        """The live version of each model."""
        return self._in_service.live

    @property
    def trials(self) -> Mapping[str, int]:
        """The version on trial of each model that has one."""
        return self._in_service.trials

    @property
    def broken(self) -> Mapping[str, str]:
        """Why a version of a model that should be served is not."""
        return self._in_service.broken

    @property
    def retired(self) -> set[str]:
        """The models that are retired, until a version is put live again."""
        return self._in_service.retired

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
            key = self._key(name, version)
            return self._engines.load(key, self._in_service.needed(self.default))

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
            before = self._in_service
            self._in_service = served = self._follower.follow(before)
            for name, reason in served.broken.items():
                if reason != before.broken.get(name):
                    log.error("%s: %s", name, reason)
            if gone := before.versions() - served.versions():
                for key in gone:
                    self._engines.drop(key)
                memory.give_memory_back()

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
