"""A learning task, and the way from its data to an artefact: evaluate, fit, write."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from msgspec.structs import replace

from serving.field import Field
from serving.manifest import Manifest, Reference, TrainingData
from serving.schema import Matrix
from train import assemble, evaluate
from train.assemble import Trained
from train.card import card
from train.errors import TrainingError
from train.evaluate import FIVE_BY_THREE, Protocol
from train.reference import field_references, typical
from train.task import Task
from train.threads import one_thread

SEED = 0


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be predicted, from what, by which estimator.

    Attributes
    ----------
    file : str
        The data's file name, in train/data or in DATA_DIR.
    obtain : str
        Where to get the file, if it is not committed.
    load : callable
        Reads the file into a frame with a column for each field and one, `target`, with labels or
        numbers; a missing value is NaN.
    estimator
        A scikit-learn estimator or Pipeline that takes a matrix: a column for each field,
        categories as their codes.
    together : tuple of str
        Fields: rows in which all of them are equal stay on one side of each split. Equal rows do so
        anyway.
    published : str
        The figure that tutorials publish, and why ours differs.
    """

    name: str
    title: str
    target: str
    task: Task
    fields: tuple[Field, ...]
    file: str
    obtain: str = ""
    source: str
    licence: str
    load: Callable[[Path], pd.DataFrame]
    estimator: Any
    together: tuple[str, ...] = ()
    protocol: Protocol = FIVE_BY_THREE
    published: str = ""

    @property
    def steps(self) -> int:
        """How often `train` reports progress: each fold, the final fit, and what follows."""
        return self.protocol.steps + 1 + assemble.STEPS


@one_thread()
def train(problem: Problem, data: Path, models_dir: Path, progress: Callable[[], None]) -> Trained:
    """Train a problem and write the next version of its model.

    Parameters
    ----------
    data : Path
        The problem's file.
    progress : callable
        Called `problem.steps` times on the way.

    Raises
    ------
    TrainingError
        If the file is another than the problem's.
    """
    try:
        frame, task = problem.load(data), problem.task
    except Exception as error:  # why: any column may be missing, or hold anything
        raise TrainingError(f"{data} is not such a file as {problem.name} is: {error!r}") from error
    fields = tuple(as_seen(field, frame[field.name]) for field in problem.fields)
    truth, rows = task.truth(frame[problem.target]), to_rows(frame, fields)
    columns = [at for at, field in enumerate(fields) if field.name in problem.together]

    evaluation = evaluate.cross_validate(
        problem.estimator,
        rows,
        truth,
        task,
        groups=evaluate.alike(rows, columns),
        seed=SEED,
        protocol=problem.protocol,
        progress=progress,
    )
    fitted = evaluate.fit(problem.estimator, rows, task.lesson(truth), SEED)
    progress()

    reference = Reference(
        rows=len(rows),
        fields=field_references(frame, fields),
        **task.reference(truth, evaluation.held_out.mean),
    )
    manifest = Manifest(
        name=problem.name,
        title=problem.title,
        task=task.kind,
        target=problem.target,
        fields=fields,
        example=typical(frame, fields),
        evaluation=problem.protocol.text(task, problem.together),
        metrics=evaluation.figures,
        published=problem.published,
        data=TrainingData(problem.source, problem.licence, sha256(data), len(rows)),
        libraries=assemble.libraries(fitted),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        **task.manifest(fitted, truth, evaluation.held_out),
    )
    threshold = manifest.threshold.value if manifest.threshold else None
    drawn = card(
        task,
        fitted,
        evaluation,
        frame=frame,
        fields=fields,
        truth=truth,
        threshold=threshold,
    )
    return assemble.write(models_dir, manifest, reference, fitted, progress, card=drawn)


def to_rows(frame: pd.DataFrame, fields: tuple[Field, ...]) -> Matrix:
    """One float per field, categories by their code, as the service makes them of a record."""
    columns = [
        frame[field.name].map(field.codes) if field.type == "category" else frame[field.name]
        for field in fields
    ]
    return np.column_stack([column.to_numpy(dtype=np.float64) for column in columns])


def as_seen(field: Field, column: "pd.Series[Any]") -> Field:
    """A field with the range of its values, or their labels if it names none."""
    if field.type != "category":
        return replace(field, seen=(float(column.min()), float(column.max())))
    return replace(field, categories=field.categories or tuple(sorted(column.dropna().unique())))


def sha256(file: Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
