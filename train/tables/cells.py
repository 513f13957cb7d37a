"""What is said of cells that are not as the others of their column."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal, NamedTuple

from serving.inputs.missing import means_missing
from serving.inputs.shown import printable
from train.tables.options import quoted

if TYPE_CHECKING:
    import pandas as pd

NEARLY_ALL = 0.9  # of the rows, if what most of a column's cells are is what it is
FEW = 20  # different numbers that may be labels of a category
RARE = 0.02  # of the rows: too few for a label beside few different numbers
NAMED, LINES = 4, 3  # cells and lines that a remark names

Verdict = Literal["all", "strays", "some"]


class Odd(NamedTuple):
    """The texts of a column that are not what the others are.

    Attributes
    ----------
    stand_ins : tuple of str
        What plainly says that there is no value.
    others : tuple of str
        All else, the commonest first.
    """

    stand_ins: tuple[str, ...]
    others: tuple[str, ...]
    verdict: Verdict


def judge(counts: "pd.Series[int]", odd: Collection[str]) -> Odd:
    """Whether a column is what all its texts but the odd ones are.

    `all`: those only stand in for missing values. `strays`: it is, but for a few cells that need
    a person. `some`: it is not, for too many of its cells are something else.

    Parameters
    ----------
    counts : Series
        In how many rows each text stands, the commonest first.
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


def named(column: "pd.Series[str]", lines: "pd.Series[int]", texts: Collection[str]) -> str:
    """The odd cells of a column with the lines on which they stand."""
    parts = []
    for text in [*texts][:NAMED]:
        at = lines[column == text].tolist()
        shown = ", ".join(map(str, at[:LINES])) + (" …" if len(at) > LINES else "")
        many = f"{len(at):,} rows, " if len(at) > LINES else ""
        parts.append(f"{printable(text)!r} ({many}line{'s' if len(at) > 1 else ''} {shown})")
    more = len(texts) - NAMED
    return " and ".join(filter(None, [", ".join(parts), f"{more:,} more" if more > 0 else ""]))


def remedy(texts: Collection[str]) -> str:
    """What to do about cells that nobody but a person can read."""
    options = " ".join(f"--missing {quoted(text)}" for text in [*texts][:NAMED])
    it, means = ("it", "it means") if len(texts) == 1 else ("them", "they mean")
    return f"correct {it}, or train with {options} if {means} that there is no value"
