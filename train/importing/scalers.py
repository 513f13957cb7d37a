"""Scalers and encoders in their own pickles, joined with the model into one Pipeline."""

import csv
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder, OrdinalEncoder

from serving.figures import counted
from train.errors import TrainingError
from train.importing import pickles


class Scaler(NamedTuple):
    """A fitted transformer and its columns, in the order of its fit."""

    transformer: Any
    columns: list[str]


def join(
    model: Any, given: pd.DataFrame, options: Sequence[str], trusted: Collection[str] = ()
) -> Pipeline:
    """A Pipeline of the scalers and the model, which was fitted on scaled columns.

    Columns without a scaler are passed through. The model is given all columns in the order of its
    fit: by the names that it was fitted on, or else in the order of the sample.

    Parameters
    ----------
    given : DataFrame
        The sample without the target, as it was before scaling.
    options : sequence of str
        `COLUMN=FILE`, or `COLUMN,COLUMN=FILE` for a scaler of several.
    trusted : collection of str
        Types and functions that their files may load, as those of the model.

    Raises
    ------
    TrainingError
        If a column is missing, is scaled twice, or the scaler was fitted on other columns.
    """
    names = [str(column) for column in given]
    order = [str(name) for name in getattr(model, "feature_names_in_", names)]
    scalers = [_read(each, names, trusted) for each in options]
    scaled = [column for scaler in scalers for column in scaler.columns]
    for column in scaled:
        if scaled.count(column) > 1:
            raise TrainingError(f"--scaler: {column!r} has more than one scaler: give one only")
        if column not in order:
            raise TrainingError(f"--scaler: the model was not fitted on a column {column!r}")
    if absent := [column for column in order if column not in names]:
        raise TrainingError(
            f"the sample has no column {absent[0]!r}, which the model was fitted on: add it"
        )
    if getattr(model, "n_features_in_", len(order)) != len(order):
        raise TrainingError(
            f"the sample has {counted(len(order), 'column')} besides the target, but the model "
            f"takes {model.n_features_in_}: leave out the others"
        )
    return Pipeline([*_steps(scalers, order, model, given), ("model", model)])


def _steps(
    scalers: Sequence[Scaler], order: list[str], model: Any, given: pd.DataFrame
) -> Iterator[tuple[str, Any]]:
    """The scalers in parallel; where that changes the order of columns, a step that restores it."""
    parts = [(f"part {at}", *part) for at, part in enumerate(_parts(scalers, order), 1)]
    made = [column for _, _, columns in parts for column in columns]
    scaling = ColumnTransformer(
        [(name, _frozen(part), columns) for name, part, columns in parts],
        verbose_feature_names_out=False,
    ).fit(given[made])
    # The scalers were fitted before; they are frozen for this fit only, as ONNX knows none frozen.
    scaling.transformers = parts
    fitted = {name: part for name, part, _ in parts if part != "passthrough"}
    scaling.transformers_ = [
        (name, fitted.get(name, part), columns) for name, part, columns in scaling.transformers_
    ]
    reordering = ColumnTransformer(
        [("order", "passthrough", [made.index(column) for column in order])],
        verbose_feature_names_out=False,
    )
    if hasattr(model, "feature_names_in_"):  # it needs the names again
        scaling.set_output(transform="pandas")
        reordering.set_output(transform="pandas")
    yield "scaling", scaling
    if order != made:
        yield "order", reordering.fit(scaling.transform(given[made]))


def _parts(scalers: Sequence[Scaler], order: Sequence[str]) -> Iterator[Scaler]:
    """Scalers and passed-through columns, in the model's order as far as possible."""
    by_first = {min(scaler.columns, key=order.index): scaler for scaler in scalers}
    scaled = {column for scaler in scalers for column in scaler.columns}
    for is_scaled, columns in groupby(order, key=scaled.__contains__):
        if is_scaled:
            yield from (by_first[column] for column in columns if column in by_first)
        else:
            yield Scaler("passthrough", [*columns])


def _frozen(part: Any) -> Any:
    return part if part == "passthrough" else FrozenEstimator(part)


def _read(option: str, names: Sequence[str], trusted: Collection[str]) -> Scaler:
    """The scaler that an option names; the names of columns and files may contain `=`."""
    places = [at for at, sign in enumerate(option) if sign == "="]
    if not places:
        raise TrainingError(f'--scaler {option}: write it as "COLUMN"=FILE')
    there = [at for at in places if Path(option[at + 1 :]).is_file()]
    at = next((each for each in there if _columns(option[:each], names)), (there or places)[-1])
    columns, file = _columns(option[:at], names), Path(option[at + 1 :])
    if not columns:
        raise TrainingError(
            f"--scaler: the sample has no column {option[:at]!r}; write several as "
            '"one column,another"'
        )
    transformer = pickles.unpickled(file, trusted)
    if isinstance(transformer, LabelEncoder):
        known = pd.DataFrame({columns[0]: transformer.classes_})
        transformer = OrdinalEncoder(categories=[transformer.classes_]).fit(known)
    if not hasattr(transformer, "transform"):
        raise TrainingError(
            f"{file} holds a {type(transformer).__name__}, which cannot transform a column: name a "
            "fitted scaler or encoder"
        )
    if getattr(transformer, "n_features_in_", len(columns)) != len(columns):
        raise TrainingError(
            f"{file} was fitted on {transformer.n_features_in_} columns, not {len(columns)}: name "
            'them all, in the order of the fit, as "one column,another"'
        )
    fitted_on = [*map(str, getattr(transformer, "feature_names_in_", columns))]
    if fitted_on != columns:
        raise TrainingError(
            f"{file} was fitted on {', '.join(fitted_on)}, not {', '.join(columns)}: name these "
            "columns"
        )
    transformer.feature_names_in_ = np.array(columns, dtype=object)  # or it would warn of names
    return Scaler(transformer, columns)


def _columns(text: str, names: Sequence[str]) -> list[str]:
    """The columns that a text names, one or several; none if one of them does not exist."""
    if text in names:
        return [text]
    several = [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]
    return several if several and all(name in names for name in several) else []
