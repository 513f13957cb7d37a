"""Entries of keys, as people and `adega keys` write them: a JSON object, an entry for each name.

    {"shop": {"sha256": "9f86…", "scopes": ["predict"], "models": ["wine"],
              "expires": "2027-06-30"},
     "grafana": {"sha256": "60e0…", "scopes": ["metrics"]}}

They hold SHA-256 hashes only. A slow hash, as for passwords, would protect nothing more: a
generated key is 256 random bits, which nobody can guess, however fast the hash is.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from serving.access.callers import SCOPES
from serving.errors import NotJSON, SettingsError, without_path
from serving.inputs.strict_json import JSONObject, parse
from serving.lock import locked

PREFIX = "adega_"  # so that secret scanners, and people, recognise one
GENERATED = len(PREFIX) + 43  # characters: 32 bytes in base64
NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)  # it is logged and recorded
HASH = re.compile(r"[0-9a-fA-F]{64}")
KEY = re.compile(rf"{PREFIX}[\w-]*", re.ASCII)  # that was written in the wrong place
ENTRY = (
    '{"sha256": "…", "scopes": ["predict"], "models": ["wine"], "expires": "2027-06-30"}, '
    "with models and expires only if it is limited"
)


class Entry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A key as it is written in a file.

    Attributes
    ----------
    sha256 : str
        Of the key, in hexadecimal digits.
    models : list of str
        The models that it is limited to; empty for all.
    expires : date, optional
        The first day, in UTC, on which it is no longer valid.
    """

    sha256: str
    scopes: list[str]
    models: list[str] = []
    expires: date | None = None


def generate() -> str:
    """Make a new key."""
    return PREFIX + secrets.token_urlsafe(32)


def is_generated(key: str) -> bool:
    """Whether a key is one of those that cannot be guessed."""
    return len(key) == GENERATED and key.startswith(PREFIX)


def hash_of(key: str) -> bytes:
    """Return the hash of a key."""
    return hashlib.sha256(key.encode()).digest()


def content_of(file: Path) -> bytes:
    """Return the content of the file of keys.

    Raises
    ------
    SettingsError
    """
    try:
        return file.read_bytes()
    except OSError as error:
        reason = f"cannot be read: {without_path(error)}; `adega keys add` creates it"
        message = f"API_KEYS_FILE={str(file)!r} {reason}"
        raise SettingsError(message, public=f"API_KEYS_FILE {reason}") from None


def entries(setting: str, content: bytes) -> dict[str, Entry]:
    """Read entries by their name.

    Raises
    ------
    SettingsError
        If the content is not JSON, or an entry is not one.
    """
    if not content.strip():
        return {}
    shown = 'an object such as {"shop": {"sha256": "…", "scopes": ["predict"]}}'
    try:
        sent = parse(content)
    except NotJSON as error:
        fault = str(error).removeprefix("the body ")
        raise SettingsError(f"{setting} {fault}; write {shown}") from None
    if not isinstance(sent, JSONObject):
        raise SettingsError(f"{setting} is not {shown}")
    for name in sent.repeated:
        named = KEY.sub("…", name)
        raise SettingsError(f"{setting}: there are two entries {named!r}; rename one")
    found = {}
    for number, (name, value) in enumerate(sent.items(), start=1):
        # A name may be a key that was written in the wrong place.
        shown = repr(name) if NAME.fullmatch(name) and PREFIX not in name else str(number)
        found[name] = _entry(f"{setting}: entry {shown}", name, value)
    return found


def read_file(file: Path) -> dict[str, Entry]:
    """Read the entries of `API_KEYS_FILE`.

    Raises
    ------
    SettingsError
    """
    return entries("API_KEYS_FILE", content_of(file))


def change_file(file: Path, change: Callable[[dict[str, Entry]], None]) -> None:
    """Change the entries of `API_KEYS_FILE`, which is created if it is missing.

    Others that change it wait meanwhile; those that read it find it whole.

    Raises
    ------
    SettingsError
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with locked(file.parent):
            kept = read_file(file) if file.exists() else {}
            change(kept)
            _write(file, kept)
    except OSError as error:
        message = f"API_KEYS_FILE={str(file)!r} cannot be written: {without_path(error)}"
        raise SettingsError(message) from None


def _write(file: Path, kept: dict[str, Entry]) -> None:
    lines = [f" {_json(name)}: {_json(entry)}" for name, entry in kept.items()]
    temporary = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    temporary.touch(mode=0o600)
    try:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def check_scopes(where: str, scopes: list[str]) -> None:
    """Check that there are scopes, and that each is one.

    Raises
    ------
    SettingsError
    """
    for scope in scopes or [""]:
        if scope not in SCOPES:
            message = f"{where}: {scope[:16]!r} is not a scope; choose from {', '.join(SCOPES)}"
            raise SettingsError(message)


def check_models(where: str, models: list[str]) -> None:
    """Check that each model may be one, of which there need not be any yet.

    Raises
    ------
    SettingsError
    """
    for model in models:
        if not model.strip() or "," in model:
            message = f"{where}: {model[:16]!r} is not the name of a model; write each by itself"
            raise SettingsError(message)


def check_name(where: str, name: str) -> None:
    """Check that a key may have a name.

    Raises
    ------
    SettingsError
    """
    if not NAME.fullmatch(name) or PREFIX in name:
        message = f"{where}: a name is at most 64 letters, digits and . _ @ -, and no key itself"
        raise SettingsError(message)


def _entry(where: str, name: str, value: Any) -> Entry:
    check_name(where, name)
    try:
        entry = msgspec.convert(value, Entry)
    except msgspec.ValidationError as error:
        fault = KEY.sub("…", str(error))
        raise SettingsError(f"{where}: {fault}; write {ENTRY}") from None
    for member in value.repeated:
        raise SettingsError(f"{where}: there are two {member!r}; remove one")
    if value.get("models") == []:  # which may be meant as none, or as all
        raise SettingsError(f"{where}: models is empty; name some, or leave it out for all")
    if not HASH.fullmatch(entry.sha256):
        raise SettingsError(f"{where}: sha256 is not the SHA-256 of a key in 64 hexadecimal digits")
    check_scopes(where, entry.scopes)
    check_models(where, entry.models)
    return entry
