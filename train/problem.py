"""A learning task, and the way from its data to an artefact: evaluate, fit, compile, write."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any, NamedTuple

import joblib
import msgspec
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

from serving import artefact
from serving.artefact import (
    Artefact,
    FieldReference,
    Manifest,
    Reference,
    Threshold,
    TrainingData,
)
from serving.engine import Agreement
from serving.field import Field
from serving.schema import Matrix
from train import evaluate, proof

SEED = 0
QUANTILES = 101
LIBRARIES = ("scikit-learn", "numpy", "joblib", "skl2onnx", "onnx")
STEPS = evaluate.FOLDS * evaluate.REPEATS + 3  # the folds, the final fit, ONNX, the proof


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A classification into two labels, one of them the `positive` one that is looked for.

    `load` returns a frame with a column for each field and one, `target`, with the labels; no two
    of its rows are equal.
    """

    name: str
    title: str
    target: str
    positive: str
    fields: tuple[Field, ...]
    data: Path
    source: str
    licence: str
    load: Callable[[], pd.DataFrame]
    estimator: RandomForestClassifier


class Trained(NamedTuple):
    """A version that was written, and whether its ONNX model, if it has one, equals its pickle."""

    artefact: Artefact
    agreement: Agreement | None


def train(problem: Problem, models_dir: Path, progress: Callable[[], None]) -> Trained:
    """Train a problem, write the next version of its model and put it live.

    Parameters
    ----------
    progress : callable
        Called `STEPS` times on the way.
    """
    frame = problem.load()
    labels = frame[problem.target]
    rows = to_rows(frame, problem.fields)
    positive = (labels == problem.positive).to_numpy()

    evaluation = evaluate.cross_validate(
        problem.estimator, rows, positive, seed=SEED, progress=progress
    )
    forest = evaluate.fit(problem.estimator, rows, labels.to_numpy(dtype=object), SEED)
    unseen = forest.oob_decision_function_[:, list(forest.classes_).index(problem.positive)]
    progress()

    reference = Reference(
        rows=len(rows),
        fields=_field_references(frame, problem.fields),
        labels=_counts(labels),
        probabilities={problem.positive: _quantiles(evaluation.held_out)},
        reliability=evaluate.reliability(positive, evaluation.held_out),
    )
    manifest = Manifest(
        name=problem.name,
        title=problem.title,
        task="classification",
        target=problem.target,
        fields=tuple(_with_range(field, frame) for field in problem.fields),
        classes=tuple(forest.classes_),
        threshold=_threshold(problem.positive, positive, unseen, evaluation.thresholds),
        example=_typical(frame, problem.fields),
        evaluation=evaluate.PROTOCOL,
        metrics=evaluation.figures,
        data=TrainingData(
            problem.source,
            problem.licence,
            hashlib.sha256(problem.data.read_bytes()).hexdigest(),
            len(rows),
        ),
        libraries={"python": python_version()} | {name: version(name) for name in LIBRARIES},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    contents = {artefact.PICKLE: _pickled(forest), artefact.REFERENCE: artefact.pretty(reference)}
    if compiled := proof.to_onnx(forest, manifest):
        contents[artefact.ONNX] = compiled
    trained = Artefact(manifest, reference, contents)
    contents[artefact.ANSWERS] = proof.record(trained, forest)
    progress()
    agreement = proof.prove(trained) if compiled else None
    if agreement and not agreement.holds:
        del contents[artefact.ONNX]
    progress()

    number = artefact.write(models_dir, manifest, contents)
    artefact.put_live(models_dir / problem.name, number)
    return Trained(artefact.read(models_dir, problem.name, number), agreement)


def to_rows(frame: pd.DataFrame, fields: tuple[Field, ...]) -> Matrix:
    """One float per field, categories by their code, as the service makes them of a record."""
    columns = [
        frame[field.name].map(field.codes) if field.type == "category" else frame[field.name]
        for field in fields
    ]
    return np.column_stack([column.to_numpy(dtype=np.float64) for column in columns])


def _pickled(forest: Any) -> bytes:
    forest.set_params(oob_score=False)
    del forest.oob_decision_function_, forest.oob_score_  # of use to training alone
    content = io.BytesIO()
    joblib.dump(forest, content, compress=("zlib", 9))
    return content.getvalue()


def _with_range(field: Field, frame: pd.DataFrame) -> Field:
    if field.type == "category":
        return field
    column = frame[field.name]
    return msgspec.structs.replace(field, seen=(float(column.min()), float(column.max())))


def _field_references(frame: pd.DataFrame, fields: tuple[Field, ...]) -> dict[str, FieldReference]:
    return {
        field.name: FieldReference(counts=_counts(frame[field.name]))
        if field.type == "category"
        else FieldReference(quantiles=_quantiles(frame[field.name].to_numpy()))
        for field in fields
    }


def _counts(column: "pd.Series[Any]") -> dict[str, int]:
    return {str(label): int(count) for label, count in column.value_counts().items()}


def _quantiles(values: Any) -> tuple[float, ...]:
    quantiles = np.quantile(values, np.linspace(0, 1, QUANTILES))
    return tuple(float(f"{value:.6g}") for value in quantiles)


def _typical(frame: pd.DataFrame, fields: tuple[Field, ...]) -> dict[str, Any]:
    """A record that nobody sent: each number's median, each category's commonest label."""
    return {
        field.name: frame[field.name].mode()[0]
        if field.type == "category"
        else float(frame[field.name].quantile(0.5, interpolation="lower"))
        for field in fields
    }


def _threshold(label: str, positive: Any, unseen: Any, of_folds: list[float]) -> Threshold:
    value = evaluate.best_threshold(positive, unseen)
    here, half = (evaluate.score(positive, unseen, at)["f1"] for at in (value, 0.5))
    reason = (
        f"largest F1 of {label} on out-of-bag predictions of the training rows: {here:.3f}, "
        f"{half:.3f} at 0.5; chosen likewise in each training fold it fell between "
        f"{min(of_folds):.2f} and {max(of_folds):.2f}"
    )
    return Threshold(label, value, reason)
