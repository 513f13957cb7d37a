"""One version of a model on disk, models/NAME/VERSION/: all that training and serving share.

model.pkl        the fitted estimator, by joblib: the record of what was trained
model.onnx       the same model compiled for serving; absent if it could not be proved equal
forest.npz       the same model of trees as a table, the fastest to compute; absent likewise
linear.json      the coefficients of a linear model, for explanations; absent likewise
model.json       the manifest
reference.json   the distributions in training, which live traffic is compared with
outputs.npy      some rows and what the pickle returned for them: every engine must return the same
model.json.sig   the signature of the manifest, if it was signed
card.json        what its page shows beyond the manifest; absent if nothing was held out
"""

import hashlib
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import uuid4

import msgspec

from serving.errors import ArtefactError, without_path
from serving.inputs.schema import Matrix
from serving.lock import locked
from serving.models import recorded_outputs
from serving.models.card import Card
from serving.models.manifest import Manifest
from serving.models.model_folder import MANIFEST, make_folder, numbered, write_through
from serving.models.reference import Reference
from serving.models.signatures import SIGNATURE, require_signature, sign

if TYPE_CHECKING:
    from nacl.signing import SigningKey

PICKLE, ONNX, REFERENCE = "model.pkl", "model.onnx", "reference.json"
OUTPUTS, CARD, FOREST, LINEAR = "outputs.npy", "card.json", "forest.npz", "linear.json"
COMPILED = FOREST, ONNX

Read = TypeVar("Read")


@dataclass(frozen=True)
class Artefact:
    """A version as read from disk; `contents` are the bytes whose hashes were verified."""

    manifest: Manifest
    reference: Reference
    contents: Mapping[str, bytes]

    def recorded_outputs(self) -> tuple[Matrix, Matrix]:
        """Return rows, and the pickle's outputs for them when it was written.

        Raises
        ------
        ArtefactError
            If `OUTPUTS` does not belong to this model.
        """
        try:
            return recorded_outputs.decode(self.contents[OUTPUTS], self.manifest)
        except ValueError as error:
            raise ArtefactError(f"{self}: {OUTPUTS}: {error}") from error

    def card(self) -> Card:
        """Return the card, an empty one if there is none.

        Raises
        ------
        ArtefactError
        """
        if CARD not in self.contents:
            return Card()
        return _decoded(self.manifest, CARD, self.contents[CARD], Card)

    def without_compiled(self) -> Self:
        """Return the version as its pickle alone serves it."""
        kept = {file: self.contents[file] for file in self.contents if file not in COMPILED}
        return replace(self, contents=kept)

    def __str__(self) -> str:
        return f"{self.manifest.name} {self.manifest.version}"


def read(models_dir: Path, name: str, version: int, trusted: Collection[bytes] = ()) -> Artefact:
    """Read a version's folder and verify every file in it.

    Parameters
    ----------
    trusted : collection of bytes
        The public keys one of which must have signed it; none if it need not be signed.

    Raises
    ------
    ArtefactError
        If a file is missing, altered or invalid, or the signature is.
    """
    manifest = read_manifest(models_dir, name, version, trusted)
    contents = {file: _verified(models_dir, manifest, file) for file in manifest.files}
    for file in (PICKLE, REFERENCE, OUTPUTS):
        if file not in contents:
            raise ArtefactError(f"{name} {version}: {MANIFEST} lists no {file}")
    reference = _decoded(manifest, REFERENCE, contents[REFERENCE], Reference)
    return Artefact(manifest, reference, contents)


def read_manifest(
    models_dir: Path, name: str, version: int, trusted: Collection[bytes] = ()
) -> Manifest:
    """Read the manifest of a version, and of its other files the signature alone.

    Raises
    ------
    ArtefactError
        If it is missing or invalid, belongs to another version, or none of the trusted keys, if
        there are any, signed it.
    """
    where = f"{name} {version}: {MANIFEST}"
    folder = models_dir / name / str(version)
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise ArtefactError(f"{where} cannot be read: {without_path(error)}") from error
    if trusted:
        require_signature(folder, name, version, content, trusted)
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except ValueError as error:  # no JSON, no UTF-8 or no manifest
        raise ArtefactError(f"{where}: {error}") from error
    if (manifest.name, manifest.version) != (name, version):
        raise ArtefactError(f"{where} is of {manifest.name} {manifest.version}")
    return manifest


def read_reference(models_dir: Path, manifest: Manifest) -> Reference:
    """Read only the reference of a version.

    Raises
    ------
    ArtefactError
    """
    return _decoded(manifest, REFERENCE, _verified(models_dir, manifest, REFERENCE), Reference)


def read_card(models_dir: Path, manifest: Manifest) -> Card:
    """Read only the card of a version, an empty one if it has none.

    Raises
    ------
    ArtefactError
    """
    if CARD not in manifest.files:
        return Card()
    return _decoded(manifest, CARD, _verified(models_dir, manifest, CARD), Card)


def write(
    models_dir: Path,
    manifest: Manifest,
    contents: Mapping[str, bytes],
    signing_key: "SigningKey | None" = None,
) -> int:
    """Write a folder for the model's next version and return its number; sign it, given a key.

    The folder is filled under another name and then renamed, so that nobody sees half of it. If
    several processes write at once, each gets a number of its own.
    """
    model = models_dir / manifest.name
    make_folder(model)
    with locked(model):
        version = max((int(entry.name) for entry in numbered(model)), default=0) + 1
        _put(model / str(version), files_of(manifest, version, contents, signing_key))
    return version


def files_of(
    manifest: Manifest,
    version: int,
    contents: Mapping[str, bytes],
    signing_key: "SigningKey | None" = None,
) -> dict[str, bytes]:
    """Return all files of a version: contents, the manifest, and given a key its signature."""
    files = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    described = pretty(msgspec.structs.replace(manifest, version=version, files=files))
    made = {**contents, MANIFEST: described}
    if signing_key:
        made[SIGNATURE] = sign(manifest.name, version, described, signing_key)
    return made


def _put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a version's folder under another name, and rename it."""
    aside = folder.with_name(f".{folder.name}.{uuid4().hex}")
    make_folder(aside)
    try:
        for file, content in files.items():
            write_through(aside / file, content)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def pretty(value: Any) -> bytes:
    """Encode as JSON with line breaks, for people to read."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _verified(models_dir: Path, manifest: Manifest, file: str) -> bytes:
    where = f"{manifest.name} {manifest.version}: {file}"
    try:
        content = (models_dir / manifest.name / str(manifest.version) / file).read_bytes()
    except OSError as error:
        raise ArtefactError(f"{where} cannot be read: {without_path(error)}") from error
    if hashlib.sha256(content).hexdigest() != manifest.files.get(file):
        raise ArtefactError(f"{where} is not the file that {MANIFEST} was written for")
    return content


def _decoded(manifest: Manifest, file: str, content: bytes, kind: type[Read]) -> Read:
    try:
        return msgspec.json.decode(content, type=kind)
    except ValueError as error:
        raise ArtefactError(f"{manifest.name} {manifest.version}: {file}: {error}") from error
