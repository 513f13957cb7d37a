"""One input of a model, and what may be sent for it."""

import math
from contextlib import suppress
from difflib import get_close_matches
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from serving.inputs import booleans, dates, labels, numerals
from serving.inputs.numerals import DEFAULT, Numerals
from serving.inputs.shown import LONGEST_SHOWN, ambiguous, listed, remedy_for, shown

FLOAT32_MAX = float(np.finfo(np.float32).max)
EXACT_INTEGER = 2**53  # the largest whole number up to which floats skip none

Value = str | float | None  # of a row, with labels and dates as texts


class Field(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One input of a model.

    Attributes
    ----------
    name : str
        Its name in the training data.
    type : {"number", "integer", "boolean", "category", "date", "text"}
        In a row, a category is a code, the position of its label in `categories` (see
        `inputs.labels`); a boolean is 0 or 1; a date is the number of days since 1970-01-01, with
        a fraction for the time; a text is itself.
    unit : str
        The unit that may stand beside a number, as in `R$ 12`, `20%` and `40 m2`.
    numerals : Numerals or None
        The format of its numbers in the training file; None if there was no file.
    format : str
        The format of its dates in the training file; see `inputs.dates`.
    missing : tuple of str
        Texts that stood for a missing value there, besides the usual ones.
    other : str
        The label of a category that replaces unknown labels; empty if there is none.
    minimum, maximum : float
        The possible range; a value outside is an error. Trees compare in single precision, so the
        widest range is that of single precision.
    seen : (float, float) or None
        The lowest and the highest value in training; a value outside is a warning.
    categories : tuple of str
        The labels of a category.
    optional : bool
        Whether it may be absent or null; the value is then NaN in the row.
    """

    name: str
    type: Literal["number", "integer", "boolean", "category", "date", "text"] = "number"
    unit: str = ""
    numerals: Numerals | None = None
    format: str = ""
    missing: tuple[str, ...] = ()
    other: str = ""
    minimum: float = -FLOAT32_MAX
    maximum: float = FLOAT32_MAX
    seen: tuple[float, float] | None = None
    categories: tuple[str, ...] = ()
    optional: bool = False

    @property
    def possible(self) -> Any:
        """The type by which msgspec accepts every possible value."""
        return self._json_type(self.minimum, self.maximum)

    @property
    def familiar(self) -> Any:
        """The type by which msgspec accepts the values within the range seen in training."""
        return self._json_type(*self.seen) if self.seen else self.possible

    def _json_type(self, lowest: float, highest: float) -> Any:
        value: Any
        if self.type == "category":
            known = labels.rules_for(self.categories)
            value = Literal[*self.categories, *known.integers]
            value = value | bool if known.takes_booleans else value
        elif self.type == "boolean":
            value = bool | Literal[0, 1]
        elif self.type in {"date", "text"}:
            value = str
        else:
            if self.type == "number":
                value = Annotated[float, msgspec.Meta(ge=lowest, le=highest)]
            else:
                lowest = math.ceil(max(lowest, -EXACT_INTEGER))
                highest = math.floor(min(highest, EXACT_INTEGER))
                value = Annotated[int, msgspec.Meta(ge=lowest, le=highest)]
            value = value | bool if self.is_zero_or_one else value
        return value | None if self.optional else value

    @property
    def is_numeric(self) -> bool:
        """Whether its type is number or integer."""
        return self.type in {"number", "integer"}

    @property
    def is_zero_or_one(self) -> bool:
        """Whether it is a number that was only 0 or 1 in training; it accepts booleans too."""
        return self.is_numeric and self.seen == (0, 1)

    @property
    def takes_text(self) -> bool:
        """Whether it is a number that the training file had with a unit or in a local format."""
        return self.numerals is not None and (bool(self.unit) or self.numerals != DEFAULT)

    @property
    def codes(self) -> dict[str, float]:
        """The code of each label of a category, as in a row."""
        return {label: float(code) for code, label in enumerate(self.categories)}

    @property
    def numbers_for_missing(self) -> tuple[float, ...]:
        """The numbers that stood for a missing value in training."""
        ways = (self.numerals or DEFAULT,)
        found = (numerals.readings(text, ways, self.unit) for text in self.missing)
        return tuple(value for each in found for value in each) if self.is_numeric else ()

    def read(self, value: Any) -> float | str | None:
        """Convert a value from a record for its row; a missing one is NaN, or None for a text.

        Raises
        ------
        ValueError
            With what is wrong with the value, and what to send instead.
        """
        if self._is_missing(value):
            if self.optional:
                return None if self.type == "text" else math.nan
            if value is not None:
                raise ValueError(f"{shown(value)} stands for a missing value; send another")
        if self.is_zero_or_one and isinstance(value, bool | str):
            with suppress(ValueError):
                return _boolean(value)
        own: dict[str, Any] = {
            "category": self._category,
            "text": _text,
            "date": self._date,
            "boolean": _boolean,
        }
        read: float | str = own.get(self.type, self.number)(value)
        return read

    def number(self, value: Any) -> float:
        """Convert a number from a record, if it is possible.

        Raises
        ------
        ValueError
        """
        value = self._number(value)
        if self.type == "integer" and not float(value).is_integer():
            raise ValueError(f"{shown(value)} is not a whole number")
        if value < self.minimum:
            raise ValueError(f"{shown(value)} is below {self.minimum:.12g}, the lowest possible")
        if value > self.maximum:
            raise ValueError(f"{shown(value)} is above {self.maximum:.12g}, the highest possible")
        return float(value)

    def warning(self, value: Any) -> str:
        """Return a warning for a label that was not seen in training; empty for other values."""
        if not self.other or value is None:
            return ""
        if labels.rules_for(self.categories).code(value) is not None:
            return ""
        return f"{shown(value)} was not seen in training; it counts as {shown(self.other)}"

    def _is_missing(self, value: Any) -> bool:
        if value is None:
            return True
        if not self.missing or isinstance(value, bool):
            return False
        if isinstance(value, int | float):
            return value in self.numbers_for_missing
        is_label = value in self.categories
        return isinstance(value, str) and value.strip() in self.missing and not is_label

    def _number(self, value: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        noun = "number" if self.type == "number" else "whole number"
        if not isinstance(value, str) or not self.takes_text:
            raise ValueError(f"{shown(value)} is not a {noun}{remedy_for(value)}")
        found = numerals.readings_in_column(value, self.numerals or DEFAULT, self.unit)
        if numerals.PLAIN.fullmatch(value.strip()):  # the format of programs, or of that file
            found = tuple(dict.fromkeys((*found, float(value))))
        if len(found) > 1:
            raise ValueError(ambiguous(value, found, "send the number without quotes"))
        if not found:
            raise ValueError(f"{shown(value)} is not a {noun}{remedy_for(value)}")
        return found[0]

    def _category(self, value: Any) -> float:
        known = labels.rules_for(self.categories)
        try:
            code = known.code(value)
        except labels.Ambiguous as error:
            either = " or ".join(map(shown, error.labels))
            raise ValueError(f"{shown(value)} may mean {either}; send the label as text") from None
        if code is None and self.other and isinstance(value, str | int | float):
            code = known.code(self.other)
        if code is not None:
            return float(code)
        near = ""
        if isinstance(value, str) and len(value) <= LONGEST_SHOWN:
            found = get_close_matches(value, self.categories, 1)
            near = f"; did you mean {shown(found[0])}?" if found else ""
        raise ValueError(f"{shown(value)} is none of {listed(self.categories)}{near}")

    def _date(self, value: Any) -> float:
        text = value
        if isinstance(value, int) and not isinstance(value, bool):
            text = str(value).zfill(dates.DIGITS_ALONE.get(self.format, 0))
        days = dates.parse(text, self.format or dates.ISO) if isinstance(text, str) else None
        if days is None:
            like = dates.example(self.format or dates.ISO)
            raise ValueError(f"{shown(value)} is not a date; send one as {shown(like)}")
        return days


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not a text; send it in quotes")  # noqa: TRY004 - callers catch ValueError
    return value


def _boolean(value: Any) -> float:
    read = booleans.read(value)
    if read is None:
        raise ValueError(f"{shown(value)} is neither true nor false")
    return float(read)
