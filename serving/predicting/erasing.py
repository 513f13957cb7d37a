"""Take requests to erase, which the collector carries out, and report what became of them."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from serving.errors import (
    ArtefactError,
    EmptyStore,
    Fault,
    InvalidRecords,
    JournalError,
    NotRecorded,
    StoreError,
    without_path,
)
from serving.ids import PredictionId
from serving.inputs.field import Field
from serving.inputs.schema import Schema
from serving.inputs.shown import listed, shown
from serving.models import artefact, model_folder
from serving.recording import erasure
from serving.recording.erasure import FieldValue, Ids, Subject, What
from serving.recording.privacy import Privacy
from serving.recording.store import Store
from serving.recording.store.erasures import Erasure


class Erasing:
    """Requests to erase.

    Parameters
    ----------
    journal_dir : Path or None
        Where they wait; None if nothing is recorded.
    models_dir : Path
        The versions of the models, for the names and types of their fields.
    """

    def __init__(
        self, journal_dir: Path | None, store: Store, privacy: Privacy, models_dir: Path
    ) -> None:
        self._folder, self._store = journal_dir, store
        self._privacy, self._models_dir = privacy, models_dir

    def by_ids(self, prediction_ids: list[str]) -> Ids:
        """Name the predictions with some ids, or the feedback without any prediction.

        Raises
        ------
        InvalidRecords
        """
        faults = [
            Fault(record=at, field="ids", message=f"{shown(each)} is not the id of a prediction")
            for at, each in enumerate(prediction_ids)
            if not PredictionId.read(each)
        ]
        if faults:
            raise InvalidRecords(faults)
        return Ids(prediction_ids)

    def by_subject(self, key: str) -> Subject:
        """Name all about a person.

        Raises
        ------
        InvalidSubject
        """
        return Subject(self._privacy.subjects(key))

    def by_value(self, model: str, field: str, *sent: Any) -> FieldValue:
        """Name the records with a value in a field, as it may be sent to any version.

        Parameters
        ----------
        sent : str, float or bool
            What the value is; any of them.

        Raises
        ------
        UnknownModel, ArtefactError
        InvalidRecords
            If no version has the field.
        """
        fields = self._fields(model)
        if field not in {each.name for each in fields}:
            names = listed(tuple(dict.fromkeys(each.name for each in fields)))
            message = f"{model} has no field {shown(field)}; it has {names}"
            raise InvalidRecords([Fault(record=0, field="field", message=message)])
        values = [*sent]
        for each in fields:
            for value in sent if each.name == field else ():
                with suppress(ValueError):  # another version takes it, or none, and none has it
                    values += _validated(each, value)
        recorded = (self._privacy.recorded(model, field, value) for value in values)
        return FieldValue(model, field, [each for found in recorded for each in found])

    def request(self, what: What, who: str) -> Erasure:
        """Have the collector erase something.

        Raises
        ------
        NotRecorded, JournalError
        """
        if self._folder is None:
            raise NotRecorded("JOURNAL=off: nothing is recorded; `adega erase` erases what was")
        try:
            request = erasure.write(self._folder, who, what)
        except OSError as error:
            raise JournalError(
                f"the request to erase cannot be written: {error}",
                public=f"the request to erase cannot be written: {without_path(error)}",
            ) from None
        with suppress(StoreError):  # then the collector does, as soon as it can
            self._store.erasures.share(request)
        return Erasure.of(request)

    def find(self, erasure_id: str) -> Erasure | None:
        """Return what is known of an erasure.

        Raises
        ------
        StoreError
        """
        waiting = {each.id: each for each in self._waiting()}.get(erasure_id)
        try:
            found = self._store.erasures.find(erasure_id)
        except EmptyStore:
            found = None
        except StoreError:
            if not waiting:
                raise
            found = None
        return found or waiting

    def away(self) -> str:
        """Return which other hosts erasures wait for that are away; empty if that is unknown."""
        with suppress(StoreError):
            return self._store.erasures.away()
        return ""

    def latest(self, limit: int) -> list[Erasure]:
        """Return erasures, the latest first.

        Raises
        ------
        StoreError
        """
        found = {each.id: each for each in self._waiting()}
        with suppress(EmptyStore):
            found |= {each.id: each for each in self._store.erasures.latest(limit)}
        return sorted(found.values(), key=lambda each: each.id, reverse=True)[:limit]

    def _waiting(self) -> list[Erasure]:
        with suppress(OSError):
            return [*map(Erasure.of, erasure.waiting(self._folder) if self._folder else ())]
        return []

    def _fields(self, model: str) -> list[Field]:
        """Return the fields of all versions of a model that can be read."""
        model_folder.require_known(self._models_dir, model)
        fields: list[Field] = []
        for version in model_folder.versions(self._models_dir / model):
            with suppress(ArtefactError):
                fields += artefact.read_manifest(self._models_dir, model, version).fields
        return fields


def _validated(field: Field, value: Any) -> list[Any]:
    """Return a value as it is recorded; none for a missing one.

    Raises
    ------
    ValueError
    """
    schema = Schema([field])
    ((recorded,),) = schema.values(schema.matrix([[field.read(value)]]))
    return [] if recorded is None else [recorded]
