"""The values that stand for a label of a category: one rule for JSON, tables and forms."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from unicodedata import normalize

from serving.inputs import booleans, numerals
from serving.inputs.numerals import PLAIN

LONGEST_NUMBER = 40  # characters of a text that may be a number
EXACT_DIGITS = 15  # of whole numbers that every JSON parser reads exactly


class Ambiguous(ValueError):
    """A value could stand for several labels, `labels`."""

    def __init__(self, labels: Iterable[str]) -> None:
        self.labels = tuple(labels)
        super().__init__(", ".join(self.labels))


class Labels:
    """The labels of a category, and their codes in a row, which are their positions.

    A text that is a label stands for it, whatever else it could be. Another value stands for the
    label that is the same number (2, 2.0 and "2.0" stand for "2"), or the same yes or no if the
    labels are such a pair; or it is a code, if no label is like a number.

    Attributes
    ----------
    integers : list of int
        Whole numbers that stand for a label.
    takes_booleans : bool
        Whether true and false stand for labels, and 1 and 0 for no others.
    known : dict
        The codes of labels, of `integers`, and of true and false if `takes_booleans`.
    """

    def __init__(self, labels: tuple[str, ...], *, has_codes: bool) -> None:
        self.labels = labels
        self._exact = {label: code for code, label in enumerate(labels)}
        self._trimmed: dict[str, list[int]] = {}
        self._numbers: dict[Decimal, list[int]] = {}
        self._booleans: dict[bool, list[int]] = {False: [], True: []}
        is_pair = booleans.is_pair(labels)
        for code, label in enumerate(labels):
            self._trimmed.setdefault(_trimmed(label), []).append(code)
            if (number := _number(label)) is not None:
                self._numbers.setdefault(number, []).append(code)
            meant = booleans.read(label) if is_pair else _WORDS.get(label.casefold())
            if meant is not None:
                self._booleans[meant].append(code)
        self._is_pair = is_pair
        self._has_codes = has_codes and not any(map(numerals.take_apart, labels))

        whole = {each for each in map(_whole, self._numbers) if each is not None}
        codes = {each: self._sure(each) for each in {*range(max(2, len(labels))), *whole}}
        self.integers = sorted(each for each, code in codes.items() if code is not None)
        booleans_read = {each: self._sure(each) for each in (False, True)}
        self.takes_booleans = all(
            code is not None and codes[int(each)] in (None, code)
            for each, code in booleans_read.items()
        )
        known = {each: codes[each] for each in self.integers}
        known |= booleans_read if self.takes_booleans else {}
        self.known: dict[str | int, float] = {**known, **self._exact}  # type: ignore[dict-item]

    def code(self, value: Any) -> int | None:
        """Return the code of the label that a JSON value stands for; None if there is none.

        Raises
        ------
        Ambiguous
            If it could stand for several labels.
        """
        if isinstance(value, str):
            if value in self._exact:
                return self._exact[value]
            if found := self._trimmed.get(_trimmed(value)):
                return self._only(found)
        number = _number(value)
        found = [*self._numbers.get(number, ())] if number is not None else []
        found += self._booleans.get(self._yes_or_no(value), ())
        position = _whole(number) if self._has_codes and number is not None else None
        if position is not None and 0 <= position < len(self.labels):
            found.append(position)
        return self._only(found)

    def _only(self, codes: list[int]) -> int | None:
        if len({*codes}) > 1:
            raise Ambiguous(self.labels[code] for code in dict.fromkeys(codes))
        return codes[0] if codes else None

    def _sure(self, value: int) -> int | None:
        try:
            return self.code(value)
        except Ambiguous:
            return None

    def _yes_or_no(self, value: Any) -> Any:
        if self._is_pair:
            return booleans.read(value)
        return _WORDS.get(str(value).casefold()) if isinstance(value, str | bool) else None


_WORDS = {"false": False, "true": True}


def _trimmed(text: str) -> str:
    return normalize("NFC", text).strip()


def _number(value: Any) -> Decimal | None:
    """Convert a JSON number, or a text in the format of JSON numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = value.strip() if isinstance(value, str) else repr(value)
    if len(text) > LONGEST_NUMBER or not PLAIN.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:  # the exponent is too large
        return None


def _whole(number: Decimal) -> int | None:
    """Return the number if it is whole and every JSON parser reads it exactly."""
    if number.adjusted() >= EXACT_DIGITS or number != number.to_integral_value():
        return None
    return int(number)


@lru_cache(maxsize=1024)
def rules_for(labels: tuple[str, ...], *, has_codes: bool = True) -> Labels:
    """Return the rules for these labels, made once; predicted labels have no codes."""
    return Labels(labels, has_codes=has_codes)
