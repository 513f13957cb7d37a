"""The import of a fitted estimator: from a pickle and a sample to a version on disk."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from msgspec.structs import replace
from pandas.api.types import is_numeric_dtype
from sklearn.base import is_classifier

from serving.inputs.schema import Matrix
from serving.models.backends import from_estimator, make_input_converter
from serving.models.manifest import NOT_STATED, UNKNOWN_DATA, Manifest, TrainingData
from serving.models.reference import Reference
from serving.models.refusals import compute_or_refuse
from serving.versions.object_store import ObjectStore
from train import assemble
from train.assemble import Trained
from train.errors import TrainingError
from train.evaluation import evaluate
from train.evaluation.classification import Classification
from train.evaluation.reference import field_references, typical
from train.evaluation.regression import Regression
from train.fitting.threads import one_thread
from train.importing import scalers, sources
from train.importing.columns import require_column
from train.importing.fields import fields_of
from train.importing.labels import labels_of, require_one_output
from train.importing.sources import Source
from train.onnx.parts import use_one_thread
from train.tables.fields import to_labels
from train.tables.files import sha256
from train.tables.rows import to_rows
from train.task import SEED, Target, Task

if TYPE_CHECKING:
    from nacl.signing import SigningKey

MAX_TRIED = 50  # rows of a sample, one of which the estimator must accept


@one_thread()
def import_model(
    file: Path,
    sample: Path | None,
    target: str | None,
    name: str,
    models_dir: Path,
    *,
    with_scalers: Sequence[str] = (),
    trusted: Collection[str] = (),
    signing_key: "SigningKey | None" = None,
    shared: ObjectStore | None = None,
) -> Trained:
    """Write a version from the file of a model, or a folder of MLflow, and rows in a CSV.

    The fields are those that the estimator was fitted on, by name where it knows names, with the
    types and ranges of the sample. A field may be missing if it is in some row of the sample. Rows
    of the sample that the estimator refuses are left out.

    Parameters
    ----------
    sample : Path or None
        None for the input example of a folder.
    target : str or None
        The sample's target column, with which the estimator is evaluated.
    with_scalers : sequence of str
        `COLUMN=FILE`: a scaler in its own pickle, for a column that the estimator takes scaled.
    trusted : collection of str
        Types and functions that the files may load besides those that are known to be harmless.
    signing_key : SigningKey, optional
        What signs the version.
    shared : ObjectStore, optional
        What `models_dir` is a copy of.

    Raises
    ------
    TrainingError
        If the file holds no estimator that can be served, or the sample does not fit it.
    """
    source = sources.find(file, sample)
    given, fitted = _read(source, target, with_scalers, trusted=trusted)
    fields, frame, entries = fields_of(fitted, given, target)
    fields, sample = source.signed(fields), source.sample
    labels = labels_of(fitted)
    manifest = Manifest(
        name=name,
        title=f"{type(fitted).__name__} from {file.name}",
        task="classification" if labels else "regression",
        target=target or "prediction",
        fields=fields,
        classes=labels,
        outputs="probabilities" if hasattr(fitted, "predict_proba") or not labels else "labels",
        example=typical(frame, fields),
        evaluation="none, because the sample had no target column",
        metrics={},
        data=TrainingData(
            f"{sample.name}, a sample; {UNKNOWN_DATA}",
            NOT_STATED,
            sha256(sample),
            len(frame),
        ),
        libraries=assemble.libraries(fitted),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        **entries,
    )
    rows = to_rows(frame, fields)
    kept, remarks = _accepted(fitted, manifest, rows)
    rows, frame, given = rows[kept], frame.iloc[kept], given.iloc[kept]
    reference = Reference(rows=len(rows), fields=field_references(frame, fields))
    ready = assemble.ready(_with_example(fitted, manifest, frame), reference, fitted, rows)
    manifest, task = ready.manifest, _task(ready.manifest)
    outputs = from_estimator(fitted, manifest)(rows)
    y = None if target is None else _encode(fitted, given[target], task)
    if y is not None:
        manifest = _evaluate(manifest, task, y, outputs, sample)
    reference = replace(reference, **task.reference_entries(y, outputs))
    ready = ready._replace(manifest=manifest, remarks=(*remarks, *ready.remarks))
    return assemble.write(
        models_dir,
        ready,
        reference,
        fitted,
        lambda: None,
        signing_key=signing_key,
        shared=shared,
    )


def _read(
    source: Source,
    target: str | None,
    with_scalers: Sequence[str],
    *,
    trusted: Collection[str],
) -> tuple[pd.DataFrame, Any]:
    """The sample's rows that have a target, and the estimator, joined with its scalers."""
    given = source.rows()
    fitted = source.load(trusted, given.shape[1] - (target in given))
    if target is not None:
        require_column(given, target)
        given = given[given[target].notna()].reset_index(drop=True)
    if with_scalers:
        columns = given if target is None else given.drop(columns=target)
        fitted = scalers.join(fitted, columns, with_scalers, trusted)
    use_one_thread(fitted)
    return given, fitted


