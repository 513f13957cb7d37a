"""One version of a model on disk: models/NAME/VERSION/, all that training and serving share.

model.pkl        the fitted estimator, by joblib: the record of what was trained
model.onnx       the same model compiled for serving; absent where it could not be proved equal
model.json       the manifest
reference.json   the distributions seen in training, and the performance to hold to
answers.npy      some rows and what the pickle answered to them: whatever serves must answer so
"""

import hashlib
import io
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.errors import ArtefactError
from serving.field import Field
from serving.schema import Matrix

PICKLE, ONNX, MANIFEST, REFERENCE = "model.pkl", "model.onnx", "model.json", "reference.json"
ANSWERS = "answers.npy"
CURRENT = "current"


class Threshold(msgspec.Struct, frozen=True):
    """A label is predicted when its probability is at least `value`; `reason` says why there."""

    label: str
    value: float
    reason: str


class Interval(msgspec.Struct, frozen=True):
    """How far from a prediction the true value lies: split conformal prediction.

    Lei et al. (2018), Distribution-Free Predictive Inference for Regression, JASA 113, 1094-1111.

    Attributes
    ----------
    coverage : float
        The share of true values that the interval is made to hold.
    low, high : float
        The interval's ends less the prediction, in the target's unit; `low` is negative as a rule.
    relative : bool
        Whether `low` and `high` are parts of the prediction instead.
    observed : float
        The share that it held of `rows` rows, which neither the model nor the interval had seen.
    """

    coverage: float
    low: float
    high: float
    relative: bool
    observed: float
    rows: int


class Figure(msgspec.Struct, frozen=True):
    """A metric on held-out folds: mean, standard deviation over the folds, and the baseline's."""

    mean: float
    spread: float
    baseline: float


class TrainingData(msgspec.Struct, frozen=True):
    """Where the training data came from; `rows` counts those trained on."""

    source: str
    licence: str
    sha256: str
    rows: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """model.json: what a version is, what it takes and how good it is.

    Attributes
    ----------
    unit : str
        Of a regression's target.
    classes : tuple of str
        The labels, in the order of the estimator's own `classes_`; none for a regression.
    threshold : Threshold or None
        For two classes only. Without one the most probable class is predicted, of equals the first.
    interval : Interval or None
        For a regression only.
    takes : {"matrix", "frame"}
        What the pickled estimator is given: rows as they are, or a pandas frame with the fields as
        columns and categories as labels.
    metrics : dict of str to Figure
        Those of `evaluation`.
    published : str
        The figure that tutorials publish for this problem, and why ours differs.
    files : dict of str to str
        The sha256 of each other file of the folder.
    """

    name: str
    version: int = 0
    title: str
    task: Literal["classification", "regression"]
    target: str
    unit: str = ""
    fields: tuple[Field, ...]
    classes: tuple[str, ...] = ()
    threshold: Threshold | None = None
    interval: Interval | None = None
    takes: Literal["matrix", "frame"] = "matrix"
    example: dict[str, Any]
    evaluation: str
    metrics: dict[str, Figure]
    published: str = ""
    data: TrainingData
    libraries: dict[str, str]
    created: str
    files: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        classes = self.classes
        if self.task == "regression" and (classes or self.threshold):
            raise ValueError("a regression has no classes and no threshold")
        if self.task == "classification" and (len(set(classes)) < max(2, len(classes))):
            raise ValueError(f"a classification has two or more different classes, not {classes}")
        if self.threshold and (len(classes) > 2 or self.threshold.label not in classes):  # noqa: PLR2004
            raise ValueError("a threshold is for one of two classes")
        names = {field.name for field in self.fields}
        if parts := names.intersection(part for field in self.fields for part in field.sum_of):
            raise ValueError(f"{min(parts)} is a field and cannot be part of another's sum")
        if self.interval and classes:
            raise ValueError("an interval is for a regression")


