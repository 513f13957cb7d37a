"""Copies one version out of an object store, and verifies it.

Beside the files of the version, its folder has `.objects.json`: which objects it is a copy of, to
see whether they are still what is in the object store.
"""

import hashlib
import os
import shutil
from pathlib import Path
from uuid import uuid4

import msgspec

from serving.errors import ArtefactError
from serving.models import model_folder
from serving.models.model_folder import MANIFEST
from serving.models.signatures import SIGNATURE
from serving.places.objects import Objects
from serving.versions.listing import PLAIN, ETags

OBJECTS = ".objects.json"


class _Manifest(msgspec.Struct):
    """What a copy is verified by."""

    name: str
    version: int
    files: dict[str, str]


def copy_version(objects: Objects, folder: Path, e_tags: ETags) -> None:
    """Copy a version beside its place, verify it and put it there.

    Parameters
    ----------
    folder : Path
        Its place, MODEL/NUMBER.

    Raises
    ------
    ArtefactError
        If it is not what was uploaded.
    Missing, ObjectStoreError, OSError
    """
    name, number = folder.parent.name, int(folder.name)
    aside = folder.with_name(f".{number}.{uuid4().hex}")
    aside.mkdir()
    try:
        _fetch(objects, folder, MANIFEST, aside)
        try:
            manifest = msgspec.json.decode((aside / MANIFEST).read_bytes(), type=_Manifest)
        except ValueError as error:
            raise ArtefactError(f"{name} {number}: {MANIFEST}: {error}") from error
        if (manifest.name, manifest.version) != (name, number):
            of = f"{manifest.name} {manifest.version}"
            raise ArtefactError(f"{name} {number}: {MANIFEST} is of {of}")
        for file, sha256 in manifest.files.items():
            if not PLAIN.fullmatch(file) or _fetch(objects, folder, file, aside) != sha256:
                raise ArtefactError(
                    f"{name} {number}: {file} is not the file that {MANIFEST} was written for"
                )
        if SIGNATURE in e_tags:
            _fetch(objects, folder, SIGNATURE, aside)
        model_folder.write_through(aside / OBJECTS, msgspec.json.encode(e_tags))
        if copied_from(folder) == e_tags:  # another process of this host was faster
            return
        if folder.exists():
            remove(folder)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def copied_from(folder: Path) -> ETags:
    """Return which objects a version's folder is a copy of."""
    try:
        return msgspec.json.decode((folder / OBJECTS).read_bytes(), type=ETags)
    except (OSError, ValueError):
        return {}


def mark_damaged(folder: Path) -> None:
    """Let a version be copied again if its files are not what was copied."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=_Manifest)
        whole = all(_sha256(folder / file) == it for file, it in manifest.files.items())
    except (OSError, ValueError):
        whole = False
    if not whole:
        (folder / OBJECTS).unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove a version in one step, so that nobody reads half of it."""
    aside = folder.with_name(f".{folder.name}.{uuid4().hex}")
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _fetch(objects: Objects, version: Path, file: str, folder: Path) -> str:
    """Copy an object of a version to a file in a folder; return its sha256."""
    found = hashlib.sha256()
    with (folder / file).open("wb") as copy:
        for chunk in objects.chunks(f"{version.parent.name}/{version.name}/{file}"):
            found.update(chunk)
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    return found.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
