"""Folders, on this machine or in an object store: what is read, and where parts are written."""

import glob
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from uuid import uuid4

from serving.places import SUFFIX
from serving.places.objects import PATIENT, Listed, Missing, Objects, RangeFile, reported
from serving.places.patterns import is_shown, matches


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
