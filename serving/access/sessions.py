"""Sessions of browsers: a signed token in a cookie, in place of the key.

The token contains the end of the session and a signature of it, made with a secret of the service
and the hash of the key. So it is valid for all workers and after a restart, ends when the key is
removed, and neither the token nor the file of keys is enough to make another.
"""

import hmac
import logging
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from serving import clock
from serving.access.keys import Key
from serving.errors import without_path
from serving.once import read_or_create

log = logging.getLogger(__name__)

HOURS = 12
FILE = "session.secret"
BYTES = 32


class Sessions:
    """Makes and reads the tokens of sessions.

    Parameters
    ----------
    folder : Path
        Where the secret is kept. If it cannot be written, sessions end with the service.
    secret : str
        The secret, if all hosts have the same; empty if this host makes its own.
    """

    def __init__(self, folder: Path, secret: str = "") -> None:
        self._folder = folder
        self._secret = secret.encode(errors="surrogateescape")

    def open(self) -> None:
        """Read the secret, or make it; before a fork, so that all workers have the same."""
        if not self._secret:
            self._secret = _secret(self._folder)

    def start(self, key: Key) -> str:
        """Return the token of a new session."""
        until = f"{clock.now() + HOURS * 3_600_000:x}"
        return f"{until}.{self._signature(key, until).decode()}"

    def find(self, token: str, keys: Iterable[Key]) -> Key | None:
        """Return the key whose session has a token; None if it is over, or made up."""
        until, _, signature = token.partition(".")
        with suppress(ValueError):
            if int(until, 16) > clock.now():
                for key in keys:
                    if hmac.compare_digest(self._signature(key, until), signature.encode()):
                        return key
        return None

    def _signature(self, key: Key, until: str) -> bytes:
        self.open()
        return hmac.new(self._secret, key.digest + until.encode(), "sha256").hexdigest().encode()


def _secret(folder: Path) -> bytes:
    file = folder / FILE
    made = secrets.token_bytes(BYTES)
    try:
        kept = read_or_create(file, made)
    except OSError as error:
        log.warning("%s: sessions end with the service: %s", file, without_path(error))
        return made
    return kept if len(kept) == BYTES else made