class FieldReference(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field's values in training: evenly spaced quantiles of a number, counts of a category.

    Both are of the values that were there; `missing` is the share of those that were not.
    """

    quantiles: tuple[float, ...] = ()
    counts: dict[str, int] = {}
    missing: float = 0.0

    def sample(self, field: Field, rows: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Draw values of the field that this is of, as they stand in rows."""
        column = np.full(rows, np.nan)
        if self.counts:
            counts = np.array([self.counts.get(label, 0) for label in field.categories], float)
            column[:] = random.choice(len(counts), size=rows, p=counts / counts.sum())
        elif self.quantiles:
            grid = np.linspace(0, 1, len(self.quantiles))
            column = np.interp(random.random(rows), grid, self.quantiles)
            column = column.round() if field.type == "integer" else column
        if self.missing:
            column[random.random(rows) < self.missing] = np.nan
        return column


class ReliabilityBin(msgspec.Struct, frozen=True):
    """Held-out rows with like probabilities: their mean, the share that came true, how many."""

    predicted: float
    observed: float
    rows: int


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """reference.json: what live traffic and live performance are to be held against.

    `probabilities` by label and the `predictions` of a regression are quantiles on held-out rows;
    what a model does not have is empty.
    """

    rows: int
    fields: dict[str, FieldReference]
    labels: dict[str, int] = {}
    probabilities: dict[str, tuple[float, ...]] = {}
    reliability: tuple[ReliabilityBin, ...] = ()
    predictions: tuple[float, ...] = ()

    def sample(self, fields: tuple[Field, ...], rows: int, seed: int) -> Matrix:
        """Draw rows whose fields are each distributed as in training, independently."""
        random = np.random.default_rng(seed)
        return np.column_stack(
            [self.fields[field.name].sample(field, rows, random) for field in fields]
        )


@dataclass(frozen=True)
class Artefact:
    """A version as read from disk; `contents` holds the very bytes whose hashes were checked."""

    manifest: Manifest
    reference: Reference
    contents: Mapping[str, bytes]

    def answers(self) -> tuple[Matrix, Matrix]:
        """Rows, and what the pickle answered to each when it was written.

        Of a classification the probabilities, in the order of `classes`, or one column with the
        label's code where it has none; of a regression one column of numbers.

        Raises
        ------
        ArtefactError
            If `ANSWERS` is not made of this model's rows.
        """
        try:
            table = np.load(io.BytesIO(self.contents[ANSWERS]), allow_pickle=False)
            rows, answers = np.hsplit(table, [len(self.manifest.fields)])
        except (ValueError, EOFError) as error:
            raise ArtefactError(f"{self}: {ANSWERS}: {error}") from error
        if not self._may_be_its_own(answers):
            raise ArtefactError(f"{self}: {ANSWERS} holds the answers of another model")
        return rows, answers

    def _may_be_its_own(self, answers: Matrix) -> bool:
        classes, columns = len(self.manifest.classes), answers.shape[1]
        if not answers.size or not np.isfinite(answers).all():
            return False
        if classes and columns == 1:
            return set(answers.ravel().tolist()) <= set(range(classes))
        return bool(columns == (classes or 1))

    def __str__(self) -> str:
        return f"{self.manifest.name} {self.manifest.version}"


def read(models_dir: Path, name: str, version: int) -> Artefact:
    """Read a version's folder and verify every file in it.

    Raises
    ------
    ArtefactError
        If a file is missing, altered or not what it should be.
    """
    folder, manifest = models_dir / name / str(version), read_manifest(models_dir, name, version)
    try:
        contents = {file: (folder / file).read_bytes() for file in manifest.files}
    except OSError as error:
        raise ArtefactError(f"{folder}: {error}") from error
    for file, content in contents.items():
        if hashlib.sha256(content).hexdigest() != manifest.files[file]:
            raise ArtefactError(f"{folder}: {file} is not the file that {MANIFEST} was written for")
    for file in (PICKLE, REFERENCE, ANSWERS):
        if file not in contents:
            raise ArtefactError(f"{folder}: {MANIFEST} lists no {file}")
    try:
        reference = msgspec.json.decode(contents[REFERENCE], type=Reference)
    except msgspec.DecodeError as error:
        raise ArtefactError(f"{folder}: {REFERENCE}: {error}") from error
    return Artefact(manifest, reference, contents)


def read_manifest(models_dir: Path, name: str, version: int) -> Manifest:
    """Read what a version is, and none of its other files.

    Raises
    ------
    ArtefactError
        If it is missing, or another version's.
    """
    folder = models_dir / name / str(version)
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise ArtefactError(f"{folder}: {error}") from error
    if (manifest.name, manifest.version) != (name, version):
        raise ArtefactError(f"{folder}: {MANIFEST} is of {manifest.name} {manifest.version}")
    return manifest


def write(models_dir: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> int:
    """Write a folder for the model's next version and return that version.

    The folder is filled under another name and renamed, so nobody sees half of it.
    """
    model = models_dir / manifest.name
    model.mkdir(parents=True, exist_ok=True)
    version = max(versions(model), default=0) + 1
    files = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    manifest = msgspec.structs.replace(manifest, version=version, files=files)
    aside = model / f".{version}.{os.getpid()}"
    aside.mkdir()
    try:
        for file, content in {**contents, MANIFEST: pretty(manifest)}.items():
            _write_through(aside / file, content)
        aside.rename(model / str(version))
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return version


def versions(model: Path) -> list[int]:
    """The versions in a model's folder, oldest first."""
    return sorted(int(entry.name) for entry in model.iterdir() if entry.name.isdecimal())


def live(models_dir: Path) -> list[str]:
    """The models of a folder that have a live version."""
    with os.scandir(models_dir) as folders:
        return sorted(one.name for one in folders if os.path.exists(f"{one.path}/{CURRENT}"))  # noqa: PTH110 - every second


def current(model: Path) -> int:
    """The version that `current` names.

    Raises
    ------
    ArtefactError
        If it names none.
    """
    pointer = model / CURRENT
    try:
        return int(pointer.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{pointer} names no version: {error}") from error


def put_live(model: Path, version: int) -> None:
    """Make `current` name a version, in one step."""
    replace(model / CURRENT, f"{version}\n")


def replace(path: Path, text: str) -> None:
    """Replace a file, in one step: nobody reads half of it."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    _write_through(aside, text.encode())
    aside.replace(path)


def recorded(rows: Matrix, answers: Matrix) -> bytes:
    """The content of `ANSWERS`."""
    content = io.BytesIO()
    np.save(content, np.hstack([rows, answers]))
    return content.getvalue()


def pretty(value: Any) -> bytes:
    """JSON for a file that people read too."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
