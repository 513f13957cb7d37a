"""One input of a model, and what may be sent for it."""

import math
from contextlib import suppress
from difflib import get_close_matches
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from serving.inputs import booleans, dates, labels, numerals
from serving.inputs.numerals import DEFAULT, Numerals
from serving.inputs.shown import LONGEST_SHOWN, instead, listed, shown, unclear

FLOAT32_MAX = float(np.finfo(np.float32).max)
EXACT_INTEGER = 2**53  # the largest whole number up to which floats skip none

Value = str | float | None  # of a row, as people know it


class Field(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One input of a model.

    Attributes
    ----------
    name : str
        The data set's own name for it.
    type : {"number", "integer", "boolean", "category", "date", "text"}
        What may be sent for a category, `inputs.labels` says; in a row it is a code, the label's
        position in `categories`. A boolean is 0 or 1 in a row; a date is days since 1970-01-01
        there, with a part of a day for the time; a text is itself.
    unit : str
        What a number may have beside it, as `R$ 12`, `20%` and `40 m2` do; for people too.
    numerals : Numerals or None
        How numbers were written in the file that training learnt from; None if it learnt from none.
    format : str
        How dates were written there; see `inputs.dates`.
    missing : tuple of str
        What said there, beside the usual texts, that there is no value.
    other : str
        The label that a category counts all labels as that it does not know; empty if none.
    minimum, maximum : float
        What is possible; a value beyond is an error. Trees compare single-precision values, so
        the widest range is theirs.
    seen : (float, float) or None
        Lowest and highest value in training; a value beyond is a warning.
    categories : tuple of str
        The labels of a category.
    optional : bool
        Whether it may be missing, that is absent or null; a missing value is NaN in a row.
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
        """The type that msgspec decodes every possible value as."""
        return self._json_type(self.minimum, self.maximum)

    @property
    def familiar(self) -> Any:
        """The type that msgspec decodes the values within the range seen in training as."""
        return self._json_type(*self.seen) if self.seen else self.possible

    def _json_type(self, lowest: float, highest: float) -> Any:
        value: Any
        if self.type == "category":
            known = labels.of(self.categories)
            value = Literal[*self.categories, *known.integers]
            value = value | bool if known.takes_truth else value
        elif self.type == "boolean":
            value = bool | Literal[0, 1]
        elif self.type in {"date", "text"}:
            value = str
        else:
            if self.type == "number":
                value = Annotated[float, msgspec.Meta(ge=lowest, le=highest)]
            else:
                least = math.ceil(max(lowest, -EXACT_INTEGER))
                most = math.floor(min(highest, EXACT_INTEGER))
                value = Annotated[int, msgspec.Meta(ge=least, le=most)]
            value = value | bool if self.is_zero_or_one else value
        return value | None if self.optional else value

    @property
    def is_numeric(self) -> bool:
        """Whether it is a number, whole or not."""
        return self.type in {"number", "integer"}

    @property
    def is_zero_or_one(self) -> bool:
        """Whether it is a number that was 0 or 1 in training, so that true and false are it too."""
        return self.is_numeric and self.seen == (0, 1)

    @property
    def takes_text(self) -> bool:
        """Whether it is a number that the training file had with a unit, or not as programs do."""
        return self.numerals is not None and (bool(self.unit) or self.numerals != DEFAULT)

    @property
    def codes(self) -> dict[str, float]:
        """The number that each label of a category stands for."""
        return {label: float(code) for code, label in enumerate(self.categories)}

    @property
    def numbers_for_missing(self) -> tuple[float, ...]:
        """Which numbers say that there is no value."""
        ways = (self.numerals or DEFAULT,)
        found = (numerals.readings(text, ways, self.unit) for text in self.missing)
        return tuple(value for each in found for value in each) if self.is_numeric else ()

    def read(self, value: Any) -> float | str | None:
        """Return what a row holds of a value sent for this field; where it is missing, NaN.

        Of a text that is missing it is None.

        Raises
        ------
        ValueError
            Says what is wrong with the value and what would be right.
        """
        if self._is_missing(value):
            if self.optional:
                return None if self.type == "text" else math.nan
            if value is not None:
                raise ValueError(f"{shown(value)} says that it is missing, and it must be there")
        if self.is_zero_or_one and isinstance(value, bool | str):
            with suppress(ValueError):
                return _truth(value)
        own: dict[str, Any] = {
            "category": self._category,
            "text": _text,
            "date": self._date,
            "boolean": _truth,
        }
        read: float | str = own.get(self.type, self.number)(value)
        return read

    def number(self, value: Any) -> float:
        """A number that is sent for this field, if it is possible.

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

    def warned(self, value: Any) -> str:
        """What to say of a value that was read: of a label not seen in training; or nothing."""
        if not self.other or value is None or labels.of(self.categories).code(value) is not None:
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
            raise ValueError(f"{shown(value)} is not a {noun}{instead(value)}")
        found = numerals.readings_in_column(value, self.numerals or DEFAULT, self.unit)
        if numerals.PLAIN.fullmatch(value.strip()):  # as programs write, or that file
            found = tuple(dict.fromkeys((*found, float(value))))
        if len(found) > 1:
            raise ValueError(unclear(value, found, "send the number without quotes"))
        if not found:
            raise ValueError(f"{shown(value)} is not a {noun}{instead(value)}")
        return found[0]

    def _category(self, value: Any) -> float:
        known = labels.of(self.categories)
        try:
            code = known.code(value)
        except labels.Unclear as error:
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
        days = dates.read(text, self.format or dates.ISO) if isinstance(text, str) else None
        if days is None:
            like = dates.example(self.format or dates.ISO)
            raise ValueError(f"{shown(value)} is not a date; send one as {shown(like)}")
        return days


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not a text; send it in quotes")  # noqa: TRY004 - callers know one error
    return value


def _truth(value: Any) -> float:
    said = booleans.read(value)
    if said is None:
        raise ValueError(f"{shown(value)} is neither true nor false")
    return float(said)
