"""A fitted estimator that someone brings, wrapped into an artefact."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from msgspec.structs import replace
from pandas.api.types import is_numeric_dtype
from sklearn.base import is_classifier

from serving.inputs.schema import Matrix
from serving.models.backends import from_estimator, make_input_converter
from serving.models.manifest import Manifest, Reference, TrainingData
from serving.models.refusals import compute_or_refuse
from train import assemble
from train.assemble import Trained
from train.errors import TrainingError
from train.evaluation import evaluate
from train.evaluation.classification import Classification
from train.evaluation.reference import field_references, typical
from train.evaluation.regression import Regression
from train.fitting.threads import one_thread
from train.importing import pickles, scalers
from train.importing.columns import require_column, to_labels
from train.importing.fields import fields_of, require_one_answer
from train.onnx.parts import use_one_thread
from train.tables import table
from train.tables.read import sha256
from train.tables.rows import to_rows
from train.task import SEED, Target, Task

FIRST_ROWS = 50  # of a sample, one of which is to be answered


@one_thread()
def import_model(
    file: Path,
    sample: Path,
    target: str | None,
    name: str,
    models_dir: Path,
    *,
    with_scalers: Sequence[str] = (),
) -> Trained:
    """Write a version from a pickle, which runs whatever code is in it, and rows in a CSV.

    The fields are those that the estimator was fitted on, by name where it knows names, with the
    types and ranges of the sample. A field may be missing if it is in some row of the sample. Rows
    of the sample that the estimator refuses are left out.

    Parameters
    ----------
    target : str or None
        The sample's column with the truth, on which the estimator is tested.
    with_scalers : sequence of str
        `COLUMN=FILE`: what was pickled apart; the estimator takes that column scaled by it.

    Raises
    ------
    TrainingError
        If the file holds no estimator that can be served, or the sample does not fit it.
    """
    given, fitted = table.read(sample), pickles.load(file)
    if target is not None:
        require_column(given, target)
        given = given[given[target].notna()].reset_index(drop=True)
    if with_scalers:
        columns = given if target is None else given.drop(columns=target)
        fitted = scalers.join(fitted, columns, with_scalers)
    use_one_thread(fitted)
    fields, frame, says = fields_of(fitted, given, target)
    labels = _labels(fitted)
    manifest = Manifest(
        name=name,
        title=f"{type(fitted).__name__} from {file.name}",
        task="classification" if labels else "regression",
        target=target or "prediction",
        fields=fields,
        classes=labels,
        outputs="probabilities" if hasattr(fitted, "predict_proba") or not labels else "labels",
        example=typical(frame, fields),
        evaluation="none, for the sample had no column with the truth",
        metrics={},
        data=TrainingData(
            f"{sample.name}, a sample; the training data are not known",
            "not stated",
            sha256(sample),
            len(frame),
        ),
        libraries=assemble.libraries(fitted),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        **says,
    )
    rows = to_rows(frame, fields)
    kept, remarks = _answered(fitted, manifest, rows)
    rows, frame, given = rows[kept], frame.iloc[kept], given.iloc[kept]
    reference = Reference(rows=len(rows), fields=field_references(frame, fields))
    ready = assemble.ready(_with_example(fitted, manifest, frame), reference, fitted, rows)
    manifest, task = ready.manifest, _task(ready.manifest)
    outputs = from_estimator(fitted, manifest)(rows)
    y = None if target is None else _encoded(fitted, given[target], task)
    if y is not None:
        threshold = manifest.threshold.value if manifest.threshold else None
        manifest = replace(
            manifest,
            metrics=evaluate.resampled(task, y, outputs, SEED, threshold),
            evaluation=(
                f"on the {len(rows):,} rows of {sample.name}, which it may have been fitted on; "
                f"spread: standard deviation over {evaluate.RESAMPLES} bootstrap samples; "
                f"baseline: {task.baseline}{task.remark}"
            ),
        )
    reference = replace(reference, **task.reference_entries(y, outputs))
    ready = ready._replace(manifest=manifest, remarks=(*remarks, *ready.remarks))
    return assemble.write(models_dir, ready, reference, fitted, lambda: None)


def _labels(fitted: Any) -> tuple[str, ...]:
    """The labels of a classifier, none of a regressor."""
    if not is_classifier(fitted):
        return ()
    classes = getattr(fitted, "classes_", None)
    if classes is None or isinstance(classes, list):
        what = "several targets at once" if classes else "labels that it does not name"
        raise TrainingError(
            f"the {type(fitted).__name__} predicts {what}: fit a classifier for each target"
        )
    labels = tuple(str(label) for label in np.asarray(classes).tolist())
    if len(set(labels)) < max(2, len(labels)):
        raise TrainingError(
            f"the {type(fitted).__name__} knows the labels {', '.join(map(repr, labels))}; two or "
            "more that differ as text are needed"
        )
    for label in labels:
        if label != label.encode("utf-8", "replace").decode():
            raise TrainingError(f"the label {label!r} is no text that UTF-8 can write")
    return labels


def _answered(fitted: Any, manifest: Manifest, rows: Matrix) -> tuple[Any, list[str]]:
    """The rows of the sample that the estimator answers, and a remark on others."""
    given = make_input_converter(manifest)
    require_one_answer(fitted, manifest, (given(row[None]) for row in rows[:FIRST_ROWS]))
    places, _, refused = compute_or_refuse(from_estimator(fitted, manifest), rows)
    if not refused:
        return np.arange(len(rows)), []
    (first, why), *_ = sorted(refused.items())
    few = f"{len(refused):,} of the sample's {len(rows):,} rows are left out"
    return np.sort(places), [f"{few}: in row {first + 1} {why}"]


def _with_example(fitted: Any, manifest: Manifest, frame: pd.DataFrame) -> Manifest:
    """The manifest with an example that the estimator answers: what is typical, or else a row."""
    fields = manifest.fields
    answering = from_estimator(fitted, manifest)
    for few in (frame, frame.iloc[:1]):
        there = tuple(field for field in fields if few[field.name].notna().any())
        example = typical(few, there)
        row = pd.DataFrame([example]).reindex(columns=[field.name for field in fields])
        if not compute_or_refuse(answering, to_rows(row, fields))[2]:
            return replace(manifest, example=example)
    return manifest


def _task(manifest: Manifest) -> Task:
    labels = manifest.classes
    if not labels:
        return Regression()
    positive = labels[1] if len(labels) == 2 else ""  # noqa: PLR2004 - two
    if manifest.threshold:
        positive = manifest.threshold.label
    return Classification(labels=labels, positive=positive, coded=True)


def _encoded(fitted: Any, column: "pd.Series[Any]", task: Task) -> Target:
    """The sample's truth; of labels their codes, for 1 and 1.0 and "1" are one."""
    if not is_classifier(fitted):
        if not is_numeric_dtype(column):
            raise TrainingError(f"{column.name!r} is text, and the estimator predicts numbers")
        return task.encode(column)
    text = [
        f"{label:.15g}" if isinstance(label, float) else str(label)
        for label in fitted.classes_.tolist()
    ]
    unknown = set(to_labels(column)) - set(text)
    if unknown:
        raise TrainingError(
            f"{column.name!r} holds {', '.join(sorted(map(repr, unknown)))}; the estimator knows "
            f"{', '.join(map(repr, text))}"
        )
    return task.encode(
        to_labels(column).map(dict(zip(text, map(str, fitted.classes_.tolist()), strict=True)))
    )
