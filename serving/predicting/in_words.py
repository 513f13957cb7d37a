"""Explanations in sentences for the person concerned; in_words.json has their words.

Names and units of fields, labels and the target are data: they are written as they are.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from serving.figures import ENGLISH, PORTUGUESE, local, number, percent, separated
from serving.inputs.field import Field
from serving.inputs.shown import in_full, printable
from serving.models.explaining.contributions import Unit
from serving.models.explaining.explanation import (
    Contribution,
    ExplainOptions,
    Explanation,
    Reason,
)
from serving.models.explaining.shortening import shortened
from serving.models.manifest import Manifest

WORDS: dict[str, dict[str, str]] = msgspec.json.decode(
    Path(__file__).with_suffix(".json").read_bytes()
)
MAX_REASONS = 4  # more than four are of no help: Regulation B (USA), comment 9(b)(2)-1
MIN_SHARE = 0.01  # of all that contributes to the label: less is no reason
CONFIDENCE = 1.96  # standard errors on either side: 95 %
MIN_POINTS = 0.1  # the smallest size that is written; others are less than that
# By unit, from which size on a field weighs strongly, and clearly. In log-odds 1 multiplies the
# odds by 2.7, and 0.25 by 1.3; where a label is 0 or 1, it is the share of cases that it decides.
DEGREES = {"log-odds": (1.0, 0.25), "probability": (0.3, 0.1)}

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9:]+)Z)?")
_CURRENCY = re.compile(r"(\S*[$€£¥])(?: (.+))?")


def in_words(
    explanation: Explanation,
    manifest: Manifest,
    options: ExplainOptions,
    *,
    predicted: str | float,
    probability: float | None,
) -> Explanation:
    """Add sentences, and reasons where they are wanted for the predicted label.

    Parameters
    ----------
    explanation : Explanation
        With the contributions of all fields.
    probability : float or None
        Of the predicted label, if it has one.

    Returns
    -------
    Explanation
        With as many contributions as the options want.
    """
    listed, unit = explanation.contributions, explanation.unit
    if isinstance(listed, UnsetType) or isinstance(unit, UnsetType):
        return explanation
    writer = Writer(manifest, options.language, unit, predicted)
    fields = {field.name: field for field in manifest.fields}
    spoken = [
        msgspec.structs.replace(each, sentence=writer.sentence(fields[each.field], each))
        for each in listed
    ]
    reasons: list[Reason] | UnsetType = UNSET
    if options.reasons_for and predicted == options.reasons_for:
        reasons = _reasons(spoken)[: options.top or MAX_REASONS]
    summary = writer.summary(explanation, probability)
    whole = msgspec.structs.replace(
        explanation, contributions=spoken, summary=summary, reasons=reasons
    )
    return shortened(whole, options.top)


def _reasons(contributions: Sequence[Contribution]) -> list[Reason]:
    """List what contributes to the output, the most important first."""
    min_size = MIN_SHARE * sum(max(each.contribution, 0.0) for each in contributions)
    return [
        Reason(each.field, each.sentence or "")
        for each in contributions
        if each.contribution > max(min_size, _margin(each))
    ]


class Writer(NamedTuple):
    """Writes about one prediction in a language.

    Attributes
    ----------
    language : str
        As in `figures`.
    unit : str
        Of the contributions.
    predicted : str or float
        The label or the number.
    """

    manifest: Manifest
    language: str
    unit: Unit
    predicted: str | float

    def summary(self, explanation: Explanation, probability: float | None) -> str:
        """Write what is predicted, and what would be if nothing were known."""
        base = explanation.base if isinstance(explanation.base, float) else math.nan
        if not self.manifest.classes:
            output = self._amount(float(self.predicted))
            if self.unit == "number":
                first = self._word("is", of=self._of, output=output, base=self._amount(base))
            else:
                first = self._word("is_alone", of=self._of, output=output)
        elif probability is None:
            first = self._word("predicted", label=self.predicted)
        elif self.unit == "probability":
            output, usual = self._percent(probability), self._percent(base)
            first = self._word("is", of=self._of, output=output, base=usual)
        else:
            first = self._word("is_alone", of=self._of, output=self._percent(probability))
        sentences = [first]
        if threshold := self.manifest.threshold:
            value = self._percent(threshold.value)
            sentences.append(self._word("threshold", label=threshold.label, threshold=value))
        return " ".join(f"{each[0].upper()}{each[1:]}." for each in sentences)

    def sentence(self, field: Field, of: Contribution) -> str:
        """Write how a field contributes."""
        given = {"field": field.name, "value": self._value(field, of.value)}
        size, margin = abs(of.contribution), _margin(of)
        is_up, is_certain = of.contribution > 0, size > margin
        if self._by_degree:
            code = ("for" if is_up else "against") if is_certain else "either"
            if not size and not margin:
                code = "neither"
            degree = self._degree(size, is_estimated=margin > 0)
            return self._word(code, **given, degree=degree, label=self.predicted) + "."
        if not size and not margin:
            return self._word("no_change", **given, of=self._of) + "."
        code = ("raises" if is_up else "lowers") if is_certain else "may_change"
        wide = self._size(of.contribution) if is_certain else self._size(size + margin)
        if margin and is_certain:
            around = self._size(margin)
            wide = self._word("margin", size=wide, margin=around)
        return self._word(code, **given, of=self._of, size=wide) + "."

    @property
    def _by_degree(self) -> bool:
        """Whether the numbers mean nothing to most people."""
        return self.unit == "log-odds" or self.manifest.outputs == "labels"

    @property
    def _of(self) -> str:
        """What contributions raise or lower."""
        if self.manifest.classes:
            return self._word("of_label", label=self.predicted)
        return self._word("of_number", target=self.manifest.target)

    def _degree(self, size: float, *, is_estimated: bool) -> str:
        strong, clear = DEGREES[self.unit]
        code = "strongly" if size >= strong else "clearly" if size >= clear else "slightly"
        word = self._word(code)
        return self._word("estimated", degree=word) if is_estimated else word

    def _size(self, contribution: float) -> str:
        """Write the size of a contribution, in points, in the unit of the number or in percent."""
        if self.unit == "number":
            return self._amount(abs(contribution))
        if self.unit != "probability":  # of logarithms, sums are products of the number
            return self._percent(abs(math.expm1(contribution)))
        points = 100 * abs(contribution)
        code = "points" if points >= MIN_POINTS / 2 else "few_points"
        return self._word(code, size=local(f"{max(points, MIN_POINTS):.1f}", self.language))

    def _percent(self, share: float) -> str:
        return local(percent(share), self.language)

    def _amount(self, value: float) -> str:
        return self._with_unit(_plain(number(value)), self.manifest.unit)

    def _with_unit(self, text: str, unit: str) -> str:
        """Write a unit beside a number, a currency before it."""
        text = local(text, self.language)
        if currency := _CURRENCY.fullmatch(unit):
            return " ".join(filter(None, (currency[1], text, currency[2])))
        return f"{text} {unit}".strip()

    def _value(self, field: Field, value: Any) -> str:
        if value is None or value == "":
            return self._word("missing")
        if isinstance(value, bool):
            return self._word("true" if value else "false")
        if isinstance(value, int | float):
            return self._with_unit(_grouped(value), field.unit)
        if field.type == "date" and self.language == PORTUGUESE:
            return _DATE.sub(_day_first, str(value))
        return printable(str(value))

    def _word(self, code: str, **values: Any) -> str:
        return WORDS[code][self.language or ENGLISH].format(**values)


def _margin(of: Contribution) -> float:
    """The half of the 95 % confidence interval; 0 of an exact contribution."""
    return CONFIDENCE * (0.0 if isinstance(of.standard_error, UnsetType) else of.standard_error)


def _grouped(value: float) -> str:
    """Write a number with all its digits, the thousands apart."""
    written = in_full(value)
    return written if "e" in written else separated(written)


def _plain(text: str) -> str:
    """Leave out the zeros at the end of a decimal fraction."""
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _day_first(found: "re.Match[str]") -> str:
    time = f" {found[4]}" if found[4] else ""
    return f"{found[3]}/{found[2]}/{found[1]}{time}"
