"""Which version of a model is live, on trial or retired; and who decided it.

Decisions are kept in small files in the model's own folder, not in a database: all that share the
folder (other hosts, a command on the host of a container) share the decision, and a service starts
while its database is down. A process that may not write there, as in a container with a read-only
folder, keeps the same files under `VAR_DIR`. If a file exists in both places, the newer one wins.
Deciding locks the model's folder, so that each decision is based on the one before.

With `MODELS_URL` the folder is a copy of what is in an object store, and decisions are made there:
see docs/object-store.md.
"""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from serving import clock
from serving.errors import ArtefactError, ObjectStoreError, VersionRefused, without_path
from serving.lock import locked
from serving.models import artefact, model_folder
from serving.models.manifest import Manifest
from serving.models.model_folder import CURRENT, LOG, NONE, RETIRED, TRIAL
from serving.settings import Settings
from serving.versions.decision import Decision
from serving.versions.object_store import ObjectStore
from serving.versions.reader import VersionReader

if TYPE_CHECKING:
    from nacl.signing import SigningKey

log = logging.getLogger(__name__)


class Decisions(VersionReader):
    """Takes decisions on the models of a folder, and adds versions to them.

    Parameters
    ----------
    default_model : str
        What requests get that name no model, so that it cannot be retired.
    """

    def __init__(
        self,
        models_dir: Path,
        own_dir: Path,
        trusted: Collection[bytes] = (),
        shared: ObjectStore | None = None,
        default_model: str = "",
    ) -> None:
        super().__init__(models_dir, own_dir, trusted, shared)
        self.default_model = default_model
        self._numbers_taken: dict[str, int] = {}  # by model: of decisions, when its lock was taken

    @classmethod
    def from_settings(cls, settings: Settings, *, lasting: bool = True) -> Self:
        """Open the folders of the service.

        Parameters
        ----------
        lasting : bool
            Whether VAR_DIR lasts longer than this process, so that decisions may be kept there.
        """
        own_dir = settings.decisions_dir if lasting else settings.models_dir
        shared = ObjectStore.from_settings(settings)
        return cls(
            settings.models_dir, own_dir, settings.public_keys, shared, settings.default_model
        )

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
            If the object store cannot be asked what is decided, or a decision cannot be read.
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
                pulled = self.shared.pull(model)
                if reason := pulled.unread.get(model):
                    raise ObjectStoreError(f"{reason}; nothing is decided until it can be read")
                self._numbers_taken[model] = pulled.decisions.get(model, 0)
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
        model, failures = decision.model, []
        files = self._files(decision)
        for folder in self._folders(model):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                model_folder.append_line(folder / LOG, msgspec.json.encode(decision))
                for file, lines in files.items():
                    model_folder.replace_file(folder / file, "".join(f"{one}\n" for one in lines))
            except OSError as error:
                log.warning("the decision cannot be written: %s", error)
                failures.append(without_path(error))
            else:
                return
        raise ArtefactError(
            f"{model}: the decision cannot be written: {'; '.join(dict.fromkeys(failures))}"
        )

    def _files(self, decision: Decision) -> dict[str, list[int] | list[str]]:
        """The lines of each file that a decision changes."""
        numbers = [] if decision.version is None else [decision.version]
        match decision.action:
            case "promote" | "rollback":
                return {CURRENT: numbers}
            case "trial":
                return {TRIAL: numbers}
            case "retire" if numbers:
                return {RETIRED: sorted({*self.retired(decision.model), *numbers})}
            case "retire":
                return {TRIAL: [], CURRENT: [NONE]}
        return {}

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
