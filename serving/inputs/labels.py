"""What may be sent for a category: one rule for JSON, tables, forms and whatever else comes."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from unicodedata import normalize

from serving.inputs import booleans, numerals
from serving.inputs.numerals import PLAIN

LONGEST_NUMBER = 40  # characters of a text that is read as a number
EXACT_DIGITS = 15  # of whole numbers that are the same in every reader of JSON


class Unclear(ValueError):
    """What is sent could mean several labels, `labels`."""

    def __init__(self, labels: Iterable[str]) -> None:
        self.labels = tuple(labels)
        super().__init__(", ".join(self.labels))


class Labels:
    """The labels of a category, and the codes that they have in a row: their positions.

    A text that is a label means it, whatever else it could be read as. Else what is sent means the
    label that reads as the same number (2, 2.0 and "2.0" mean "2"), or as the same yes or no where
    the labels are such a pair; or it is a code, where no label can be read as a number.

    Attributes
    ----------
    integers : list of int
        Whole numbers that mean a label.
    takes_truth : bool
        Whether true and false mean labels, and 1 and 0 no others.
    known : dict
        The codes of labels, of `integers`, and of true and false where these are taken.
    """

    def __init__(self, labels: tuple[str, ...], *, has_codes: bool) -> None:
        self.labels = labels
        self._exact = {label: code for code, label in enumerate(labels)}
        self._trimmed: dict[str, list[int]] = {}
        self._numbers: dict[Decimal, list[int]] = {}
        self._truth: dict[bool, list[int]] = {False: [], True: []}
        is_pair = booleans.is_pair(labels)
        for code, label in enumerate(labels):
            self._trimmed.setdefault(_trimmed(label), []).append(code)
            if (number := _number(label)) is not None:
                self._numbers.setdefault(number, []).append(code)
            meant = booleans.read(label) if is_pair else _WORDS.get(label.casefold())
            if meant is not None:
                self._truth[meant].append(code)
        self._is_pair = is_pair
        self._has_codes = has_codes and not any(map(numerals.apart, labels))

        whole = {each for each in map(_whole, self._numbers) if each is not None}
        codes = {each: self._sure(each) for each in {*range(max(2, len(labels))), *whole}}
        self.integers = sorted(each for each, code in codes.items() if code is not None)
        said = {each: self._sure(each) for each in (False, True)}
        self.takes_truth = all(
            code is not None and codes[int(each)] in (None, code) for each, code in said.items()
        )
        known = {each: codes[each] for each in self.integers}
        known |= said if self.takes_truth else {}
        self.known: dict[str | int, float] = {**known, **self._exact}  # type: ignore[dict-item]

    def code(self, value: Any) -> int | None:
        """The code of the label that a JSON value means; None if it means none.

        Raises
        ------
        Unclear
            If it could mean several labels.
        """
        if isinstance(value, str):
            if value in self._exact:
                return self._exact[value]
            if found := self._trimmed.get(_trimmed(value)):
                return self._only(found)
        number = _number(value)
        found = [*self._numbers.get(number, ())] if number is not None else []
        found += self._truth.get(self._yes_or_no(value), ())
        position = _whole(number) if self._has_codes and number is not None else None
        if position is not None and 0 <= position < len(self.labels):
            found.append(position)
        return self._only(found)

    def _only(self, codes: list[int]) -> int | None:
        if len({*codes}) > 1:
            raise Unclear(self.labels[code] for code in dict.fromkeys(codes))
        return codes[0] if codes else None

    def _sure(self, value: int) -> int | None:
        try:
            return self.code(value)
        except Unclear:
            return None

    def _yes_or_no(self, value: Any) -> Any:
        if self._is_pair:
            return booleans.read(value)
        return _WORDS.get(str(value).casefold()) if isinstance(value, str | bool) else None


_WORDS = {"false": False, "true": True}


def _trimmed(text: str) -> str:
    return normalize("NFC", text).strip()


def _number(value: Any) -> Decimal | None:
    """What a JSON number, or a text as programs write numbers, stands for."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = value.strip() if isinstance(value, str) else repr(value)
    if len(text) > LONGEST_NUMBER or not PLAIN.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:  # its exponent is beyond what there is
        return None


def _whole(number: Decimal) -> int | None:
    """The number, if it is whole and every reader of JSON has the same."""
    if number.adjusted() >= EXACT_DIGITS or number != number.to_integral_value():
        return None
    return int(number)


@lru_cache(maxsize=1024)
def of(labels: tuple[str, ...], *, has_codes: bool = True) -> Labels:
    """The rule for these labels, made once; of what a model predicts, codes are not sent."""
    return Labels(labels, has_codes=has_codes)
