"""Computes a model's outputs: by ONNX Runtime, or by scikit-learn from the pickle.

forest.py does so from a table of trees. All take rows and return float64 outputs, shape
(rows, columns): the number of a regression; for a classifier, depending on the manifest's
`outputs`, the probabilities of the classes, the code of the label that `predict` returns, or both,
the code last.
"""

import io
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.errors import ArtefactError
from serving.inputs.dates import CALENDAR, with_calendar
from serving.inputs.field import Field
from serving.inputs.schema import Matrix
from serving.models.artefact import PICKLE, Artefact
from serving.models.manifest import Manifest

Compute = Callable[[Matrix], Matrix]

ROWS, OUTPUT = "rows", "outputs"  # names within a compiled model
FATAL = 4  # lesser errors are raised, and need not be printed as well


def from_pickle(artefact: Artefact) -> Compute:
    """Load the pickle, to be computed by scikit-learn on the calling thread alone.

    Raises
    ------
    ArtefactError
        If the pickle cannot be loaded.
    """
    # Few models need them, and they are a tenth of what a start imports.
    import joblib  # noqa: PLC0415
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    try:
        estimator: Any = joblib.load(io.BytesIO(artefact.contents[PICKLE]))
        compute = from_estimator(estimator, artefact.manifest)
    except Exception as error:  # why: a pickle runs code, which may raise anything
        raise ArtefactError(f"{artefact}: the pickle cannot be loaded: {error!r}") from error
    # Boosting and linear algebra start a thread for each core, even for one row; there the threads
    # only wait for each other, and boosting took four times as long.
    alone: Compute = ThreadpoolController().wrap(limits=1)(compute)
    return alone


def to_features(fields: Sequence[Field], rows: Matrix) -> Matrix:
    """Make the features of a model: rows, followed by year, month and weekday of their dates."""
    return with_calendar(rows, _dates(fields))


def feature_columns(fields: Sequence[Field]) -> list[list[int]]:
    """Return, for each field, the columns of its features in what `to_features` returns."""
    found = [[column] for column in range(len(fields))]
    end = len(fields)
    for column in _dates(fields):
        found[column] += range(end, end + len(CALENDAR))
        end += len(CALENDAR)
    return found


def _dates(fields: Sequence[Field]) -> list[int]:
    return [column for column, field in enumerate(fields) if field.type == "date"]


def from_estimator(estimator: Any, manifest: Manifest) -> Compute:
    """Make the function that computes the outputs of a fitted estimator or Pipeline."""
    predict = _output_maker(estimator, manifest)
    features = make_input_converter(manifest)

    def compute(rows: Matrix) -> Matrix:
        with np.errstate(all="ignore"):  # outputs that are not finite are reported as faults
            return predict(features(rows))

    return compute


def make_input_converter(manifest: Manifest) -> Callable[[Matrix], Any]:
    """Make the function that converts rows to an estimator's input: features, texts or a frame."""
    if manifest.takes == "matrix":
        dates = _dates(manifest.fields)
        return lambda rows: with_calendar(rows, dates) if dates else rows
    if manifest.takes == "texts":
        return lambda rows: rows[:, 0].tolist()
    return _frame_maker(manifest)


def _frame_maker(manifest: Manifest) -> Callable[[Matrix], Any]:
    import pandas as pd  # noqa: PLC0415 # 40 MB, needed only for models that take frames

    def series(field: Field, values: NDArray[Any]) -> "pd.Series[Any]":
        column = manifest.columns.get(field.name)
        if column is None:
            if field.type in {"category", "text"}:
                return pd.Series(values, dtype="str")
            if field.type == "date":
                return pd.Series(pd.to_datetime(values, unit="D").as_unit("us"))
            if field.type == "boolean" and not field.optional:
                return pd.Series(values, dtype="bool")
            is_whole = field.type == "integer" and not field.optional  # NaN is a float
            return pd.Series(values, dtype="int64" if is_whole else "float64")
        if column.dtype == "category":
            if {*map(type, column.categories)} == {bool}:
                values = np.array(
                    [bool(each) if each in {0, 1} else None for each in values], object
                )
            return pd.Series(pd.Categorical(values, categories=[*column.categories]))
        return pd.Series(values, dtype=column.dtype)

    def frame(rows: Matrix) -> pd.DataFrame:
        given = zip(manifest.fields, columns(manifest.fields, rows, missing=None), strict=True)
        return pd.DataFrame({field.name: series(field, column) for field, column in given})

    return frame


def _output_maker(estimator: Any, manifest: Manifest) -> Callable[[Any], Matrix]:
    if manifest.task == "regression":
        return lambda given: np.asarray(estimator.predict(given), np.float64).reshape(-1, 1)
    if manifest.outputs == "probabilities":
        return lambda given: np.asarray(estimator.predict_proba(given), np.float64)
    codes = {label: float(code) for code, label in enumerate(estimator.classes_.tolist())}

    def labels(given: Any) -> Matrix:
        predicted = np.asarray(estimator.predict(given)).reshape(-1).tolist()
        return np.array([[codes[label]] for label in predicted])

    if manifest.outputs == "labels":
        return labels
    return lambda given: np.hstack([estimator.predict_proba(given), labels(given)])


def from_onnx(content: bytes, manifest: Manifest) -> Compute:
    """Load a compiled model, to be computed by ONNX Runtime on the calling thread alone.

    A compiled model has one input, `ROWS`, for the features, or one for each field, shape
    (rows, 1), in the fields' order. Integers are in double precision too, because one imputer or
    scaler does not take tensors of several types.

    Raises
    ------
    ArtefactError
        If the content cannot be loaded.
    """
    import onnxruntime  # noqa: PLC0415 # 25 MB that a service of forests does not need

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = FATAL
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # why: the runtime has many error types of its own
        raise ArtefactError(f"cannot be loaded: {error}") from error
    names = [node.name for node in session.get_inputs()]
    outputs, run = [session.get_outputs()[0].name], session.run

    def by_matrix(rows: Matrix) -> Matrix:
        computed: Matrix = run(outputs, {ROWS: rows})[0]
        return computed

    def by_column(rows: Matrix) -> Matrix:
        given = columns(manifest.fields, rows, missing="nan")  # as in skl2onnx
        fed = {name: column[:, None] for name, column in zip(names, given, strict=True)}
        computed: Matrix = run(outputs, fed)[0]
        return computed

    if names != [ROWS]:
        return by_column
    features = make_input_converter(msgspec.structs.replace(manifest, takes="matrix"))
    return lambda rows: by_matrix(features(rows))


def columns(
    fields: Sequence[Field], rows: Matrix, missing: str | None
) -> list[NDArray[np.float64] | NDArray[np.object_]]:
    """Split rows into fields: numbers as they are, categories as labels or `missing`."""

    def values(field: Field, column: NDArray[Any]) -> NDArray[np.float64] | NDArray[np.object_]:
        if field.type == "text":
            return np.array([missing if text is None else text for text in column], object)
        numbers = column.astype(np.float64, copy=False)  # objects, if the rows have texts
        return _labels(field, numbers, missing) if field.type == "category" else numbers

    return list(map(values, fields, rows.T))


def _labels(field: Field, codes: NDArray[np.float64], missing: str | None) -> NDArray[np.object_]:
    labels = np.array([*field.categories, missing], dtype=object)
    return labels[np.where(np.isnan(codes), len(field.categories), codes).astype(np.intp)]
