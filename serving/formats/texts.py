"""What the cells of a column mean for the field that it is."""

import math
import re
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.inputs import numerals
from serving.inputs.field import Field
from serving.inputs.missing import is_missing
from serving.inputs.numerals import DEFAULT, Numerals
from serving.inputs.shown import in_full, shown, unclear
from serving.inputs.tables import Row

WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
MOST_KEPT = 10_000  # texts of which it is known what they mean

as_json = msgspec.json.Decoder(list[float]).decode


class Texts:
    """Reads the texts that stand for a field.

    Parameters
    ----------
    as_trained : bool
        Whether what stands between cells is what did in the file that the model was trained on.
    commas : bool
        Whether a number may have a decimal comma, whatever training saw.

    Attributes
    ----------
    met_comma : bool
        Whether a number had a decimal comma so far.
    """

    def __init__(self, field: Field, *, as_trained: bool, commas: bool) -> None:
        self.field, self.met_comma = field, False
        self._as_trained = as_trained
        self._unit = field.unit if field.numerals else ""
        self._learnt = field.numerals or DEFAULT
        self._here = Numerals(",") if commas else DEFAULT
        self._has_commas = "," in (self._learnt.decimal, self._here.decimal)
        self._missing_numbers = field.numbers_for_missing
        self._kept: dict[str, Any] = {}

    def read(self, text: str) -> Any:
        """What a row holds of a cell.

        Raises
        ------
        ValueError
            Says what is wrong with it and what would be right.
        """
        field, text = self.field, text.strip()
        if self._says_missing(text):
            if not field.optional:
                raise ValueError(f"{shown(text)} says that it is missing" if text else "is missing")
            return None if field.type == "text" else math.nan
        if not field.is_numeric:
            return field.read(text)
        value = self._number(text)
        if value is None:
            return field.read(text)
        self.met_comma |= self._has_commas and "," in text
        return field.read(int(text) if WHOLE.fullmatch(text) and value == int(text) else value)

    def _says_missing(self, text: str) -> bool:
        field = self.field
        if field.type == "category" and text in field.categories:
            return False
        return is_missing(text) or text in field.missing

    def _number(self, text: str) -> float | None:
        """The number that a text stands for, None if it is none."""
        if self._learnt == DEFAULT:
            found = numerals.readings(text, [self._here], self._unit)
        elif self._as_trained:
            found = numerals.readings_in_column(text, self._learnt, self._unit)
            found = found or numerals.readings(text, [self._here], self._unit)
        else:
            ways = [self._learnt, DEFAULT, self._here]
            found = numerals.readings(text, ways, self._unit)
        if len(found) > 1:
            whichever = " or ".join(map(_clearly, found))
            raise ValueError(unclear(text, found, f"write {whichever}, whichever is meant"))
        return found[0] if found else None

    def column(self, texts: Row) -> NDArray[Any]:
        """What rows hold of a column of cells, much sooner than one at a time.

        Raises
        ------
        ValueError
            If one is faulty, or needs a closer look.
        """
        if self.field.type == "text":
            return np.fromiter(map(self.read, texts), object, len(texts))
        if not self.field.is_numeric:
            return np.fromiter(map(self._known, texts), np.float64, len(texts))
        # Where thousands have points, 1.234 is not what it is in JSON.
        if self._learnt.thousands == "." or self._learnt.decimal == ",":
            return np.fromiter(map(self._known, texts), np.float64, len(texts))
        with suppress(msgspec.DecodeError):  # most columns are numbers as JSON has them
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
        if self.field.other and self.field.warned(text.strip() or None):
            raise ValueError(text)
        if len(self._kept) < MOST_KEPT:
            self._kept[text] = value
        return value

    def _converted(self, texts: Row) -> NDArray[np.float64]:
        """Numbers as programs write them, with a decimal comma where there may be one."""
        together = "".join(texts)
        if not together.isascii() or "_" in together:  # which Python takes, and we do not
            raise ValueError
        has_comma = "," in together
        if has_comma:
            if self._here == DEFAULT or self._learnt != DEFAULT:
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
        """Numbers that are possible, NaN in the place of those that say missing."""
        field = self.field
        if self._missing_numbers and (says := np.isin(numbers, self._missing_numbers)).any():
            if not field.optional:
                raise ValueError
            numbers = np.where(says, math.nan, numbers)
        if (numbers < field.minimum).any() or (numbers > field.maximum).any():
            raise ValueError
        if field.type == "integer" and (numbers != np.rint(numbers))[~np.isnan(numbers)].any():
            raise ValueError
        return numbers


def _clearly(number: float) -> str:
    """A number as nobody takes for another: no sign in it has three digits behind it."""
    text = in_full(number)
    return f"{text}0" if re.fullmatch(r"-?[0-9]+\.[0-9]{3}", text) else text
