"""Explanations as columns of a table: the contribution of each field, or the largest few."""

import re
from collections.abc import Sequence
from itertools import chain

from msgspec import UnsetType

from serving.models.explaining.explanation import ExplainOptions, Explanation

NUMBERS = re.compile(r"base$|rest$|contribution[(_]")  # the names of columns of numbers


class Columns:
    """The columns of explanations.

    The first has the unit, or the reason why there is no explanation; the second the base.

    Parameters
    ----------
    fields : sequence of str
        Of the model.
    """

    def __init__(self, fields: Sequence[str], options: ExplainOptions) -> None:
        self._fields = fields
        if options.top is None:
            listed = [f"contribution({name})" for name in fields]
        else:
            places = range(1, min(options.top, len(fields)) + 1)
            pairs = ((f"reason_{place}", f"contribution_{place}") for place in places)
            listed = [*chain.from_iterable(pairs), "rest"]
        words = [*["in_words"] * bool(options.language), *["reasons"] * bool(options.reasons_for)]
        self._words = words
        self.names = ["explanation", "base", *listed, *words]

    def cells(self, explanation: Explanation) -> list[str | float]:
        """Return the cells of a row."""
        listed, base, rest = explanation.contributions, explanation.base, explanation.rest
        if isinstance(listed, UnsetType) or isinstance(base, UnsetType):
            return [str(explanation.reason), *[""] * (len(self.names) - 1)]
        cells: list[str | float] = [str(explanation.unit), base]
        if isinstance(rest, UnsetType):
            by_field = {each.field: each.contribution for each in listed}
            cells += [by_field[name] for name in self._fields]
        else:
            for each in listed:
                cells += [each.field, each.contribution]
            cells.append(rest)
        return cells + [TEXTS[name](explanation) for name in self._words]


def _in_words(explanation: Explanation) -> str:
    listed = explanation.contributions or []
    return " ".join([explanation.summary or "", *(each.sentence or "" for each in listed)])


def _reasons(explanation: Explanation) -> str:
    return " ".join(each.sentence for each in explanation.reasons or ())


TEXTS = {"in_words": _in_words, "reasons": _reasons}
