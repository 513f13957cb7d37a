"""Which version of a model is live, on trial or retired; and who decided it.

Decisions are kept in small files in the model's own folder, not in a database: all that share the
folder (other hosts, a command on the host of a container) share the decision, and a service starts
while its database is down. A process that may not write there, as in a container with a read-only
folder, keeps the same files under `VAR_DIR`. If a file exists in both places, the newer one wins.
Deciding locks the model's folder, so that each decision is based on the one before.

With `MODELS_URL` the folder is a copy of what is in an object store, and decisions are made there:
see docs/object-store.md.

current           the live version
trial             the version on trial, if there is one
retired           versions that are no longer served
decisions.jsonl   every decision and every retraining by the monitor, a line each
"""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from serving import clock
from serving.errors import ArtefactError, UnknownVersion, VersionRefused, without_path
from serving.lock import locked
from serving.models import artefact, model_folder
from serving.models.artefact import Artefact
from serving.models.manifest import Manifest
from serving.models.model_folder import CURRENT, LOG, RETIRED, TRIAL
from serving.settings import Settings
from serving.versions.decision import Action, Decided, Decision, decided
from serving.versions.object_store import ObjectStore, Status

if TYPE_CHECKING:
    from nacl.signing import SigningKey

log = logging.getLogger(__name__)

Stamp = tuple[int, ...]
FILES: dict[Action, str] = {
    "promote": CURRENT,
    "rollback": CURRENT,
    "trial": TRIAL,
    "retire": RETIRED,
}


