"""Keep personal data out of the record: omit fields, replace values and subjects by hashes."""

import hashlib
import hmac
import re
from collections.abc import Collection
from typing import Any

import msgspec

from serving.errors import ArtefactError, InvalidSubject, SettingsError
from serving.inputs.field import Value
from serving.inputs.shown import shown
from serving.models.explaining.shortening import without_fields
from serving.models.manifest import Manifest
from serving.recording.entry import PredictionEntry
from serving.settings import Settings

MIN_SALT = 16
DIGITS = 32  # hexadecimal digits of a hash
SUBJECT_PATTERN = r"[A-Za-z0-9_:|+=@~-][A-Za-z0-9_.:|+=@~-]{0,127}"  # also as a part of a path

Names = dict[str, frozenset[str]]


class Privacy:
    """The fields of each model that are omitted or hashed.

    Raises
    ------
    SettingsError
        If `JOURNAL_OMIT` or `JOURNAL_HASH` is invalid, or the salt for the hashes is missing.
    """

    def __init__(self, settings: Settings) -> None:
        self._omitted = _read("JOURNAL_OMIT", settings.journal_omit)
        self._hashed = _read("JOURNAL_HASH", settings.journal_hash)
        self._salt = settings.journal_salt.encode()
        if len(settings.journal_salt) < MIN_SALT and (self._hashed or self._salt):
            names = "JOURNAL_HASH needs a JOURNAL_SALT" if self._hashed else "JOURNAL_SALT is not"
            raise SettingsError(
                f"{names} of at least {MIN_SALT} characters: "
                "without them, values can be guessed until a hash matches"
            )

    def check_models(self, models: Collection[str]) -> None:
        """Check that every model in the settings is served.

        Raises
        ------
        SettingsError
            If one is not: the fields of a misspelt model would be recorded.
        """
        for variable, names in self._names():
            for model in names.keys() - set(models):
                served = ", ".join(sorted(models))
                raise SettingsError(f"{variable}: no model {model!r} is served; {served} are")

    def check_version(self, manifest: Manifest) -> None:
        """Check that a version has the fields in the settings, before it is served.

        Raises
        ------
        ArtefactError
            If it lacks one: under another name, its values would be recorded.
        """
        known = [field.name for field in manifest.fields]
        for variable, names in self._names():
            if unknown := sorted(names.get(manifest.name, frozenset()) - set(known)):
                raise ArtefactError(
                    f"{variable}: {manifest.name} {manifest.version} has no field {unknown[0]!r}; "
                    f"it has {', '.join(known)}"
                )

    def kept_out(self, model: str) -> dict[str, str]:
        """Return the omitted or hashed fields of a model, with the name of the setting."""
        return {
            name: variable for variable, names in self._names() for name in names.get(model, ())
        }

    def _names(self) -> tuple[tuple[str, Names], ...]:
        return ("JOURNAL_OMIT", self._omitted), ("JOURNAL_HASH", self._hashed)

    def changes(self, model: str) -> bool:
        """Whether any field of a model is omitted or hashed."""
        return model in self._omitted or model in self._hashed

    def apply(self, entry: PredictionEntry[Any]) -> PredictionEntry[Any]:
        """Omit or hash the values of an entry that may not be recorded.

        Also remove warnings about these fields and about unknown fields: the name of an unknown
        field, perhaps a person's number, is input too. And the contributions of these fields to an
        explanation, from which their values could be computed.
        """
        if not self.changes(entry.model):
            return entry
        omitted = self._omitted.get(entry.model, frozenset())
        hashed = self._hashed.get(entry.model, frozenset())
        kept = {*entry.fields} - omitted - hashed
        columns = [(at, name) for at, name in enumerate(entry.fields) if name not in omitted]
        return msgspec.structs.replace(
            entry,
            fields=[name for _, name in columns],
            records=[
                [self._hash(name, row[at]) if name in hashed else row[at] for at, name in columns]
                for row in entry.records
            ],
            warnings={
                row: [remark for remark in remarks if remark.field in kept]
                for row, remarks in entry.warnings.items()
            },
            explanations=[without_fields(each, omitted | hashed) for each in entry.explanations],
        )

    def subject(self, key: str) -> str:
        """Return what is recorded for a person's key: its hash if there is a salt."""
        return self._digest(key) if self._salt and key else key

    def subjects(self, key: str) -> list[str]:
        """Return all that may be recorded for a person's key: without a salt it is the key.

        Raises
        ------
        InvalidSubject
        """
        return list(dict.fromkeys([key, self.subject(require_subject(key))]))

    def recorded(self, model: str, field: str, value: Value) -> list[Value]:
        """Return all that may be recorded for a value of a field."""
        is_hashed = field in self._hashed.get(model, ())
        return [value, self._hash(field, value)] if is_hashed else [value]

    def _hash(self, field: str, value: Value) -> Value:
        return None if value is None else self._digest([field, value])  # stays recognisable

    def _digest(self, value: Any) -> str:
        text = msgspec.json.encode(value)
        return hmac.digest(self._salt, text, hashlib.sha256).hex()[:DIGITS]


def require_subject(key: str) -> str:
    """Return the key of a person if it can be found again as it is.

    Raises
    ------
    InvalidSubject
    """
    if not re.fullmatch(SUBJECT_PATTERN, key):
        raise InvalidSubject(
            f"{shown(key)} is not the key of a subject: send 1 to 128 ASCII letters, digits "
            "and . _ - : | + = @ ~, the first of them no dot"
        )
    return key


def _read(variable: str, text: str) -> Names:
    try:
        return msgspec.json.decode(text or "{}", type=Names)
    except msgspec.DecodeError as error:
        raise SettingsError(
            f"{variable}={text!r} is not a JSON object of fields by model, such as "
            f'{{"wine": ["alcohol", "pH"]}}: {error}'
        ) from None
