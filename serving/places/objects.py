"""An object store: what objects it has, their content, and new ones on the condition of being new.

The only module that knows obstore; only processes of their own import it.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, from_url

from serving.errors import ObjectStoreError

CODE = re.compile("<Code>(\\w+)</Code>")
CHUNK = 4 * 2**20  # bytes of an object that are in memory at the same time

# A server that does not respond is given up after about ten seconds, however long a large object
# takes that does arrive.
CLIENT: Any = {
    "connect_timeout": "2s",
    "read_timeout": "4s",
    "timeout": "15m",
    "allow_http": True,  # if the address that is set in the environment is one
}
UPLOAD_TIMEOUT = "5m"  # of one file
RETRIES: Any = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=5),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=1),
        "base": 2,
    },
}


# Those of a run over much data, which waits for a server that is restarted rather than fail.
PATIENT: Any = {
    "max_retries": 100,  # within the time
    "retry_timeout": timedelta(minutes=3),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=15),
        "base": 2,
    },
}


class Missing(Exception):
    """There is no such object."""


class Listed(NamedTuple):
    """An object: its size in bytes, and what changes with its content."""

    size: int
    tag: str


class Objects:
    """The objects below a URL; every method raises ObjectStoreError if they cannot be reached.

    Parameters
    ----------
    uploading : bool
        Whether files of versions are written, which takes long over a narrow line: the time until
        the response counts as that of a server that does not respond.
    retries : dict
        How often, and how long, a server that fails is asked again.
    """

    def __init__(self, url: str, *, uploading: bool = False, retries: Any = RETRIES) -> None:
        with reported("opened"):
            path = url if url.startswith("/") else urlsplit(url).path
            if url.startswith(("/", "file:")):
                # A folder that is not mounted must not become an empty one.
                self._store: Any = LocalStore(path)
            else:
                client = CLIENT | {"read_timeout": UPLOAD_TIMEOUT} if uploading else CLIENT
                self._store = from_url(url, client_options=client, retry_config=retries)

    def list(self, prefix: str = "") -> dict[str, str]:
        """Return, by name, what changes with the content of each object."""
        with reported("listed"):
            return {
                each["path"]: _listed(each).tag
                for page in obstore.list(self._store, prefix or None)
                for each in page
            }

    def listed(self) -> dict[str, Listed]:
        """Return all objects by name."""
        with reported("listed"):
            pages = obstore.list(self._store)
            return {each["path"]: _listed(each) for page in pages for each in page}

    def head(self, name: str) -> Listed:
        """Return what is known of an object; raises `Missing`."""
        with reported(f"read: {name}"):
            try:
                return _listed(obstore.head(self._store, name))
            except FileNotFoundError as error:
                raise Missing from error

    def read_range(self, name: str, start: int, count: int) -> bytes:
        """Return a part of an object."""
        with reported(f"read: {name}"):
            return bytes(obstore.get_range(self._store, name, start=start, length=count))

    def open_writer(self, name: str) -> Any:
        """Open an object to be written in parts; it is there once it is closed."""
        with reported(f"written: {name}"):
            return obstore.open_writer(self._store, name, max_concurrency=2)

    def read(self, name: str) -> bytes:
        """Return the content of an object; raises `Missing`."""
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of an object in parts; raises `Missing`."""
        with reported(f"read: {name}"):
            try:
                found = obstore.get(self._store, name)
            except FileNotFoundError as error:
                raise Missing from error
            for chunk in found.stream(CHUNK):
                yield bytes(chunk)

    def create(self, name: str, content: bytes) -> bool:
        """Create an object; return whether it has this content now, and not another."""
        with reported(f"written: {name}"):
            try:
                obstore.put(self._store, name, content, mode="create")
            except AlreadyExistsError:  # by somebody else, or by an attempt that was repeated
                with suppress(Missing):  # of one whose own attempt failed
                    return self.read(name) == content
                return False
        return True

    def delete(self, name: str) -> None:
        """Delete an object, if it is there."""
        with reported(f"changed: {name}"), suppress(FileNotFoundError):
            obstore.delete(self._store, name)

    def replace(self, name: str, content: bytes) -> None:
        """Create an object, or replace it."""
        with reported(f"written: {name}"):
            obstore.put(self._store, name, content)


def _listed(found: Any) -> Listed:
    size = found["size"]
    return Listed(size, found["e_tag"] or f"{size} {found['last_modified']}")


class RangeFile:
    """An object, read as a file of which a part is requested at a time."""

    closed = False

    def __init__(self, objects: "Objects", name: str, size: int) -> None:
        self._objects, self._name, self._size, self._place = objects, name, size, 0

    def read(self, count: int = -1) -> bytes:
        """Read so many bytes, or the rest."""
        left = self._size - self._place
        count = left if count < 0 else min(count, left)
        if count <= 0:
            return b""
        content = self._objects.read_range(self._name, self._place, count)
        self._place += len(content)
        return content

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, as files do."""
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = begin + place
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether it has places to go to."""
        return True

    def close(self) -> None:
        """End the reading."""
        self.closed = True


@contextmanager
def reported(done: str) -> Iterator[None]:
    """Raise what obstore raises as an error of the service."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        message = f"the object store cannot be {done}: {_shortened(str(error))}"
        raise ObjectStoreError(message, public=f"the object store cannot be {done}") from error


def _shortened(message: str) -> str:
    """Return the first line of what obstore reports, with the code of the server's response."""
    first = message.split("\n", 1)[0].split("<?xml", 1)[0].strip()
    code = CODE.search(message)
    return f"{first} {code[1]}" if code else first
