"""Folders, on this machine or in an object store: what is read, and where parts are written."""

import glob
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, cast
from urllib.parse import urlsplit
from uuid import uuid4

from serving.errors import NotFound
from serving.places import SUFFIX, SUFFIXES
from serving.places.objects import PATIENT, Listed, Missing, Objects, RangeFile, reported

SCHEMES = {"s3", "gs", "az"}
ALL = ("**", "*")
HIDDEN = ("_", ".")  # how the names begin of what is no data, as Hadoop has it


class Place(Protocol):
    """A folder; every method raises OSError or ObjectStoreError."""

    def find(self, pattern: Sequence[str]) -> dict[str, Listed]:
        """Return the files whose names match, part by part, except hidden ones."""

    def names(self) -> set[str]:
        """Return the names of the files that are directly in the folder."""

    def open(self, name: str, size: int) -> Any:
        """Open a file for pyarrow to read."""

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none."""

    def open_whole(self, name: str) -> BinaryIO:
        """Open a file on this machine: itself, or a copy that goes when it is closed.

        Raises
        ------
        FileNotFoundError
        """

    def writing(self, name: str) -> Any:
        """Write a file in a block, at whose end it is there, as a whole or not at all."""

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""


class Folder:
    """A folder on this machine."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def find(self, pattern: Sequence[str]) -> dict[str, Listed]:
        """Return the files whose names match."""
        found = {}
        for name in self._matching(pattern):
            file = self._path / name
            if file.is_file() and is_shown(name, pattern):
                status = file.stat()
                found[name] = Listed(status.st_size, str(status.st_mtime_ns))
        return found

    def _matching(self, pattern: Sequence[str]) -> Iterator[str]:
        """Yield the names that match; `**` follows no links to folders, which may form circles."""
        before = [*takewhile(lambda part: part != "**", pattern)]
        # Path.glob has no way to escape the signs of a glob in a name.
        names = glob.glob("/".join(before), root_dir=self._path) if before else [""]  # noqa: PTH207
        if len(before) == len(pattern):
            yield from names
            return
        for name in names:
            for folder, _, files in os.walk(self._path / name):
                inside = Path(folder).relative_to(self._path)
                below = ((inside / file).as_posix() for file in files)
                yield from (each for each in below if matches(each, pattern))

    def names(self) -> set[str]:
        """Return the names of the files that are directly in the folder."""
        return {each.name for each in self._path.iterdir()} if self._path.exists() else set()

    def open(self, name: str, size: int) -> Any:
        """Open a file for pyarrow to read."""
        del size
        return (self._path / name).open("rb")

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none."""
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None

    @contextmanager
    def writing(self, name: str) -> Iterator[Any]:
        """Write a file beside its place, under a hidden name, and rename it when it is complete."""
        final = self._path / name
        final.parent.mkdir(parents=True, exist_ok=True)
        aside = (
            final.parent / f".{final.name}.{uuid4().hex}"
        )  # unlike that of a process of another host
        try:
            with aside.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            aside.replace(final)
            _sync_folders(final.parent, self._path)
        finally:
            aside.unlink(missing_ok=True)

    def open_whole(self, name: str) -> BinaryIO:
        """Open the file itself."""
        return (self._path / name).open("rb")

    def remove(self, name: str) -> None:
        """Delete a file, and folders that are empty then."""
        path = self._path / name
        path.unlink(missing_ok=True)
        with suppress(OSError):
            while path.parent != self._path:
                path = path.parent
                path.rmdir()

    def remove_halves(self) -> None:
        """Remove what killed processes left."""
        for aside in self._path.glob(f".*{SUFFIX}.*"):
            aside.unlink(missing_ok=True)


def _sync_folders(folder: Path, root: Path) -> None:
    """Have the disk keep the names of files and folders, from one up to the root."""
    for each in (folder, *(each for each in folder.parents if each.is_relative_to(root))):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Store:
    """A folder in an object store, whose objects appear when they are complete."""

    def __init__(self, url: str) -> None:
        self._objects = Objects(url, retries=PATIENT)

    def find(self, pattern: Sequence[str]) -> dict[str, Listed]:
        """Return the objects whose names match."""
        if len(pattern) == 1 and glob.escape(pattern[0]) == pattern[0]:
            try:
                return {pattern[0]: self._objects.head(pattern[0])}
            except Missing:
                return {}
        return {
            name: listed
            for name, listed in self._objects.listed().items()
            if matches(name, pattern) and is_shown(name, pattern)
        }

    def names(self) -> set[str]:
        """Return the names of the objects that are directly in the folder."""
        return {name for name in self._objects.list() if "/" not in name}

    def open(self, name: str, size: int) -> Any:
        """Open an object for pyarrow to read."""
        return RangeFile(self._objects, name, size)

    def read(self, name: str) -> bytes | None:
        """Return the content of an object; None if there is none."""
        try:
            return self._objects.read(name)
        except Missing:
            return None

    @contextmanager
    def writing(self, name: str) -> Iterator[Any]:
        """Upload an object in parts, which are put together at the end of the block alone."""
        file = self._objects.open_writer(name)
        yield _Uploading(file, name)
        with reported(f"written: {name}"):
            file.close()

    def open_whole(self, name: str) -> BinaryIO:
        """Copy an object to a file without a name."""
        copy = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
        try:
            for chunk in self._objects.chunks(name):
                copy.write(chunk)
        except BaseException as error:
            copy.close()
            if isinstance(error, Missing):
                raise FileNotFoundError(name) from error
            raise
        copy.seek(0)
        return copy

    def remove(self, name: str) -> None:
        """Delete an object, if it is there."""
        self._objects.delete(name)


class _Uploading:
    """An object that is written; it reports failures as this service does."""

    closed = False

    def __init__(self, file: Any, name: str) -> None:
        self._file, self._name, self._place = file, name, 0

    def write(self, content: Any) -> int:
        with reported(f"written: {self._name}"):
            self._file.write(content)
        self._place += len(content)
        return len(content)

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        """Leave what is written to the parts that are uploaded."""

    def close(self) -> None:
        """Leave it open: it is closed when it is known to be complete."""


@lru_cache(maxsize=256)  # as each looks for credentials
def place(address: str) -> Place:
    """Return the folder at a path or URL."""
    return Store(address) if "://" in address else Folder(address)


class Given(NamedTuple):
    """What files are named by an address: a folder, and a pattern within it."""

    root: str
    pattern: tuple[str, ...]

    def find(self) -> dict[str, Listed]:
        """Find them; in a folder, those with the suffix of a table."""
        found = place(self.root).find(self.pattern)
        if self.pattern != ALL:
            return found
        return {name: listed for name, listed in found.items() if name.endswith(SUFFIXES)}

    def covers(self, file: str) -> bool:
        """Whether the file at this address would be one of them."""
        name = file.removeprefix(f"{self.root.rstrip('/')}/")
        return name != file and matches(name, self.pattern)


def given(address: str) -> Given:
    """Read the address of a file, a folder, or files by a glob.

    Raises
    ------
    NotFound
        If it cannot be the address of any.
    """
    address = absolute(address)
    is_url = "://" in address
    if not is_url and Path(address).is_file():
        folder, name = os.path.split(address)
        return Given(folder, (glob.escape(name),))
    if not is_url and Path(address).is_dir():
        return Given(address, ALL)
    start = address.index("://") + 3 if is_url else 0
    parts = address[start:].rstrip("/").split("/")
    fixed = next((at for at, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    if fixed == len(parts):
        if not address.endswith(SUFFIXES):
            return Given(address.rstrip("/"), ALL)
        fixed -= 1
    if fixed == 0:
        raise NotFound(f"{address} names no bucket; write one, as s3://bucket/{address[start:]}")
    return Given(address[:start] + ("/".join(parts[:fixed]) or "/"), tuple(parts[fixed:]))


def absolute(address: str) -> str:
    """Return a path from the root, or a URL that is read, without a / at its end.

    Raises
    ------
    NotFound
        If it is a URL of another kind.
    """
    scheme = urlsplit(address).scheme if "://" in address else ""
    if scheme in {"http", "https"}:
        raise NotFound(
            f"{address}: files are not read over {scheme}; download it, or name it by the "
            "address of its object store, as s3://bucket/…"
        )
    if scheme == "file":
        address, scheme = urlsplit(address).path, ""
    if scheme and scheme not in SCHEMES:
        near = "; write s3://" if scheme in {"s3a", "s3n"} else ""
        raise NotFound(f"{address} is no path, and none of s3://, gs:// and az://{near}")
    return address.rstrip("/") if scheme else os.path.realpath(address)


def matches(name: str, pattern: Sequence[str]) -> bool:
    """Whether a name matches a pattern part by part, `**` standing for any number of parts."""

    def match(parts: Sequence[str], wanted: Sequence[str]) -> bool:
        if not wanted:
            return not parts
        if wanted[0] == "**":
            return any(match(parts[at:], wanted[1:]) for at in range(len(parts) + 1))
        is_first = bool(parts) and fnmatchcase(parts[0], wanted[0])
        return is_first and match(parts[1:], wanted[1:])

    return match(name.split("/"), pattern)


def is_shown(name: str, pattern: Sequence[str]) -> bool:
    """Whether no part of a name is hidden, unless the pattern has it as it is."""
    return not any(
        part.startswith(HIDDEN) and glob.escape(part) not in pattern for part in name.split("/")
    )
