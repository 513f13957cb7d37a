"""One file of the archive: written, and checked as a whole before a row of it is read."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO
from urllib.parse import quote

import msgspec
import pyarrow as pa
from pyarrow import parquet, types

from serving import clock
from serving.archive.layout import MODEL
from serving.errors import ArchiveError, ObjectStoreError
from serving.places.addresses import absolute
from serving.places.places import place
from serving.recording.store.archive_files import ArchivedFile

GROUP_ROWS = 2**16
CHUNK = 2**20  # bytes that are hashed at once
NOT_REPEATED = {"id", "request_id", "explanation"}  # texts of which hardly two are equal


def new_file(model: str, time: int) -> ArchivedFile:
    """Name a file for predictions of the day of a time, as no other file is called."""
    day = clock.iso(time)[:10]
    name = f"model={quote(model, safe='')}/day={day}/{time:011x}{os.urandom(8).hex()}.parquet"
    return ArchivedFile(name=name, model=model)


def write(url: str, new: ArchivedFile, table: pa.Table) -> ArchivedFile:
    """Write rows, sorted by time and id; return the file with what it has.

    Raises
    ------
    ArchiveError
    """
    texts = [
        field.name
        for field in table.schema
        if types.is_string(field.type) and field.name not in NOT_REPEATED
    ]
    table = table.replace_schema_metadata(
        {**(table.schema.metadata or {}), MODEL: new.model.encode()}
    )
    with reported(url, new, missing=False), place(absolute(url)).writing(new.name) as out:
        hashed = _Hashing(out)
        with parquet.ParquetWriter(
            pa.PythonFile(hashed, mode="w"),
            table.schema,
            compression="zstd",
            use_dictionary=texts,
            write_page_checksum=True,
        ) as writer:
            writer.write_table(table, row_group_size=GROUP_ROWS)
    times = table.column("time").cast(pa.int64())
    return msgspec.structs.replace(
        new,
        state="moving",
        first=times[0].as_py(),
        last=times[-1].as_py(),
        rows=table.num_rows,
        size=hashed.size,
        unpacked=table.nbytes,
        sha256=hashed.sha256.hexdigest(),
    )


@contextmanager
def opened(url: str, file: ArchivedFile) -> Iterator[parquet.ParquetFile]:
    """Open a file for a block, after all of its bytes are checked.

    Raises
    ------
    ArchiveError
        If they are not those that were archived.
    FileNotFoundError
        If it is not there.
    """
    with reported(url, file), place(absolute(url)).open_whole(file.name) as content:
        _check(content, f"{url.rstrip('/')}/{file.name}", file)
        yield parquet.ParquetFile(content)


def read(url: str, file: ArchivedFile, columns: Sequence[str] | None = None) -> pa.Table:
    """Read all rows of a file, or some columns.

    Raises
    ------
    ArchiveError
    """
    try:
        with opened(url, file) as content:
            has = {*content.schema_arrow.names}
            return content.read(columns and [name for name in columns if name in has])
    except FileNotFoundError:
        raise missing(url, file) from None


def missing(url: str, file: ArchivedFile) -> ArchiveError:
    """Make the error of a file that counts and is not there."""
    return ArchiveError(
        f"{url.rstrip('/')}/{file.name} is missing; put it back from a copy, or name the folder "
        "that it is in now by ARCHIVE_URL",
        public=f"the archive has lost {file.name}",
    )


@contextmanager
def reported(url: str, file: ArchivedFile, *, missing: bool = True) -> Iterator[None]:
    """Raise what reading and writing raises as an error of the archive.

    Parameters
    ----------
    missing : bool
        Whether FileNotFoundError is raised as it is.
    """
    address = f"{url.rstrip('/')}/{file.name}"
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        if missing and isinstance(error, FileNotFoundError):
            raise
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise ArchiveError(f"{address}: {reason}", public=f"{file.name}: {reason}") from error
    except ObjectStoreError as error:
        raise ArchiveError(f"{address}: {error}", public=error.public) from error


def _check(content: BinaryIO, address: str, file: ArchivedFile) -> None:
    digest = hashlib.sha256()
    while chunk := content.read(CHUNK):
        digest.update(chunk)
    if digest.hexdigest() != file.sha256:
        raise ArchiveError(
            f"{address} is damaged: its content is not what was archived "
            f"(sha256 {digest.hexdigest()}, expected {file.sha256}); put it back from a copy",
            public=f"{file.name} is damaged",
        )
    content.seek(0)


class _Hashing:
    """A file that is written, and hashed meanwhile."""

    closed = False

    def __init__(self, out: Any) -> None:
        self._out, self.size, self.sha256 = out, 0, hashlib.sha256()

    def write(self, content: Any) -> int:
        self.sha256.update(content)
        self._out.write(content)
        self.size += len(content)
        return len(content)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Leave it to the file."""

    def close(self) -> None:
        """Leave it open: whoever opened it knows when it is complete."""
