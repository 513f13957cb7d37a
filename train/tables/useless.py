"""Columns that are left out, because they cannot help to predict."""

import re
from typing import Any

import numpy as np

from serving.sentence import Sentence
from train.tables.column import Column, plain
from train.tables.options import quoted

NAMED_AS_KEY = re.compile(r"(?i:(^|[\W_])(id|uuid|guid|index|key)|^unnamed: \d+)$|[a-z]I[dD]$")
NAMED_AS_COUNTER = re.compile(
    r"(?i:(^|[\W_])(id|index|key|no|nr|num|number|seq|sequence|row|rows?[\W_]?(names?|ids?|n[or]|"
    r"num(ber)?)|s[\W_]*l?[\W_]*no|#|nº|n°|linha|ordem|item|obs(ervation)?|record)[.]?"
    r"|^unnamed: \d+|#)$|[a-z](I[dD]|No|Nr)$"
)
FREE_TEXT = 30  # characters on average; names and codes have fewer


def useless(column: Column) -> Sentence | None:
    """Why a column cannot help to predict; None if it can."""
    present = column.content.dropna()
    distinct = present.nunique()
    if distinct == 0:
        return Sentence("it is empty")
    if distinct == 1:
        value = column.content[present.index[0]]
        return Sentence(
            "it has one value only, {value:.12g}",
            value=value if column.kind == "text" else plain(value, column),
        )
    all_different = distinct == len(column.content)
    if counts_rows(column) and NAMED_AS_COUNTER.search(column.name):
        return Sentence("it numbers the rows")
    if all_different and NAMED_AS_KEY.search(column.name) and column.kind in {"integer", "text"}:
        return Sentence(
            "it is an identifier: its {distinct:,} values are all different", distinct=distinct
        )
    if column.kind == "text" and not column.strays and distinct > len(present) / 2:
        return _many_texts(present)
    return None


def _many_texts(present: Any) -> Sentence:
    about = {"distinct": present.nunique(), "rows": len(present)}
    if present.str.len().mean() > FREE_TEXT:
        return Sentence(
            "it is free text: it has {distinct:,} different values in {rows:,} rows", **about
        )
    return Sentence(
        "it is an identifier or free text: it has {distinct:,} different values in {rows:,} rows",
        **about,
    )


def counts_rows(column: Column) -> bool:
    """Whether a column counts the rows in their order, from 0 or 1."""
    if column.kind != "integer":
        return False
    numbers = column.content.to_numpy()
    return bool(numbers[0] in {0, 1} and (np.diff(numbers) == 1).all())


def question(column: Column) -> Sentence | None:
    """A remark that asks about a column that may be only the number of the row."""
    if not counts_rows(column):
        return None
    return Sentence(
        "{name!r} counts the rows: is it only a row number? Then leave it out with --drop {option}",
        name=column.name,
        option=quoted(column.name),
    )


def way_to_keep(column: Column) -> str:
    """The options that keep a column that is left out; none if it is empty."""
    if column.content.isna().all():
        return ""
    keep = f"--keep {quoted(column.name)}"
    has_words = column.kind == "text" and column.content.nunique() > 1
    return f"{keep} or --text {quoted(column.name)}" if has_words else keep
