"""Where executors have a version from: the object store, or a file that Spark takes to them."""

import hashlib
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, cast
from uuid import uuid4

import msgspec

from serving.errors import ArtefactError, ObjectStoreError
from serving.lock import locked
from serving.models import artefact
from serving.models.artefact import Artefact
from serving.models.engine import Engine
from serving.settings import Settings
from serving.versions.decisions import Decisions
from serving.versions.object_store import ObjectStore
from serving.versions.reader import VersionReader

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # so that equal versions are equal files
OTHERS_WRITE = 0o022  # of a folder's mode
DIGITS = 16  # of a sha256 in a name
MAX_ENGINES = 2  # in a process: a notebook may compare versions


class Origin(msgspec.Struct, frozen=True):
    """A version, and where executors have it from.

    Attributes
    ----------
    sha256 : str
        Of its manifest.
    url : str
        Of the object store; empty if Spark takes the version to the executors.
    """

    model: str
    version: int
    sha256: str
    url: str = ""

    @property
    def file(self) -> str:
        """The name of the file that Spark takes to the executors."""
        return f"adega-{self.model}-{self.version}-{self.sha256[:DIGITS]}.zip"


def cache_folder(name: str) -> Path:
    """Return a folder for copies, in one of temporary files that no other user can write to.

    Raises
    ------
    ArtefactError
        If another user can.
    """
    own = Path(gettempdir()) / f"adega-{os.getuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    status = own.lstat()
    if status.st_uid != os.getuid() or status.st_mode & OTHERS_WRITE:
        raise ArtefactError(
            f"{own} can be written by another user; remove it, or set TMPDIR to another folder"
        )
    return own / name


def shared_at(url: str) -> ObjectStore:
    """Return an object store with a copy on this machine."""
    digest = hashlib.sha256(url.encode()).hexdigest()
    return ObjectStore(url, cache_folder(f"store-{digest[:DIGITS]}"))


def choose(settings: Settings, url: str, model: str, version: int | None) -> Artefact:
    """Read the version that all executors are to have.

    Parameters
    ----------
    url : str
        Of the object store that it is in; empty if it is in this machine's own folder.
    version : int or None
        The live one, if None.

    Raises
    ------
    UnknownModel, UnknownVersion, ArtefactError, ObjectStoreError
    """
    if not url:
        return Decisions.from_settings(settings).choose(model, version)
    shared = shared_at(url)
    behind = shared.pull(model, served=True).behind
    if model in behind:
        raise ObjectStoreError(f"{model}: {behind[model]}")
    if version is not None:
        shared.fetch(model, version)
    folder = shared.models_dir
    return VersionReader(folder, folder, settings.public_keys, shared).choose(model, version)


def offer(read: Artefact, url: str, add: Callable[[str], Any]) -> Origin:
    """Let executors have a version.

    Parameters
    ----------
    url : str
        Of the object store that it is in; empty if it is on this machine alone.
    add : callable
        Has Spark take the file at a path to all executors.
    """
    manifest = read.manifest
    origin = Origin(manifest.name, manifest.version, manifest.sha256, url)
    if not url:
        file = Path(_scratch().name) / origin.file
        if not file.exists():  # what is there may be on its way
            _pack(read, file)
        add(str(file))
    return origin


def _pack(read: Artefact, file: Path) -> None:
    aside = file.with_suffix(f".{uuid4().hex}")
    with zipfile.ZipFile(aside, "w") as archive:
        files = artefact.files_of(read.manifest, read.manifest.version, read.contents)
        for name, content in files.items():
            inside = f"{read.manifest.name}/{read.manifest.version}/{name}"
            archive.writestr(zipfile.ZipInfo(inside, LONG_AGO), content)
    aside.replace(file)


@cache
def _scratch() -> TemporaryDirectory[str]:
    """Return a folder that lasts as long as this process, from which Spark takes files."""
    return TemporaryDirectory(prefix="adega-")


@lru_cache(maxsize=MAX_ENGINES)
def load(origin: Origin) -> Engine:
    """Load a version on an executor, once in a process.

    Raises
    ------
    ArtefactError
        If it is not the one that the driver has read.
    ObjectStoreError, OSError
    """
    read = _fetched(origin) if origin.url else _taken(origin)
    if read.manifest.sha256 != origin.sha256:
        raise ArtefactError(
            f"{read} in {origin.url} is not the version that the driver has read; see which of "
            "them is right, and start again"
        )
    return Engine(read)


def _taken(origin: Origin) -> Artefact:
    from pyspark import SparkFiles  # noqa: PLC0415 - the service has no Spark

    file = zipfile.Path(SparkFiles.get(origin.file))  # which is read as a folder is
    return artefact.read(cast("Path", file), origin.model, origin.version)


def _fetched(origin: Origin) -> Artefact:
    shared = shared_at(origin.url)
    shared.models_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(shared.models_dir):  # one of the processes of this machine fetches
        with suppress(ArtefactError):
            kept = artefact.read(shared.models_dir, origin.model, origin.version)
            if kept.manifest.sha256 == origin.sha256:
                return kept
        shared.fetch(origin.model, origin.version)
        return artefact.read(shared.models_dir, origin.model, origin.version)