def _accepted(fitted: Any, manifest: Manifest, rows: Matrix) -> tuple[Any, list[str]]:
    """The rows of the sample that the estimator accepts, and a remark on others."""
    given = make_input_converter(manifest)
    require_one_output(fitted, manifest, (given(row[None]) for row in rows[:MAX_TRIED]))
    places, _, refused = compute_or_refuse(from_estimator(fitted, manifest), rows)
    if not refused:
        return np.arange(len(rows)), []
    (first, why), *_ = sorted(refused.items())
    verb = "is" if len(refused) == 1 else "are"
    few = f"{len(refused):,} of the sample's {len(rows):,} rows {verb} left out"
    return np.sort(places), [f"{few}: in row {first + 1} {why}"]


def _with_example(fitted: Any, manifest: Manifest, frame: pd.DataFrame) -> Manifest:
    """The manifest with an example that the estimator accepts: a typical record, or else a row."""
    fields = manifest.fields
    compute = from_estimator(fitted, manifest)
    for few in (frame, frame.iloc[:1]):
        there = tuple(field for field in fields if few[field.name].notna().any())
        example = typical(few, there)
        row = pd.DataFrame([example]).reindex(columns=[field.name for field in fields])
        if not compute_or_refuse(compute, to_rows(row, fields))[2]:
            return replace(manifest, example=example)
    return manifest


def _evaluate(manifest: Manifest, task: Task, y: Target, outputs: Matrix, sample: Path) -> Manifest:
    """The manifest with metrics on the sample."""
    threshold = manifest.threshold.value if manifest.threshold else None
    return replace(
        manifest,
        metrics=evaluate.resampled(task, y, outputs, SEED, threshold),
        evaluation=(
            f"on the {len(y):,} rows of {sample.name}, which it may have been fitted on; "
            f"spread: standard deviation over {evaluate.RESAMPLES} bootstrap samples; "
            f"baseline: {task.baseline}{task.remark}"
        ),
    )


def _task(manifest: Manifest) -> Task:
    labels = manifest.classes
    if not labels:
        return Regression()
    positive = labels[1] if len(labels) == 2 else ""  # noqa: PLR2004 - two
    if manifest.threshold:
        positive = manifest.threshold.label
    return Classification(labels=labels, positive=positive, coded=True)


def _encode(fitted: Any, column: "pd.Series[Any]", task: Task) -> Target:
    """The target of the sample; the labels 1, 1.0 and "1" are the same."""
    if not is_classifier(fitted):
        if not is_numeric_dtype(column):
            raise TrainingError(
                f"the target {column.name!r} is text, such as {column.iloc[0]!r}, but the "
                "estimator predicts numbers: name another column with --target"
            )
        return task.encode(column)
    classes = fitted.classes_.tolist()
    text = [f"{label:.15g}" if isinstance(label, float) else str(label) for label in classes]
    if unknown := set(to_labels(column)) - set(text):
        raise TrainingError(
            f"{column.name!r} holds {', '.join(sorted(map(repr, unknown)))}; the labels of the "
            f"estimator are {', '.join(map(repr, text))}: correct them, or leave these rows out"
        )
    return task.encode(to_labels(column).map(dict(zip(text, map(str, classes), strict=True))))
