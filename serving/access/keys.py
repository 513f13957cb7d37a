"""The keys of `API_KEYS`, `API_KEYS_FILE` and `ADMIN_KEYS`."""

import hmac
import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from serving import clock
from serving.access.callers import ADMIN, Caller, holder
from serving.access.entries import content_of, entries, hash_of, is_generated
from serving.errors import SettingsError
from serving.settings import Settings

log = logging.getLogger(__name__)

MIN_ADMIN_KEY = 16  # characters
INDEX = 8  # bytes of a hash by which a key is looked up
PAUSE = 1.0  # seconds between two looks at the file


class Key(NamedTuple):
    """A key that callers may send.

    Attributes
    ----------
    expires : int or None
        Milliseconds since 1970, UTC.
    is_guessable : bool
        Whether it may be less random than those that `adega keys add` makes.
    """

    caller: Caller
    digest: bytes
    expires: int | None
    is_guessable: bool = True

    @property
    def is_expired(self) -> bool:
        """Whether it is no longer valid."""
        return self.expires is not None and clock.now() >= self.expires


class _Known(NamedTuple):
    """Keys by the beginning of their hash, and those that were found since.

    Both are replaced together, so no thread finds a key again that has been removed.
    """

    by_digest: dict[bytes, Key]
    found: dict[str, Key]


class Keys:
    """All keys; those of the file follow its changes within a second.

    Attributes
    ----------
    is_required : bool
        Whether a request needs a key for anything but what is open.
    are_set : bool
        Whether there is a setting of keys at all, if only `ADMIN_KEYS`.

    Raises
    ------
    SettingsError
        With the setting, the entry and what is wrong with it, but never its content.
    """

    def __init__(self, settings: Settings) -> None:
        self._file = Path(settings.api_keys_file) if settings.api_keys_file else None
        self.is_required = bool(settings.api_keys or self._file)
        self.are_set = self.is_required or bool(settings.admin_keys)
        self._fixed = [*_admins(settings.admin_keys)]
        if settings.api_keys:
            self._fixed += read("API_KEYS", settings.api_keys.encode(errors="surrogateescape"))
        self._stamp = _stamp(self._file)
        self._known = _Known(_indexed(self._fixed + self._of_file()), {})
        self._until = 0.0
        self._reason = ""

    def __iter__(self) -> Iterator[Key]:
        self._follow()
        return iter(self._known.by_digest.values())

    @property
    def reason(self) -> str:
        """Why the file cannot be read now, if so; its keys of before stay valid meanwhile."""
        self._follow()
        return self._reason

    @property
    def can_decide(self) -> bool:
        """Whether anybody may decide on versions over HTTP."""
        return any(ADMIN in key.caller.scopes for key in self)

    def find(self, sent: str) -> Key | None:
        """Return the key that was sent, in a time that does not depend on those there are.

        A valid one is found again without hashing it, which takes as long as all else that is done
        with a key. Python's own hash of a text has a secret, so this time reveals nothing either.
        """
        if self._file is not None and time.monotonic() > self._until:
            self._follow()
        known = self._known
        if found := known.found.get(sent):
            return found
        digest = hash_of(sent)
        found = known.by_digest.get(digest[:INDEX])
        if found is None or not hmac.compare_digest(found.digest, digest):
            return None
        found = known.found[sent] = found._replace(is_guessable=not is_generated(sent))
        return found

    def _follow(self) -> None:
        """Read the file again if it has changed."""
        if self._file is None or time.monotonic() < self._until:
            return
        self._until = time.monotonic() + PAUSE
        stamp = _stamp(self._file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._known = _Known(_indexed(self._fixed + self._of_file()), {})
        except SettingsError as error:
            self._reason = error.public
            log.error("the keys of before stay valid: %s", error)  # noqa: TRY400 - the message is enough
        else:
            self._reason = ""
            log.info("%s: the keys were read again", self._file)

    def _of_file(self) -> list[Key]:
        return [*read("API_KEYS_FILE", content_of(self._file))] if self._file else []


def read(setting: str, content: bytes) -> Iterator[Key]:
    """Yield the keys of a setting.

    Raises
    ------
    SettingsError
    """
    for name, entry in entries(setting, content).items():
        models = frozenset(entry.models) if entry.models else None
        caller = holder(name, frozenset(entry.scopes), models)
        yield Key(caller, bytes.fromhex(entry.sha256), _midnight(entry.expires))


def _admins(setting: str) -> Iterator[Key]:
    for number, pair in enumerate(filter(None, setting.split(",")), start=1):
        name, colon, key = pair.strip().partition(":")
        sound = name and colon and len(key) >= MIN_ADMIN_KEY and pair.isprintable()
        if not sound:  # not quoted, as it is secret
            raise SettingsError(
                f"ADMIN_KEYS: entry {number} is not name:key with a key of at least "
                f"{MIN_ADMIN_KEY} printable characters"
            )
        yield Key(holder(name, frozenset({ADMIN})), hash_of(key), None)


def _midnight(day: date | None) -> int | None:
    if day is None:
        return None
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _indexed(keys: list[Key]) -> dict[bytes, Key]:
    found: dict[bytes, Key] = {}
    for key in keys:
        if other := found.get(key.digest[:INDEX]):
            names = f"{other.caller.name!r} and {key.caller.name!r}"
            raise SettingsError(f"the entries {names} have the same key; remove one")
        found[key.digest[:INDEX]] = key
    return found


def _stamp(file: Path | None) -> tuple[int, ...]:
    """Return what changes with a file; its inode and size, too, as times may be equal."""
    try:
        stat = os.stat(file) if file else None  # noqa: PTH116 - Path.stat costs five times as much
    except OSError:
        return ()
    return (stat.st_mtime_ns, stat.st_ino, stat.st_size) if stat else ()
