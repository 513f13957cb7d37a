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
from numpy.typing import NDArray

from serving.inputs.field import Field
from serving.inputs.schema import Matrix
from serving.inputs.tables import Table
from serving.models.backends import given, sources
from serving.models.manifest import Manifest, Reference, TrainingData
from train import assemble, live
from train.assemble import Trained
from train.errors import TrainingError
from train.evaluation import evaluate
from train.evaluation.card import card
from train.evaluation.evaluate import FIVE_BY_THREE, Protocol
from train.evaluation.reference import field_references, typical
from train.fitting.choice import choose_and_fit
from train.fitting.threads import one_thread
from train.live import Feedback
from train.task import Task

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
    table : Table or None
        What to remember of a file that is not the project's own.
    estimator
        A scikit-learn estimator or Pipeline that takes a matrix: a column for each field,
        categories as their codes, and behind them what a calendar says of dates; or `Candidates`,
        several of them to choose from.
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
    table: Table | None = None
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
def train(
    problem: Problem,
    data: Path,
    models_dir: Path,
    progress: Callable[[], None],
    feedback: Feedback | None = None,
) -> Trained:
    """Train a problem and write the next version of its model.

    With `JUDGED` live rows or more, the latest of these alone are what its figures and its
    reference are of, for they are most like what it will be asked.

    Parameters
    ----------
    data : Path
        The problem's file.
    progress : callable
        Called `problem.steps` times on the way.
    feedback : Feedback, optional
        Where live records are, to be added to the file's rows.

    Raises
    ------
    TrainingError
        If the file is another than the problem's, or there is no feedback to add.
    """
    try:
        frame, task = problem.load(data), problem.task
    except Exception as error:  # why: any column may be missing, or hold anything
        raise TrainingError(f"{data} is not such a file as {problem.name} is: {error!r}") from error
    fields = _fields(problem, frame)
    rows, joined = to_rows(frame, fields), None
    if feedback:
        joined = live.join(frame, rows, feedback, fields=fields, task=task, target=problem.target)
        frame = joined.frame
        fields = _fields(problem, frame)
        rows = to_rows(frame, fields)
    y = task.encode(frame[problem.target])
    columns = [at for at, field in enumerate(fields) if field.name in problem.together]
    features = given(fields, rows)

    evaluation = evaluate.cross_validate(
        problem.estimator,
        features,
        y,
        task,
        groups=evaluate.alike(_to_compare(frame, fields), columns),
        seed=SEED,
        protocol=problem.protocol,
        judged=joined.judged if joined else None,
        sources=sources(fields),
        progress=progress,
    )
    chosen = choose_and_fit(
        problem.estimator,
        features,
        y,
        task=task,
        groups=evaluation.held_out.groups,
        seed=SEED,
    )
    fitted = chosen.fitted
    progress()

    held_out = evaluation.held_out
    judged = held_out.judged
    reference = Reference(
        rows=len(judged),
        fields=field_references(frame.iloc[judged], fields),
        **task.reference_entries(y[judged], held_out.mean[judged]),
    )
    counted = len(judged) if joined and joined.judged is not None else None
    manifest = Manifest(
        name=problem.name,
        title=problem.title,
        task=task.kind,
        target=problem.target,
        fields=fields,
        table=problem.table,
        example=typical(frame, fields),
        evaluation=problem.protocol.text(
            task, problem.together, counted, choosing=bool(chosen.candidates or chosen.name)
        ),
        metrics=evaluation.figures,
        published=problem.published,
        data=TrainingData(
            problem.source,
            problem.licence,
            sha256(data),
            len(rows),
            joined.live if joined else None,
        ),
        libraries=assemble.libraries(fitted),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        compared=joined.compared(task, y, held_out) if joined else None,
        **task.manifest_entries(fitted, y, held_out),
    )
    ready = assemble.ready(manifest, reference, fitted, rows)
    threshold = ready.manifest.threshold.value if ready.manifest.threshold else None
    drawn = card(
        task,
        chosen,
        evaluation,
        frame=frame,
        fields=fields,
        y=y,
        threshold=threshold,
    )
    return assemble.write(models_dir, ready, reference, fitted, progress, card=drawn)


def _fields(problem: Problem, frame: pd.DataFrame) -> tuple[Field, ...]:
    return tuple(as_seen(field, frame[field.name]) for field in problem.fields)


def to_rows(frame: pd.DataFrame, fields: tuple[Field, ...]) -> Matrix:
    """One float per field, categories by their code, as the service makes them of a record.

    Where there is free text, they are objects, among them the texts, None for a missing one.
    """
    if not any(field.type == "text" for field in fields):
        return np.column_stack([_floats(frame[field.name], field) for field in fields])
    rows = np.empty((len(frame), len(fields)), dtype=object)
    for at, field in enumerate(fields):
        column = frame[field.name]
        if field.type == "text":
            rows[:, at] = column.astype(object).where(column.notna(), None)
        else:
            rows[:, at] = _floats(column, field)
    return rows


def _floats(column: "pd.Series[Any]", field: Field) -> NDArray[np.float64]:
    if field.type == "category":
        column = column.map(field.codes)
    elif field.type == "text":
        column = pd.Series(pd.factorize(column)[0])
    return column.to_numpy(dtype=np.float64)


def _to_compare(frame: pd.DataFrame, fields: tuple[Field, ...]) -> Matrix:
    """Rows of floats that are equal where the rows are, texts by a number of each."""
    return np.column_stack([_floats(frame[field.name], field) for field in fields])


def as_seen(field: Field, column: "pd.Series[Any]") -> Field:
    """A field with the range of its values, or their labels if it names none."""
    if field.type == "text":
        return field
    if field.type != "category":
        return replace(field, seen=(float(column.min()), float(column.max())))
    return replace(field, categories=field.categories or tuple(sorted(column.dropna().unique())))


def sha256(file: Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
