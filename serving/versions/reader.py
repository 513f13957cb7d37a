"""Reads the versions of models, and what is decided on them.

current           the live version
trial             the version on trial, if there is one
retired           versions that are no longer served
decisions.jsonl   every decision, and trainings by the monitor or over HTTP, a line each
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from serving.errors import ArtefactError, RetiredModel, UnknownVersion, without_path
from serving.models import artefact, model_folder
from serving.models.artefact import Artefact
from serving.models.manifest import Manifest
from serving.models.model_folder import CURRENT, LOG, RETIRED, TRIAL
from serving.versions.decision import Decided, Decision, decided
from serving.versions.object_store import ObjectStore, Status


class VersionReader:
    """The versions of the models in a folder, and what is decided on them.

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

    def read(self, model: str, version: int) -> Artefact:
        """Read a version, verified down to its signature if it must be signed.

        Raises
        ------
        ArtefactError
        """
        return artefact.read(self.models_dir, model, version, self._trusted)

    def choose(self, model: str, version: int | None) -> Artefact:
        """Read a version that may be served; the live one, if none is named.

        Raises
        ------
        UnknownModel, UnknownVersion, ArtefactError
        """
        model_folder.require_known(self.models_dir, model)
        if version is None or self._is_retired(model):
            version = self.live(model)
        self.require(model, version)
        return self.read(model, version)

    def read_manifest(self, model: str, version: int) -> Manifest:
        """Read the manifest of a version, verified likewise.

        Raises
        ------
        ArtefactError
        """
        return artefact.read_manifest(self.models_dir, model, version, self._trusted)

    def models(self) -> list[str]:
        """List the models that are not retired."""
        known = model_folder.known_models(self.models_dir)
        return [model for model in known if not self._is_retired(model)]

    def stamps(self) -> dict[str, model_folder.Stamp]:
        """Return, by model, a value that changes with its decisions and its versions.

        It takes about 20 microseconds per model, so it can be called every second.
        """
        stamps = {}
        for model in model_folder.known_models(self.models_dir):
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
            If there is no live version, and the model is not retired.
        """
        if self.shared:
            holds = decided(reversed(self.history(model)))
            known = holds.live or holds.is_retired
            return holds if known else holds._replace(live=self.live(model))
        if self._is_retired(model):
            return Decided(None, None, self.retired(model), is_retired=True)
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

    def _is_retired(self, model: str) -> bool:
        try:
            self.live(model)
        except RetiredModel:
            return True
        except ArtefactError:
            return False
        return False

    def _folders(self, model: str) -> Iterator[Path]:
        yield self.models_dir / model
        if not self.shared and self.own_dir != self.models_dir:
            yield self.own_dir / model

    def _numbers(self, model: str, file: str) -> list[int]:
        return model_folder.listed_versions(file, *self._folders(model))
