"""Follows what is decided: which versions of all models are to be served from now on."""

import logging
import os
from typing import NamedTuple

from serving.errors import ArtefactError, RetiredModel
from serving.models import model_folder
from serving.versions.decisions import Decisions
from serving.versions.engines import Engines, Key
from serving.versions.manifests import Manifests

log = logging.getLogger(__name__)

MISNAMED = "the name of its folder is not UTF-8: rename it"


class InService(NamedTuple):
    """What is in service; another one takes its place at once, as a whole.

    Attributes
    ----------
    live, trials : dict of str to int
        By model: the live version, and the version on trial.
    broken : dict of str to str
        By model: why a version that should be served is not.
    retired : set of str
        The models that are retired.
    """

    live: dict[str, int]
    trials: dict[str, int]
    broken: dict[str, str]
    retired: set[str]

    def versions(self) -> set[Key]:
        """The versions that are live or on trial."""
        return {*self.live.items(), *self.trials.items()}

    def needed(self, default: str) -> set[Key]:
        """The versions that stay in memory, however many there are."""
        return {(default, self.live.get(default, 0)), *self.trials.items()}


class Follower:
    """Loads what is decided; to be used by one thread at a time.

    Parameters
    ----------
    default : str
        The model for requests that name none, which is never given up.
    """

    def __init__(
        self, decisions: Decisions, default: str, engines: Engines, manifests: Manifests
    ) -> None:
        self._decisions, self._default = decisions, default
        self._engines, self._manifests = engines, manifests
        self._stamps: dict[str, model_folder.Stamp] = {}

    def follow(self, before: InService) -> InService:
        """Load what should be served by now; where that fails, what was served before remains.

        Where there is no folder, or the default model is not in it (nobody removes that, but the
        folder is empty while a disk is not mounted), all models go on as they are.
        """
        now = InService({}, {}, {}, set())
        try:
            stamps = self._decisions.stamps()
            now.broken.update(
                dict.fromkeys(model_folder.misnamed_models(self._decisions.models_dir), MISNAMED)
            )
            missing = f"{self._default}/{model_folder.CURRENT} is gone from MODELS_DIR"
        except ArtefactError as error:
            stamps, missing = {}, str(error)
        if self._default not in stamps:
            for name in before.live.keys() - stamps.keys():
                _go_on(name, before, now)
                now.broken[name] = f"{missing}; what is loaded is still served"
        in_doubt = {*before.broken, *self._engines.failed_models()}
        for name, stamp in stamps.items():
            if is_changed := self._stamps.get(name) != stamp:
                self._stamps[name] = stamp
                self._manifests.refresh(name)
            if is_changed or name in in_doubt:
                self._load_decided(name, before, now)
            else:
                _go_on(name, before, now)
        for name, reason in self._decisions.behind().items():
            now.broken.setdefault(name, reason)
        for key in now.live.items():
            if not os.path.exists(self._engines.folder(key)):  # noqa: PTH110 - every second
                now.broken.setdefault(key[0], f"version {key[1]} is live, and its folder is gone")
        return now

    def _load_decided(self, name: str, before: InService, now: InService) -> None:
        """Load the versions of a model; the live one of a new model only when needed."""
        try:
            self._load_live(name, before, now)
        except RetiredModel as error:
            if name != self._default:
                now.retired.add(name)
                return
            now.broken[name] = str(error)
        except ArtefactError as error:
            now.broken[name] = str(error)
        if name in now.broken and name in before.live:
            now.live[name] = before.live[name]
        try:
            self._load_trial(name, before, now)
        except ArtefactError as error:
            now.broken.setdefault(name, str(error))

    def _load_live(self, name: str, before: InService, now: InService) -> None:
        version = self._decisions.live(name)
        last = before.live.get(name, version)
        if last != version or self._engines.has_failed((name, version)):
            self._load((name, version), before, now)
        if last != version:
            log.info("%s %d is live, after %d", name, version, last)
        now.live[name] = version

    def _load_trial(self, name: str, before: InService, now: InService) -> None:
        for version in self._decisions.retired(name):
            if version != now.live.get(name):
                self._engines.drop((name, version))
        trial = self._decisions.trial(name)
        if trial and trial != now.live.get(name):  # once it is live, its trial is over
            self._load((name, trial), before, now)
            now.trials[name] = trial

    def _load(self, key: Key, before: InService, now: InService) -> None:
        self._engines.load(key, before.needed(self._default) | {*now.trials.items()})


def _go_on(name: str, before: InService, now: InService) -> None:
    """Go on with the versions of a model that are served, or with none."""
    if name in before.retired:
        now.retired.add(name)
    for versions, last in ((now.live, before.live), (now.trials, before.trials)):
        if name in last:
            versions[name] = last[name]
