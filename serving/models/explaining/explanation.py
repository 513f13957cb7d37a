"""The explanation of a prediction, as it is sent and recorded."""

import math
from collections.abc import Sequence
from itertools import starmap
from typing import Any, NamedTuple, Self

import msgspec
from msgspec import UNSET, UnsetType

from serving.figures import ENGLISH, PORTUGUESE
from serving.inputs.schema import Matrix
from serving.inputs.shown import shown
from serving.models.explaining.contributions import Contributions, Explained, Unit

ALL = "all"
MAX_TOP = 9_999  # more than any model has fields
LANGUAGES = {"en": ENGLISH, "pt": PORTUGUESE, "pt-BR": PORTUGUESE}


class ExplainOptions(NamedTuple):
    """What a client wants explained.

    Attributes
    ----------
    top : int or None
        How many contributions, the largest; None for all.
    every_class : bool
        Whether the probabilities of the labels that are not predicted, too.
    language : str
        Of the sentences, as in `figures`; empty for none.
    reasons_for : str
        The label that reasons are given for where it is predicted; empty for none.
    """

    top: int | None = None
    every_class: bool = False
    language: str = ""
    reasons_for: str = ""

    @classmethod
    def read(cls, top: str, *, every_class: bool = False) -> Self:
        """Read how many contributions are wanted; nothing, or `all`, stands for all.

        Raises
        ------
        ValueError
        """
        if top in {"", ALL}:
            return cls(None, every_class)
        if not (top.isascii() and top.isdigit() and 0 < int(top) <= MAX_TOP):
            raise ValueError(
                f"{shown(top)} is not how many fields to list: 1 to {MAX_TOP}, or {ALL}"
            )
        return cls(int(top), every_class)


class Contribution(msgspec.Struct, gc=False, omit_defaults=True):
    """What a field adds to the output.

    Attributes
    ----------
    value
        Of the field, as it is recorded; null if it is missing.
    standard_error : float
        Of a contribution that is sampled; unset if it is exact.
    sentence : str
        The same for the person concerned; unset if no language was requested.
    """

    field: str
    value: Any
    contribution: float
    standard_error: float | UnsetType = UNSET
    sentence: str | UnsetType = UNSET


class Reason(msgspec.Struct, gc=False):
    """A reason for the predicted label.

    Attributes
    ----------
    code : str
        The name of the field.
    sentence : str
        How it contributes, for the person concerned.
    """

    code: str
    sentence: str


class ClassExplanation(msgspec.Struct, gc=False, omit_defaults=True):
    """Why a label that is not predicted has its probability.

    Attributes
    ----------
    of : str
        The label.
    output, base : float
        In the unit of the explanation.
    rest : float
        The sum of all other contributions.
    """

    of: str
    output: float
    base: float
    contributions: list[Contribution]
    rest: float | UnsetType = UNSET


class Explanation(msgspec.Struct, gc=False, omit_defaults=True):
    """How much each field contributes to a prediction: base + contributions + rest = output.

    Or the reason why that is not known.

    Attributes
    ----------
    method : str
        `trees` and `linear` are exact; `sampling` has standard errors.
    unit : str
        What all these numbers are; log-odds are log(p / (1 - p)) of two labels, and of more what
        the softmax is taken of; a logarithm is that of the predicted number.
    of : str
        The label whose probability is explained, which is the predicted one; unset for a number.
    output : float
        The probability or the number that was predicted, or what it is in the unit.
    base : float
        The output where nothing is known of the record.
    contributions : list
        Those with the greatest size first.
    rest : float
        The sum of all contributions that are not listed; unset if all are.
    others : list
        The same for the other labels, if that was requested.
    summary : str
        What is predicted in a sentence, if a language was requested.
    reasons : list
        If they were requested for the label that is predicted: the fields that contribute most to
        its probability, the most important first.
    reason : str
        Why there is no explanation.
    """

    method: str | UnsetType = UNSET
    unit: Unit | UnsetType = UNSET
    of: str | UnsetType = UNSET
    output: float | UnsetType = UNSET
    base: float | UnsetType = UNSET
    contributions: list[Contribution] | UnsetType = UNSET
    rest: float | UnsetType = UNSET
    others: list[ClassExplanation] | UnsetType = UNSET
    summary: str | UnsetType = UNSET
    reasons: list[Reason] | UnsetType = UNSET
    reason: str | UnsetType = UNSET


def make_explanations(
    explained: Explained,
    names: Sequence[str],
    records: Sequence[Sequence[Any]],
    *,
    classes: Sequence[str],
    predicted: Sequence[Any],
    options: ExplainOptions,
) -> list[Explanation]:
    """Make the explanation of each row.

    Parameters
    ----------
    records : sequence of sequence
        The values of each row, in the order of `names`.
    classes : sequence of str
        Empty for a regression.
    predicted : sequence
        The labels or numbers that were predicted.
    """
    found = explained.contributions
    return [
        Explanation(reason=explained.reasons[row])
        if found is None or row in explained.reasons
        else _explanation(_Row(found, explained.outputs, row, names, record), classes, of, options)
        for row, (record, of) in enumerate(zip(records, predicted, strict=True))
    ]


class _Row(NamedTuple):
    """A row that is explained, `record` by its values."""

    found: Contributions
    outputs: Matrix
    row: int
    names: Sequence[str]
    record: Sequence[Any]

    def parts(self, column: int, top: int | None) -> dict[str, Any]:
        """Return what the explanation of an output consists of."""
        found, values = self.found, self.found.values[self.row, :, column].tolist()
        errors: list[Any] = [UNSET] * len(values)
        if found.error is not None:
            errors = found.error[self.row, :, column].tolist()
        fields = zip(self.names, self.record, values, errors, strict=True)
        listed = sorted(starmap(Contribution, fields), key=lambda each: -abs(each.contribution))
        return {
            "output": float(self.outputs[self.row, column]),
            "base": float(found.base[column]),
            "contributions": listed[:top],
            "rest": UNSET if top is None else total(listed[top:]),
        }


def _explanation(
    row: _Row, classes: Sequence[str], predicted: Any, options: ExplainOptions
) -> Explanation:
    method, unit = row.found.method, row.found.unit
    if not classes:
        return Explanation(method, unit, **row.parts(0, options.top))
    others = [
        ClassExplanation(label, **row.parts(column, options.top))
        for column, label in enumerate(classes)
        if options.every_class and label != predicted
    ]
    first = row.parts(classes.index(predicted), options.top)
    return Explanation(method, unit, predicted, **first, others=others or UNSET)


def total(contributions: Sequence[Contribution]) -> float:
    """Add up contributions."""
    return math.fsum(each.contribution for each in contributions)
