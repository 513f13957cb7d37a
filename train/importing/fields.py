"""The fields of an estimator that someone brings, from a sample and from what it knows itself."""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from msgspec.structs import replace
from pandas.api.types import is_numeric_dtype

from serving.inputs import labels as label_rules
from serving.inputs.field import Field
from serving.models.manifest import Column, Manifest
from serving.models.refusals import reason
from train.errors import TrainingError
from train.importing.columns import MOST_LABELS, category, number, require_column, text, to_labels
from train.importing.encoders import (
    known_labels,
    read_as_text,
    strict_values,
    takes_none,
    takes_texts,
)
from train.onnx.parts import deciding
from train.tables.rows import with_range

FEW = 20  # labels that a small sample may have without any of them coming again
YES_NO = {"False": 0, "True": 1}  # what pandas reads as booleans


class Given(NamedTuple):
    """What the estimator is given.

    Attributes
    ----------
    frame : DataFrame
        The sample's columns of the fields, as the fields have them.
    says : dict
        Entries of the manifest: takes, columns, known.
    """

    fields: tuple[Field, ...]
    frame: pd.DataFrame
    says: dict[str, Any]


def fields_of(fitted: Any, given: pd.DataFrame, target: str | None) -> Given:
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
            raise TrainingError(f"{name!r} has no value in the sample, so its type is not known")
        known = [*categories.get(name, ()), *labels.get(name, ())]
        if name in texts or (by_name and _is_free(given[name], known)):
            field, frame[name] = text(name, given[name])
        else:
            field, frame[name] = _field(name, given[name], known)
        if field.type == "category" and not by_name:
            raise TrainingError(f"{name!r} is text, and the estimator knows no columns by name")
        fields.append(with_range(field, frame[name]))
        if name in categories:
            columns[name] = Column("category", tuple(categories[name]))
        elif field.type == "category" and name in none:
            columns[name] = Column("object")
    numeric = {field.name for field in fields if field.type not in {"category", "text"}}
    says = {
        "takes": takes,
        "columns": columns if by_name else {},
        "known": {name: values for name, values in strict.items() if name in numeric},
    }
    return Given(tuple(fields), pd.DataFrame(frame), says)


def _names(
    fitted: Any, given: pd.DataFrame, target: str | None
) -> tuple[Literal["frame", "matrix", "texts"], list[str]]:
    """What the estimator takes, and which columns of the sample that is."""
    names = [str(column) for column in given if column != target]
    if takes_texts(fitted):
        if len(names) > 1:
            raise TrainingError(
                f"the {type(fitted).__name__} takes texts alone, and the sample has the columns "
                f"{', '.join(map(repr, names))}: leave in it that of the texts, and the target"
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
            f"the {type(fitted).__name__} does not say what columns it was fitted on; fit it on a "
            "pandas frame, in a Pipeline that begins with a ColumnTransformer"
        )
    if len(names) != wanted:
        raise TrainingError(
            f"the sample has {len(names)} columns beside the target, the estimator takes "
            f"{wanted}; was it fitted without column names, leave out the others"
        )
    return "matrix", names


def _is_free(column: "pd.Series[Any]", known: list[Any]) -> bool:
    """Whether a column holds text that nobody has listed: labels would come again."""
    if known or is_numeric_dtype(column):
        return False
    different = column.nunique()
    return different > MOST_LABELS or (different > FEW and different > column.count() / 2)


def _field(name: str, column: "pd.Series[Any]", known: list[Any]) -> tuple[Field, Any]:
    """A field of the sample; `known` are the labels that the estimator knows of it.

    That all numbers of a sample are whole does not say that others cannot be predicted from.
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
    """A column with the labels as the estimator knows them: a table's 1 may be its "1.0"."""
    labels = tuple(known)
    rule = label_rules.rules_for(labels, has_codes=False)

    def meant(label: str) -> str:
        try:
            code = rule.code(label)
        except label_rules.Ambiguous:
            code = None
        return label if code is None else labels[code]

    return to_labels(column).map(meant, na_action="ignore")


def _categories(fitted: Any, names: list[str], given: pd.DataFrame) -> dict[str, list[Any]]:
    """The columns of pandas' dtype category that boosting was fitted on, with their categories.

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
    kinds = booster.feature_types or []
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


def require_one_answer(fitted: Any, manifest: Manifest, rows: Iterable[Any]) -> None:
    """Make sure that the estimator gives one label or number to a row, by the first it answers.

    Parameters
    ----------
    rows : iterable
        Single rows as the estimator takes them.

    Raises
    ------
    TrainingError
    """
    why = "the sample has no row"
    for row in rows:
        try:
            said = np.asarray(fitted.predict(row))
            chances = None
            if manifest.classes and hasattr(fitted, "predict_proba"):
                chances = np.asarray(fitted.predict_proba(row))
        except Exception as error:  # noqa: BLE001 # why: estimators have errors of their own
            why = reason(error)
            continue
        if said.size != 1:
            what = "labels" if manifest.classes else "numbers"
            raise TrainingError(
                f"the {type(fitted).__name__} answers {said.size} {what} to a row, and one is "
                "served: fit an estimator for each target"
            )
        if chances is not None and chances.shape != (1, len(manifest.classes)):
            raise TrainingError(
                f"the {type(fitted).__name__} has {len(manifest.classes)} classes, and answers "
                f"probabilities of shape {chances.shape} to a row"
            )
        return
    raise TrainingError(f"the estimator cannot answer the sample: {why}")
