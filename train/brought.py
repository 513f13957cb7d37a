"""A fitted estimator that someone brings, wrapped into an artefact."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from msgspec.structs import replace
from pandas.api.types import is_numeric_dtype
from sklearn.base import is_classifier

from serving.backends import from_estimator
from serving.field import Field
from serving.manifest import Manifest, Reference, TrainingData
from serving.schema import Matrix
from train import assemble, evaluate, pickles, table
from train.assemble import Trained
from train.classification import Classification
from train.encoders import known_labels
from train.errors import TrainingError
from train.infer import MOST_LABELS, category, number, require_column, to_labels
from train.problem import SEED, as_seen, sha256, to_rows
from train.reference import field_references, typical
from train.regression import Regression
from train.task import Task, Truth
from train.threads import one_thread


@one_thread()
def bring(file: Path, sample: Path, target: str | None, name: str, models_dir: Path) -> Trained:
    """Write a version from a pickle, which runs whatever code is in it, and rows in a CSV.

    The fields are those that the estimator was fitted on, by name where it knows names, with the
    types and ranges of the sample. A field may be missing if it is in some row of the sample.

    Parameters
    ----------
    target : str or None
        The sample's column with the truth, on which the estimator is tested.

    Raises
    ------
    TrainingError
        If the file holds no estimator that can be served, or the sample does not fit it.
    """
    given, fitted = table.read(sample), evaluate.alone(pickles.load(file))
    if target is not None:
        require_column(given, target)
        given = given[given[target].notna()].reset_index(drop=True)
    fields, frame, takes = _fields(fitted, given, target)
    rows = to_rows(frame, fields)
    labels = tuple(str(label) for label in fitted.classes_) if is_classifier(fitted) else ()
    manifest = Manifest(
        name=name,
        title=f"{type(fitted).__name__} from {file.name}",
        task="classification" if labels else "regression",
        target=target or "prediction",
        fields=fields,
        classes=labels,
        takes=takes,
        example=typical(frame, fields),
        evaluation="none, for the sample had no column with the truth",
        metrics={},
        data=TrainingData(
            f"{sample.name}, a sample; the training data are not known",
            "not stated",
            sha256(sample),
            len(rows),
        ),
        libraries=assemble.libraries(fitted),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    answers, task = _answers(fitted, manifest, rows), _task(labels)
    truth = None if target is None else _truth(fitted, given[target], task)
    if truth is not None:
        manifest = replace(
            manifest,
            metrics=evaluate.resampled(task, truth, answers, SEED),
            evaluation=(
                f"on the {len(rows):,} rows of {sample.name}, which it may have been fitted on; "
                f"spread: standard deviation over {evaluate.RESAMPLES} bootstrap samples; "
                f"baseline: {task.baseline}{task.remark}"
            ),
        )
    reference = Reference(
        rows=len(rows),
        fields=field_references(frame, fields),
        **task.reference(truth, answers),
    )
    return assemble.write(models_dir, manifest, reference, fitted, lambda: None)


def _fields(
    fitted: Any, given: pd.DataFrame, target: str | None
) -> tuple[tuple[Field, ...], pd.DataFrame, Literal["matrix", "frame"]]:
    """The fields, their columns of the sample, and what the estimator takes."""
    names = [str(column) for column in given if column != target]
    by_name = hasattr(fitted, "feature_names_in_")
    if by_name:
        spelt = {name.replace(" ", "_"): name for name in names}  # as LightGBM spells them
        known = [str(name) for name in fitted.feature_names_in_]
        names = [name if name in given else spelt.get(name, name) for name in known]
    elif len(names) != fitted.n_features_in_:
        raise TrainingError(
            f"the sample has {len(names)} columns beside the target, the estimator takes "
            f"{fitted.n_features_in_}; was it fitted without column names, leave out the others"
        )
    labels = known_labels(fitted, names)
    fields, columns = [], {}
    for name in names:
        require_column(given, name)
        if given[name].isna().all():
            raise TrainingError(f"{name!r} has no value in the sample, so its type is not known")
        field, columns[name] = _field(name, given[name], labels.get(name, []))
        if field.type == "category" and not by_name:
            raise TrainingError(f"{name!r} is text, and the estimator knows no columns by name")
        fields.append(as_seen(field, columns[name]))
    return tuple(fields), pd.DataFrame(columns), "frame" if by_name else "matrix"


def _field(name: str, column: "pd.Series[Any]", known: list[Any]) -> tuple[Field, Any]:
    """A field of the sample; `known` are the labels that an encoder knows of it."""
    if known and all(isinstance(label, str) for label in known):
        return category(name, column, known)
    if is_numeric_dtype(column):
        return number(name, column)
    if set(column.dropna()) <= {"False", "True"}:  # pandas made it booleans for the script
        return number(name, column.map({"False": 0, "True": 1}).astype("Int64"))
    if column.nunique() > MOST_LABELS:
        raise TrainingError(
            f"{name!r} is free text, with {column.nunique():,} different values, which no field "
            "can be"
        )
    return category(name, column)


def _answers(fitted: Any, manifest: Manifest, rows: Matrix) -> Matrix:
    """What the estimator says of the sample's rows, given as the service gives them."""
    try:
        answers = from_estimator(fitted, manifest)(rows)
    except Exception as error:  # why: estimators have errors of their own
        raise TrainingError(f"the estimator cannot answer the sample: {error}") from error
    if len(answers) != len(rows) or not np.isfinite(answers).all():
        raise TrainingError("the estimator does not answer each row with one finite number")
    return answers


def _task(labels: tuple[str, ...]) -> Task:
    if not labels:
        return Regression()
    two = len(labels) == 2  # noqa: PLR2004 - two
    return Classification(labels=labels, positive=labels[1] if two else "", coded=True)


def _truth(fitted: Any, column: "pd.Series[Any]", task: Task) -> Truth:
    """The sample's truth; of labels their codes, for 1 and 1.0 and "1" are one."""
    if not is_classifier(fitted):
        if not is_numeric_dtype(column):
            raise TrainingError(f"{column.name!r} is text, and the estimator predicts numbers")
        return task.truth(column)
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
    return task.truth(
        to_labels(column).map(dict(zip(text, map(str, fitted.classes_), strict=True)))
    )
