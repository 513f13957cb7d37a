"""Cells that do not fit their column: what they mean for it, and how messages name them."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from serving.inputs.missing import means_missing
from serving.inputs.shown import printable
from serving.sentence import Sentence
from train.tables.options import quoted
from train.tables.read import Lines

if TYPE_CHECKING:
    import pandas as pd

NEARLY_ALL = 0.9  # of the rows must fit for the column to be of a kind
FEW = 20  # different numbers that may be labels of a category
RARE = 0.02  # of the rows: too few for a label beside few different numbers
NAMED, LINES = 4, 3  # cells, and lines of each, that a message names

Verdict = Literal["all", "strays", "some"]


class Odd(NamedTuple):
    """The texts of a column that do not fit the others.

    Attributes
    ----------
    stand_ins : tuple of str
        Texts that clearly stand for a missing value.
    others : tuple of str
        All others, the most frequent first.
    """

    stand_ins: tuple[str, ...]
    others: tuple[str, ...]
    verdict: Verdict

    def chosen(self) -> "Odd":
        """The same where a person has chosen the kind: the others must be decided on."""
        return self._replace(verdict="strays" if self.others else "all")


def judge(counts: "pd.Series[int]", odd: Collection[str]) -> Odd:
    """Whether a column is of the kind that all its texts except the odd ones are.

    `all`: it is, and the odd ones stand for missing values. `strays`: it is, except for a few cells
    that a person must decide on. `some`: it is not, because too many of its cells are different.

    Parameters
    ----------
    counts : Series
        The number of rows of each text, the most frequent first.
    """
    stand_ins = tuple(text for text in counts.index if text in odd and means_missing(text))
    others = tuple(text for text in counts.index if text in odd and not means_missing(text))
    regular = len(counts) - len(odd)
    strange = int(counts[[*others]].sum())
    rows = int(counts.sum()) - int(counts[[*stand_ins]].sum())
    verdict: Verdict = "some"
    if not others:
        verdict = "all" if not stand_ins or regular > 2 else "some"  # noqa: PLR2004 - of 1, 2 and - all may be labels
    elif rows - strange >= NEARLY_ALL * rows and (regular > FEW or strange <= max(1, RARE * rows)):
        verdict = "strays"
    return Odd(stand_ins, others, verdict)


def named(column: "pd.Series[str]", lines: Lines, texts: Collection[str]) -> Sentence:
    """The odd cells of a column, with their lines."""
    cells = []
    for text in [*texts][:NAMED]:
        at = np.flatnonzero(column == text)
        about = {"text": printable(text), "rows": len(at), "lines": lines.named(at[:LINES])}
        if len(at) > LINES:
            cells.append(Sentence("{text!r} ({rows:,} rows, lines {lines} …)", **about))
        else:
            cells.append(Sentence("{text!r} ({rows:line|lines} {lines})", **about))
    if (more := len(texts) - NAMED) > 0:
        return Sentence("{cells} and {more:,} more", cells=cells, more=more)
    return Sentence("{cells}", cells=cells)


def remedy(texts: Collection[str]) -> Sentence:
    """What to do about cells that only a person can decide on."""
    first = [*texts][:NAMED]
    options = " ".join(f"--missing {quoted(text)}" for text in first)
    if len(texts) == 1:
        return Sentence(
            "correct it, or train with {options} if it stands for a missing value",
            options=options,
            texts=first,
        )
    return Sentence(
        "correct them, or train with {options} if they stand for a missing value",
        options=options,
        texts=first,
    )
