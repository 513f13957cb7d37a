"""Who may decide on versions: the keys of `ADMIN_KEYS`."""

import hmac

from serving.errors import SettingsError
from serving.settings import Settings

MIN_KEY_LENGTH = 16


class Admins:
    """The names and keys of `ADMIN_KEYS`.

    Raises
    ------
    SettingsError
        If an entry is not `name:key`, or its key is too short.
    """

    def __init__(self, settings: Settings) -> None:
        self._names: dict[str, str] = {}
        for number, pair in enumerate(filter(None, settings.admin_keys.split(",")), start=1):
            name, colon, key = pair.strip().partition(":")
            if not (name and colon and len(key) >= MIN_KEY_LENGTH):  # not quoted, as it is secret
                raise SettingsError(
                    f"ADMIN_KEYS: entry {number} is not name:key with a key of at least "
                    f"{MIN_KEY_LENGTH} characters"
                )
            self._names[key] = name

    def __bool__(self) -> bool:
        """Whether there is any key."""
        return bool(self._names)

    def name(self, key: str) -> str | None:
        """Return the name that a key belongs to, in a time that does not depend on the keys."""
        found = None
        for known, name in self._names.items():
            if hmac.compare_digest(known.encode(), key.encode()):
                found = name
        return found
