"""Artefacts of fitted estimators, made in a moment: their proof is left out."""

import io
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from sklearn.base import is_classifier

from serving.inputs.field import Field
from serving.models import artefact, model_folder, recorded_outputs
from serving.models.artefact import FOREST, LINEAR, ONNX, OUTPUTS, PICKLE, REFERENCE, Artefact
from serving.models.backends import from_estimator
from serving.models.manifest import Manifest, TrainingData
from serving.models.reference import Reference
from train.evaluation.reference import field_references
from train.onnx import linear, proof
from train.tables.rows import to_rows

RECORDED = 100


def fields_of(frame: pd.DataFrame) -> tuple[Field, ...]:
    """A field for each column, by its type and the values in it."""
    return tuple(_field(str(name), column) for name, column in frame.items())


def _field(name: str, column: "pd.Series[Any]") -> Field:
    optional = bool(column.isna().any())
    if column.dtype == "str":
        labels = tuple(sorted(column.dropna().unique()))
        return Field(name=name, type="category", categories=labels, optional=optional)
    kind = "integer" if column.dtype == "int64" else "number"
    return Field(name=name, type=kind, optional=optional)


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """What a client would send of a frame: null for what is missing."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def manifest_of(name: str, estimator: Any, frame: pd.DataFrame, **changes: Any) -> Manifest:
    """What describes an estimator fitted on such rows; `changes` replace entries of it."""
    classes = tuple(map(str, estimator.classes_)) if is_classifier(estimator) else ()
    entries = {
        "name": name,
        "title": name,
        "task": "classification" if classes else "regression",
        "target": "target",
        "fields": fields_of(frame),
        "classes": classes,
        "outputs": "probabilities"
        if hasattr(estimator, "predict_proba") or not classes
        else "labels",
        "example": records_of(frame)[0],
        "evaluation": "none",
        "metrics": {},
        "data": TrainingData("made up", "none", "", len(frame)),
        "libraries": {"scikit-learn": version("scikit-learn")},
        "created": "2026-01-01T00:00:00+00:00",
    }
    return Manifest(**(entries | changes))


def made(name: str, estimator: Any, frame: pd.DataFrame, **changes: Any) -> Artefact:
    """A version of an estimator fitted on such rows; `changes` replace entries of its manifest."""
    manifest = manifest_of(name, estimator, frame, **changes)
    reference = Reference(rows=len(frame), fields=field_references(frame, manifest.fields))
    pickled = io.BytesIO()
    joblib.dump(estimator, pickled)
    rows = to_rows(frame, manifest.fields)[:RECORDED]
    contents = {
        PICKLE: pickled.getvalue(),
        REFERENCE: artefact.pretty(reference),
        OUTPUTS: recorded_outputs.encode(rows, from_estimator(estimator, manifest)(rows)),
    }
    for file, compiling in ((ONNX, proof.to_onnx), (FOREST, proof.to_forest)):
        if compiled := compiling(estimator, manifest):
            contents[file] = compiled
    if table := linear.to_linear(estimator, manifest, to_rows(frame, manifest.fields)):
        contents[LINEAR] = table
    return Artefact(manifest, reference, contents)


def put_live(models: Path, made: Artefact) -> None:
    """Write a version to a models folder, as the one that answers."""
    name = made.manifest.name
    model_folder.put_live(models / name, artefact.write(models, made.manifest, made.contents))
