"""A host's copy of the models in an object store: a folder of models like any other."""

import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from serving.errors import ArtefactError, ObjectStoreError, without_path
from serving.lock import locked
from serving.models import model_folder
from serving.models.model_folder import CURRENT, LOG, NONE, RETIRED, TRIAL
from serving.places.objects import Missing, Objects
from serving.versions.copying import copied_from, copy_version, mark_damaged, remove
from serving.versions.decision import Decision, Numbered, decided, read_copied
from serving.versions.listing import ETags, Model, decision_name, parsed

LEFT = 3600  # seconds after which a copy that was not finished was killed
REST = 60  # seconds after which a damaged version is copied again


class Mirror:
    """The copy of an object store's models in a folder; several processes may copy at once.

    Attributes
    ----------
    unread : dict of str to str
        By model: why a decision could not be read the last time, so that nobody decides without it.
    """

    def __init__(self, objects: Objects, models_dir: Path) -> None:
        self.objects, self.models_dir = objects, models_dir
        self.unread: dict[str, str] = {}
        self._damaged: dict[tuple[str, int], tuple[ETags, float, str]] = {}

    def pull(
        self, only: str = "", *, served: bool = False
    ) -> tuple[dict[str, Model], dict[str, str]]:
        """Copy what is new.

        Parameters
        ----------
        only : str
            The only model that is copied; all without it.
        served : bool
            Whether only the versions that are live or on trial are copied.

        Returns
        -------
        dict of str to Model
            What the object store has.
        dict of str to str
            By model: what could not be copied, and why.

        Raises
        ------
        ObjectStoreError, OSError
        """
        self.models_dir.mkdir(parents=True, exist_ok=True)
        behind: dict[str, str] = {}
        self.unread = {}
        with locked(self.models_dir):  # so that a listing is not applied after a later one
            models = parsed(self.objects.list(only))
            for name, model in models.items():
                self._copy_decisions(name, model, behind)
        for name, model in models.items():
            serving = self._serving(name, model)
            if served:  # at a start, which would fail with a copy that was damaged since
                for number in serving:
                    mark_damaged(self._folder((name, number)))
            self._copy_versions(name, model, serving, behind)
        with locked(self.models_dir):
            for name, model in models.items():
                try:
                    self._settle(name, model, behind)
                except (ArtefactError, OSError) as error:  # the other models go on
                    reason = without_path(error) if isinstance(error, OSError) else str(error)
                    behind[name] = f"the copy of it cannot be written: {reason}"
        for name, model in models.items() if not served else ():  # what may take long, at last
            self._copy_versions(name, model, sorted(model.whole(), reverse=True), behind)
        if not only:
            for name in {*model_folder.known_models(self.models_dir)} - models.keys():
                behind[name] = "it is gone from the object store; what is here is still served"
        return models, behind

    def fetch(self, name: str, number: int) -> None:
        """Copy one version, unless it is here as it was uploaded.

        Raises
        ------
        ObjectStoreError, OSError
        """
        model = parsed(self.objects.list(name)).get(name, Model({}, {}))
        if number not in model.whole():
            there = ", ".join(map(str, sorted(model.whole()))) or "none"
            raise ObjectStoreError(
                f"the object store has no version {number} of {name}; there are {there}"
            )
        (self.models_dir / name).mkdir(parents=True, exist_ok=True)
        mark_damaged(self._folder((name, number)))
        behind: dict[str, str] = {}
        self._copy_versions(name, model, [number], behind)
        if name in behind:
            raise ObjectStoreError(f"{name}: {behind[name]}")

    def _copy_decisions(self, name: str, model: Model, behind: dict[str, str]) -> None:
        """Make the model's log equal to its decisions in the object store."""
        folder = self.models_dir / name
        folder.mkdir(exist_ok=True)
        known = {each.number: each for each in self._log(name)}
        log = []
        for number, e_tag in sorted(model.decisions.items()):
            if number in known and known[number].e_tag == e_tag:
                log.append(known[number])
                continue
            where = decision_name(name, number)
            try:
                one = msgspec.json.decode(self.objects.read(where), type=Decision)
            except Missing:  # deleted since it was listed
                self.unread[name] = f"{where} in the object store is gone"
            except ValueError as error:
                self.unread[name] = f"{where} in the object store is no decision: {error}"
                behind[name] = self.unread[name]
            else:
                fields = msgspec.structs.asdict(one)
                log.append(Numbered(**fields, number=number, e_tag=e_tag))
        if log and log != [*known.values()]:
            lines = msgspec.json.Encoder().encode_lines(log)
            model_folder.replace_file(folder / LOG, lines.decode())

    def _serving(self, name: str, model: Model) -> list[int]:
        """The versions that are decided on, of those that can be copied."""
        holds = decided(self._log(name))
        return [number for number in model.whole() if number in (holds.live, holds.trial)]

    def _copy_versions(
        self, name: str, model: Model, numbers: Iterable[int], behind: dict[str, str]
    ) -> None:
        """Copy the versions that are not here; what fails holds up no other."""
        for number in numbers:
            key, e_tags = (name, number), model.versions[number]
            if copied_from(self._folder(key)) == e_tags:
                continue
            was, since, reason = self._damaged.get(key, ({}, 0.0, ""))
            if was != e_tags or time.monotonic() > since + REST:
                try:
                    copy_version(self.objects, self._folder(key), e_tags)
                except ArtefactError as error:
                    reason = str(error)
                    self._damaged[key] = e_tags, time.monotonic(), reason
                except Missing:
                    reason = f"{name} {number}: an object is gone"
                except ObjectStoreError as error:
                    reason = error.public
                else:
                    self._damaged.pop(key, None)
                    continue
            behind[name] = f"version {number} in the object store is not copied: {reason}"

    def _settle(self, name: str, model: Model, behind: dict[str, str]) -> None:
        """Put into effect what is decided and copied; remove what is deleted."""
        folder, holds = self.models_dir / name, decided(self._log(name))
        there = model_folder.versions(folder)
        _replace(folder / RETIRED, holds.retired)
        _replace(folder / TRIAL, [holds.trial] if holds.trial in there else [])
        if holds.live in there or holds.is_retired:
            _replace(folder / CURRENT, [holds.live or NONE])
        for number in (holds.live, holds.trial):
            if number and number not in there:
                behind.setdefault(name, f"version {number} is decided on, and not copied")
        before = model_folder.listed_versions(CURRENT, folder)
        for number in {*there} - {*model.whole()} if model.decisions else ():
            if number in (holds.live, holds.trial, *before):
                behind.setdefault(name, f"version {number} is gone from the object store")
            else:
                remove(self._folder((name, number)))
        for left in folder.glob(".*"):  # of a copy that was killed
            if left.is_dir() and time.time() - left.stat().st_mtime > LEFT:
                shutil.rmtree(left, ignore_errors=True)

    def _folder(self, key: tuple[str, int]) -> Path:
        return self.models_dir / key[0] / str(key[1])

    def _log(self, name: str) -> list[Numbered]:
        return read_copied(self.models_dir / name)


def _replace(path: Path, lines: Iterable[int | str]) -> None:
    """Replace a file that lists versions, unless it lists these already."""
    text = "".join(f"{line}\n" for line in lines)
    before = path.read_bytes() if path.exists() else b""
    if text.encode() != before:
        model_folder.replace_file(path, text)
