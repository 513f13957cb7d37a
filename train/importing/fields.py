"""The fields of an imported estimator, from a sample and from what it was fitted on."""

import json
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import pandas as pd
from msgspec.structs import replace
from pandas.api.types import is_numeric_dtype

from serving.figures import counted
from serving.inputs import labels as label_rules
from serving.inputs.field import Field
from serving.models.manifest import Column
from train.errors import TrainingError
from train.importing.columns import category, number, require_column, text
from train.importing.encoders import (
    known_labels,
    read_as_text,
    strict_values,
    takes_none,
    takes_texts,
)
from train.onnx.parts import deciding
from train.tables.fields import MAX_LABELS, to_labels
from train.tables.rows import with_range

FEW = 20  # labels that may all be different in a small sample
YES_NO = {"False": 0, "True": 1}  # how pandas writes booleans


class Inputs(NamedTuple):
    """The inputs of an estimator.

    Attributes
    ----------
    frame : DataFrame
        The sample's columns that the fields describe.
    entries : dict
        Of the manifest: takes, columns, known.
    """

    fields: tuple[Field, ...]
    frame: pd.DataFrame
    entries: dict[str, Any]


def fields_of(fitted: Any, given: pd.DataFrame, target: str | None) -> Inputs:
    """The fields of an estimator: those it was fitted on, by name where it knows names.

    Raises
    ------
    TrainingError
        If the sample does not have them.
    """
    takes, names = _names(fitted, given, target)
    by_name = takes == "frame"
    texts = {*names} if takes == "texts" else read_as_text(fitted, names)
    labels, categories = known_labels(fitted, names), _categories(fitted, names, given)
    none, strict = takes_none(fitted, names), strict_values(fitted, names)
    fields, frame, columns = [], {}, {}
    for name in names:
        require_column(given, name)
        if given[name].isna().all():
            raise TrainingError(
                f"{name!r} has no value in the sample, so its type is unknown: add a row with one"
            )
        known = [*categories.get(name, ()), *labels.get(name, ())]
        if name in texts or (by_name and _is_free(given[name], known)):
            field, frame[name] = text(name, given[name])
        else:
            field, frame[name] = _field(name, given[name], known)
        if field.type == "category" and not by_name:
            raise TrainingError(
                f"{name!r} is text, but the estimator was fitted without column names: fit it on a "
                "pandas frame, or write numbers in the sample"
            )
        fields.append(with_range(field, frame[name]))
        if name in categories:
            columns[name] = Column("category", tuple(categories[name]))
        elif field.type == "category" and name in none:
            columns[name] = Column("object")
    numeric = {field.name for field in fields if field.type not in {"category", "text"}}
    entries = {
        "takes": takes,
        "columns": columns if by_name else {},
        "known": {name: values for name, values in strict.items() if name in numeric},
    }
    return Inputs(tuple(fields), pd.DataFrame(frame), entries)


def _names(
    fitted: Any, given: pd.DataFrame, target: str | None
) -> tuple[Literal["frame", "matrix", "texts"], list[str]]:
    """What the estimator takes, and the columns of the sample that it is given."""
    names = [str(column) for column in given if column != target]
    if takes_texts(fitted):
        if len(names) > 1:
            raise TrainingError(
                f"the {type(fitted).__name__} takes texts only, but the sample has the columns "
                f"{', '.join(map(repr, names))}: keep only that of the texts and the target"
            )
        return "texts", names
    known = getattr(fitted, "feature_names_in_", None)
    if known is not None:
        spelt = {name.replace(" ", "_"): name for name in names}  # as LightGBM spells them
        known = [str(name) for name in known]
        return "frame", [name if name in given else spelt.get(name, name) for name in known]
    wanted = getattr(fitted, "n_features_in_", None)
    if wanted is None:
        raise TrainingError(
            f"the {type(fitted).__name__} does not show which columns it was fitted on: fit it on "
            "a pandas frame, in a Pipeline that begins with a ColumnTransformer"
        )
    if len(names) != wanted:
        raise TrainingError(
            f"the sample has {counted(len(names), 'column')} besides the target, but the estimator "
            f"takes {wanted}: leave out the others"
        )
    return "matrix", names


def _is_free(column: "pd.Series[Any]", known: list[Any]) -> bool:
    """Whether a column is free text: too many values for labels, or hardly any of them repeated."""
    if known or is_numeric_dtype(column):
        return False
    different = column.nunique()
    return different > MAX_LABELS or (different > FEW and different > column.count() / 2)


def _field(name: str, column: "pd.Series[Any]", known: list[Any]) -> tuple[Field, Any]:
    """A field of the sample; `known` are the labels that the estimator was fitted on.

    Where all numbers of a sample are whole, others may still be sent.
    """
    if known and all(isinstance(label, str) for label in known):
        return category(name, _as_known(column, known), known)
    if is_numeric_dtype(column):
        field, column = number(name, column)
        return (field if known else replace(field, type="number")), column
    if set(column.dropna()) <= {*YES_NO}:
        field, column = number(name, column.map(YES_NO).astype("Int64"))
        return replace(field, type="boolean"), column
    return category(name, column)


def _as_known(column: "pd.Series[Any]", known: list[Any]) -> "pd.Series[Any]":
    """A column with the labels of the fit: a table's 1 may be the estimator's "1.0"."""
    labels = tuple(known)
    rule = label_rules.rules_for(labels, has_codes=False)

    def to_known(label: str) -> str:
        try:
            code = rule.code(label)
        except label_rules.Ambiguous:
            code = None
        return label if code is None else labels[code]

    return to_labels(column).map(to_known, na_action="ignore")


def _categories(fitted: Any, names: list[str], given: pd.DataFrame) -> dict[str, list[Any]]:
    """The columns of pandas' dtype category that a boosted model was fitted on, with categories.

    LightGBM and XGBoost number the categories in their order, so it must be that of the fit.
    """
    found: dict[str, list[Any]] = {}
    for model, steps in deciding(fitted):
        if steps:  # which give it columns of their own
            continue
        if booster := getattr(model, "booster_", None):
            found |= _of_lightgbm(booster, names)
        elif hasattr(model, "get_booster"):
            found |= _of_xgboost(model.get_booster(), names, given)
    return found


def _of_lightgbm(booster: Any, names: list[str]) -> dict[str, list[Any]]:
    kept = booster.pandas_categorical or []
    columns = booster.params.get("categorical_column", [])
    if len(kept) != len(columns):
        return {}
    return {names[at]: categories for at, categories in zip(columns, kept, strict=True)}


def _of_xgboost(booster: Any, names: list[str], given: pd.DataFrame) -> dict[str, list[Any]]:
    kinds = booster.feature_types or ["q"] * len(names)  # of an array, which are quantitative
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    stored = model.get("model", model.get("gbtree", {}).get("model", {})).get("cats", {})
    encoded = stored.get("enc") or [{}] * len(kinds)
    found = {}
    for name, kind, kept in zip(names, kinds, encoded, strict=True):
        if kind == "c":  # before version 3.1 it kept none: then they are sorted, as pandas does
            found[name] = _decoded(kept) or sorted(given[name].dropna().unique().tolist())
    return found


def _decoded(kept: dict[str, Any]) -> list[Any]:
    """The categories of a column as XGBoost stores them: numbers, or the bytes of text in one."""
    values, offsets = kept.get("values", []), kept.get("offsets")
    if offsets is None:
        return list(values)
    text = bytes(value % 256 for value in values)
    return [text[start:end].decode() for start, end in pairwise(offsets)]
