"""Personal data kept out of the record: fields that are left out, or stand there as a hash."""

import hashlib
import hmac
from collections.abc import Collection
from typing import Any

import msgspec

from serving.errors import ArtefactError, SettingsError
from serving.inputs.field import Value
from serving.models.manifest import Manifest
from serving.recording.entry import PredictionEntry
from serving.settings import Settings

SHORTEST_SALT = 16
DIGITS = 32  # hexadecimal, of a hash

Names = dict[str, frozenset[str]]


class Privacy:
    """Which fields of which models are not recorded as they came.

    Raises
    ------
    SettingsError
        If `JOURNAL_OMIT` or `JOURNAL_HASH` names no fields, or there is no salt to hash with.
    """

    def __init__(self, settings: Settings) -> None:
        self._omitted = _read("JOURNAL_OMIT", settings.journal_omit)
        self._hashed = _read("JOURNAL_HASH", settings.journal_hash)
        self._salt = settings.journal_salt.encode()
        if self._hashed and len(settings.journal_salt) < SHORTEST_SALT:
            raise SettingsError(
                f"JOURNAL_HASH needs a JOURNAL_SALT of at least {SHORTEST_SALT} characters: "
                "without it whoever reads a hash can try values until one fits"
            )

    def check_models(self, models: Collection[str]) -> None:
        """Hold the settings against the models that are served.

        Raises
        ------
        SettingsError
            If a name is none of theirs: misspelt, what it means would be recorded.
        """
        for variable, names in self._names():
            for model in names.keys() - set(models):
                served = ", ".join(sorted(models))
                raise SettingsError(f"{variable}: no model {model!r} is served; {served} are")

    def check_version(self, manifest: Manifest) -> None:
        """Hold the settings against the fields of a version that is to be served.

        Raises
        ------
        ArtefactError
            If one has another name there: under it, it would be recorded.
        """
        known = [field.name for field in manifest.fields]
        for variable, names in self._names():
            if unknown := sorted(names.get(manifest.name, frozenset()) - set(known)):
                raise ArtefactError(
                    f"{variable}: {manifest.name} {manifest.version} has no field {unknown[0]!r}; "
                    f"it has {', '.join(known)}"
                )

    def kept_out(self, model: str) -> dict[str, str]:
        """The fields of a model that are not recorded as they came, and by which setting."""
        return {
            name: variable for variable, names in self._names() for name in names.get(model, ())
        }

    def _names(self) -> tuple[tuple[str, Names], ...]:
        return ("JOURNAL_OMIT", self._omitted), ("JOURNAL_HASH", self._hashed)

    def apply(self, entry: PredictionEntry[Any]) -> PredictionEntry[Any]:
        """The entry as it may be recorded.

        No warning tells of a field that is kept out, nor of one that is none: whatever a client
        called it, a person's number perhaps, is an input too.
        """
        if entry.model not in self._omitted and entry.model not in self._hashed:
            return entry
        omitted = self._omitted.get(entry.model, frozenset())
        hashed = self._hashed.get(entry.model, frozenset())
        told = {*entry.fields} - omitted - hashed
        columns = [(at, name) for at, name in enumerate(entry.fields) if name not in omitted]
        return msgspec.structs.replace(
            entry,
            fields=[name for _, name in columns],
            records=[
                [self._hash(name, row[at]) if name in hashed else row[at] for at, name in columns]
                for row in entry.records
            ],
            warnings={
                row: [remark for remark in remarks if remark.field in told]
                for row, remarks in entry.warnings.items()
            },
        )

    def _hash(self, field: str, value: Value) -> Value:
        if value is None:  # that it is missing stays known
            return None
        text = msgspec.json.encode([field, value])
        return hmac.digest(self._salt, text, hashlib.sha256).hex()[:DIGITS]


def _read(variable: str, text: str) -> Names:
    try:
        return msgspec.json.decode(text or "{}", type=Names)
    except msgspec.DecodeError as error:
        raise SettingsError(
            f"{variable}={text!r} names no fields by model, as "
            f'{{"wine": ["alcohol", "pH"]}} does: {error}'
        ) from None