class Decisions:
    """The decisions on the models of a folder, and their versions.

    Parameters
    ----------
    models_dir : Path
    own_dir : Path
        Where decisions are kept if `models_dir` cannot be written.
    trusted : collection of bytes
        The public keys one of which must have signed a version; none if it need not be signed.
    shared : ObjectStore or None
        What `models_dir` is a copy of, if it is one.
    """

    def __init__(
        self,
        models_dir: Path,
        own_dir: Path,
        trusted: Collection[bytes] = (),
        shared: ObjectStore | None = None,
    ) -> None:
        self.models_dir, self.own_dir, self._trusted = models_dir, own_dir, trusted
        self.shared = shared
        self._numbers_taken: dict[str, int] = {}  # by model: of decisions, when its lock was taken

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Open the folders of the service."""
        shared = ObjectStore.from_settings(settings)
        return cls(settings.models_dir, settings.decisions_dir, settings.public_keys, shared)

    def read(self, model: str, version: int) -> Artefact:
        """Read a version, verified down to its signature if it must be signed.

        Raises
        ------
        ArtefactError
        """
        return artefact.read(self.models_dir, model, version, self._trusted)

    def read_manifest(self, model: str, version: int) -> Manifest:
        """Read the manifest of a version, verified likewise.

        Raises
        ------
        ArtefactError
        """
        return artefact.read_manifest(self.models_dir, model, version, self._trusted)

    def models(self) -> list[str]:
        """List the models that have a live version."""
        return model_folder.live_models(self.models_dir)

    def stamps(self) -> dict[str, Stamp]:
        """Return, by model, a value that changes with its decisions and its versions.

        It takes about 20 microseconds per model, so it can be called every second.
        """
        stamps = {}
        for model in self.models():
            paths = [
                f"{folder}/{model}{file}"  # the folder itself changes with the files put into it
                for folder in (self.models_dir, self.own_dir)
                for file in ("", f"/{CURRENT}", f"/{TRIAL}")
            ]
            stamps[model] = tuple(part for path in paths for part in model_folder.stamp(path))
        return stamps

    def live(self, model: str) -> int:
        """Return the live version.

        Raises
        ------
        ArtefactError
            If there is none.
        """
        return model_folder.live_version(*self._folders(model))

    def trial(self, model: str) -> int | None:
        """Return the version on trial, if there is one.

        Raises
        ------
        ArtefactError
        """
        return next(iter(self._numbers(model, TRIAL)), None)

    def retired(self, model: str) -> list[int]:
        """List the versions that are no longer served.

        Raises
        ------
        ArtefactError
        """
        return self._numbers(model, RETIRED)

    def decided(self, model: str) -> Decided:
        """Return what is decided, which a copy of an object store may not have followed yet.

        Raises
        ------
        ArtefactError
            If there is no live version.
        """
        if self.shared:
            holds = decided(reversed(self.history(model)))
            return holds if holds.live else holds._replace(live=self.live(model))
        return Decided(self.live(model), self.trial(model), self.retired(model))

    def behind(self) -> dict[str, str]:
        """Return, by model, what could not be copied from the object store, and why."""
        status = Status.read(self.models_dir) if self.shared else None
        return status.behind if status else {}

    def require(self, model: str, version: int) -> None:
        """Raise an error unless a version of a model exists and may be served.

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
        """List every decision on a model, the latest first.

        Raises
        ------
        ArtefactError
            If the decisions cannot be read.
        """
        lines: list[bytes] = []
        logs = 0
        for folder in self._folders(model):
            try:
                lines += (folder / LOG).read_bytes().splitlines()
                logs += 1
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue  # no decisions there
            except OSError as error:
                raise ArtefactError(
                    f"{model}: {LOG} cannot be read: {without_path(error)}"
                ) from error
        decisions = []
        for line in reversed(lines):
            with suppress(msgspec.DecodeError, UnicodeDecodeError):  # an incomplete line
                decisions.append(msgspec.json.decode(line, type=Decision))
        if logs > 1:  # else the order in which they were made counts, whatever clocks showed
            decisions.sort(key=lambda decision: -decision.time)
        return decisions

    @contextmanager
    def deciding(self, model: str) -> Iterator[None]:
        """Lock a model, so that its state does not change between reading it and deciding.

        The lock is on the model's own folder, even a read-only one, so that all who share it wait
        for each other; if its file system has no locks, on this service's own folder.

        Raises
        ------
        ArtefactError
            If neither can be locked.
        ObjectStoreError
            If the object store cannot be asked what is decided.
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
            if self.shared:
                self._numbers_taken[model] = self.shared.pull(model).decisions.get(model, 0)
            yield

    def take(self, decision: Decision) -> None:
        """Record a decision and put it into effect; to be called within `deciding`.

        Raises
        ------
        ArtefactError
            If it cannot be written anywhere.
        VersionRefused
            If another host has decided meanwhile.
        ObjectStoreError
        """
        if self.shared:
            self._share(self.shared, decision)
            return
        model, version = decision.model, decision.version
        numbers = [] if version is None else [version]
        if decision.action == "retire":
            numbers = sorted({*self.retired(model), *numbers})
        file = FILES.get(decision.action)
        failures = []
        for folder in self._folders(model):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                model_folder.append_line(folder / LOG, msgspec.json.encode(decision))
                if file:
                    model_folder.replace_file(
                        folder / file, "".join(f"{number}\n" for number in numbers)
                    )
            except OSError as error:
                log.warning("the decision cannot be written: %s", error)
                failures.append(without_path(error))
            else:
                return
        raise ArtefactError(
            f"{model}: the decision cannot be written: {'; '.join(dict.fromkeys(failures))}"
        )

    def add(
        self,
        manifest: Manifest,
        contents: Mapping[str, bytes],
        signing_key: "SigningKey | None" = None,
    ) -> int:
        """Write the model's next version, and return its number; sign it, given a key.

        Raises
        ------
        ObjectStoreError
        """
        if not self.shared:
            return artefact.write(self.models_dir, manifest, contents, signing_key)
        version = self.shared.pull(manifest.name).versions.get(manifest.name, 0) + 1
        while not self.shared.upload(
            manifest.name,
            version,
            artefact.files_of(manifest, version, contents, signing_key),
        ):
            version += 1
        self.shared.pull(manifest.name)
        return version

    def put_first_live(self, model: str, version: int, who: str) -> bool:
        """Make a version the live one if there is none yet; return whether it is live now.

        Raises
        ------
        ObjectStoreError
        """
        if not self.shared:
            return model_folder.put_first_live(self.models_dir / model, version)
        if self.shared.pull(model).decisions.get(model):
            return False
        first = Decision(
            time=clock.now(), model=model, action="promote", before=None, version=version, who=who
        )
        return self.shared.decide(1, first).done

    def _share(self, shared: ObjectStore, decision: Decision) -> None:
        """Record a decision as the next one after those that it is based on."""
        model = decision.model
        made = shared.decide(self._numbers_taken[model] + 1, decision)
        if not made.done:
            other = f": {made.other}" if made.other else ""
            raise VersionRefused(
                f"{model}: another host has decided meanwhile{other}; see what is live now, and "
                "decide again"
            )

    def _folders(self, model: str) -> Iterator[Path]:
        yield self.models_dir / model
        if not self.shared and self.own_dir != self.models_dir:
            yield self.own_dir / model

    def _numbers(self, model: str, file: str) -> list[int]:
        return model_folder.listed_versions(file, *self._folders(model))
