"""Reads the cells of a table's column as values of its field."""

import math
import re
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.inputs import numerals
from serving.inputs.field import Field
from serving.inputs.headers import Row
from serving.inputs.missing import is_missing
from serving.inputs.numerals import DEFAULT, Numerals
from serving.inputs.shown import ambiguous, in_full, shown

WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
MAX_KEPT = 10_000  # texts whose values are kept

as_json = msgspec.json.Decoder(list[float]).decode


class Texts:
    """Reads the texts of a field.

    Parameters
    ----------
    as_trained : bool
        Whether the separator is that of the training file.
    commas : bool
        Whether a number may have a decimal comma, whatever the training file had.

    Attributes
    ----------
    met_comma : bool
        Whether a number had a decimal comma so far.
    """

    def __init__(self, field: Field, *, as_trained: bool, commas: bool) -> None:
        self.field, self.met_comma = field, False
        self._as_trained = as_trained
        self._unit = field.unit if field.numerals else ""
        self._trained = field.numerals or DEFAULT
        self._here = Numerals(",") if commas else DEFAULT
        self._has_commas = "," in (self._trained.decimal, self._here.decimal)
        self._missing_numbers = field.numbers_for_missing
        self._kept: dict[str, Any] = {}

    def read(self, text: str) -> Any:
        """Convert a cell for its row.

        Raises
        ------
        ValueError
            With what is wrong with the cell, and what to write instead.
        """
        field, text = self.field, text.strip()
        if self._is_missing(text):
            if not field.optional:
                found = f"{shown(text)} stands for a missing value" if text else "is missing"
                raise ValueError(found)
            return None if field.type == "text" else math.nan
        if not field.is_numeric:
            return field.read(text)
        value = self._number(text)
        if value is None:
            return field.read(text)
        self.met_comma |= self._has_commas and "," in text
        return field.read(int(text) if WHOLE.fullmatch(text) and value == int(text) else value)

    def _is_missing(self, text: str) -> bool:
        field = self.field
        if field.type == "category" and text in field.categories:
            return False
        return is_missing(text) or text in field.missing

    def _number(self, text: str) -> float | None:
        """Parse a number; None if the text is none."""
        if self._trained == DEFAULT:
            found = numerals.readings(text, [self._here], self._unit)
        elif self._as_trained:
            found = numerals.readings_in_column(text, self._trained, self._unit)
            found = found or numerals.readings(text, [self._here], self._unit)
        else:
            ways = [self._trained, DEFAULT, self._here]
            found = numerals.readings(text, ways, self._unit)
        if len(found) > 1:
            either = " or ".join(map(_unambiguous, found))
            raise ValueError(ambiguous(text, found, f"write {either}"))
        return found[0] if found else None

    def column(self, texts: Row) -> NDArray[Any]:
        """Convert a column of cells for rows, much faster than one at a time.

        Raises
        ------
        ValueError
            If a cell is at fault, or must be read by itself.
        """
        if self.field.type == "text":
            return np.fromiter(map(self.read, texts), object, len(texts))
        if not self.field.is_numeric:
            return np.fromiter(map(self._known, texts), np.float64, len(texts))
        # If points separate thousands, 1.234 is not what it is in JSON.
        if self._trained.thousands == "." or self._trained.decimal == ",":
            return np.fromiter(map(self._known, texts), np.float64, len(texts))
        with suppress(msgspec.DecodeError):  # most columns are numbers in the format of JSON
            numbers = np.array(as_json(f"[{','.join(texts)}]"), np.float64)
            if len(numbers) == len(texts):
                return self._checked(numbers)
        with suppress(ValueError):
            return self._checked(self._converted(texts))
        return np.fromiter(map(self._known, texts), np.float64, len(texts))

    def _known(self, text: str) -> float:
        kept = self._kept.get(text)
        if kept is not None:
            return float(kept)
        value: float = self.read(text)
        if self.field.other and self.field.warning(text.strip() or None):
            raise ValueError(text)
        if len(self._kept) < MAX_KEPT:
            self._kept[text] = value
        return value

    def _converted(self, texts: Row) -> NDArray[np.float64]:
        """Convert numbers in the format of programs, or with decimal commas if these may occur."""
        together = "".join(texts)
        if not together.isascii() or "_" in together:  # Python accepts 1_000, the service does not
            raise ValueError
        has_comma = "," in together
        if has_comma:
            if self._here == DEFAULT or self._trained != DEFAULT:
                raise ValueError
            texts = [text.replace(",", ".") for text in texts]
        if not self.field.optional or all(texts):
            missing, numbers = 0, np.fromiter(map(float, texts), np.float64, len(texts))
        else:
            missing = texts.count("")
            numbers = np.array([float(text) if text else math.nan for text in texts])
        if np.count_nonzero(np.isnan(numbers)) > missing:  # "nan"
            raise ValueError
        self.met_comma |= has_comma
        return numbers

    def _checked(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Check that numbers are possible, and replace those that stand for a missing value."""
        field = self.field
        if self._missing_numbers and (missing := np.isin(numbers, self._missing_numbers)).any():
            if not field.optional:
                raise ValueError
            numbers = np.where(missing, math.nan, numbers)
        if (numbers < field.minimum).any() or (numbers > field.maximum).any():
            raise ValueError
        if field.type == "integer" and (numbers != np.rint(numbers))[~np.isnan(numbers)].any():
            raise ValueError
        return numbers


def _unambiguous(number: float) -> str:
    """Write a number that cannot be read as another one: never three digits after the point."""
    text = in_full(number)
    return f"{text}0" if re.fullmatch(r"-?[0-9]+\.[0-9]{3}", text) else text
