"""Requests to erase, which wait as files in the journal's folder until the store has them.

A request contains the very value that is to be erased. So the database keeps it only until every
host has erased its part, and is then purged of it, too.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from serving import clock
from serving.models.model_folder import write_through

SUFFIX = ".erase"
UNFINISHED = ".unfinished"
MAX_SECONDS = 60  # that the writing of a request takes


class Ids(msgspec.Struct, frozen=True, tag="ids"):
    """The predictions and the feedback with some ids."""

    ids: list[str]


class Subject(msgspec.Struct, frozen=True, tag="subject"):
    """All about a person, by the key as it was sent or as it is recorded."""

    keys: list[str]


class FieldValue(msgspec.Struct, frozen=True, tag="field"):
    """The predictions of a model for records with one of some values in a field."""

    model: str
    field: str
    values: list[Any]


What = Ids | Subject | FieldValue


class Request(msgspec.Struct, frozen=True):
    """A request to erase.

    Attributes
    ----------
    id : str
        Unique; later requests have greater ones.
    time : int
        Milliseconds since 1970, UTC.
    who : str
        Who made it.
    """

    id: str
    time: int
    who: str
    what: What


def write(folder: Path, who: str, what: What) -> Request:
    """Make a request and leave it in a journal's folder.

    Raises
    ------
    OSError
    """
    now = clock.now()
    request = Request(f"{now:011x}{os.urandom(8).hex()}", now, who, what)
    path = folder / f"{request.id}{SUFFIX}"
    unfinished = path.with_suffix(UNFINISHED)
    folder.mkdir(parents=True, exist_ok=True)
    write_through(unfinished, msgspec.json.encode(request))
    unfinished.rename(path)
    return request


def waiting(folder: Path) -> list[Request]:
    """Read the requests that wait in a journal's folder, the oldest first.

    Raises
    ------
    OSError
    """
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with suppress(FileNotFoundError, ValueError):  # done by now; a file that is none of ours
            found.append(_decode(path.read_bytes()))
    return found


def remove(folder: Path, request: Request) -> None:
    """Remove a request that the store has.

    Raises
    ------
    OSError
    """
    (folder / f"{request.id}{SUFFIX}").unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what was written of requests when their process was killed.

    Raises
    ------
    OSError
    """
    for path in folder.glob(f"*{UNFINISHED}"):
        with suppress(FileNotFoundError):  # finished by now
            if path.stat().st_mtime < time.time() - MAX_SECONDS:
                path.unlink()


_decode = msgspec.json.Decoder(Request).decode
