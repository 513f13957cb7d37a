"""One input of a model, and what may be sent for it."""

import json
import math
from difflib import get_close_matches
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from serving.inputs.numerals import DEFAULT, Numerals

FLOAT32_MAX = float(np.finfo(np.float32).max)
EXACT_INTEGER = 2**53  # the largest whole number up to which floats skip none
LONGEST_SHOWN = 60
TRUTH = ("False", "True"), ("false", "true")  # whose codes are what Python counts false and true as


class Field(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One input of a model.

    Attributes
    ----------
    name : str
        The data set's own name for it.
    type : {"number", "integer", "boolean", "category", "date", "text"}
        A category is sent as its label or its code, the label's position in `categories`; where the
        labels are True and False, as true and false too. A boolean is 0 or 1 in a row; a date is
        days since 1970-01-01 there, with a part of a day for the time.
    unit : str
        What a number may have beside it, as `R$ 12`, `20%` and `40 m2` do; for people too.
    numerals : Numerals
        How numbers were written in the file that training learnt from.
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
    sum_of : tuple of str
        Numbers that may be sent, all of them, in place of this one, which is their sum.
    """

    name: str
    type: Literal["number", "integer", "boolean", "category", "date", "text"] = "number"
    unit: str = ""
    numerals: Numerals = DEFAULT
    format: str = ""
    missing: tuple[str, ...] = ()
    other: str = ""
    minimum: float = -FLOAT32_MAX
    maximum: float = FLOAT32_MAX
    seen: tuple[float, float] | None = None
    categories: tuple[str, ...] = ()
    optional: bool = False
    sum_of: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.sum_of and self.type != "number":
            raise ValueError(f"{self.name}: only a number may be a sum")

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
            value = Literal[*self.categories, *range(len(self.categories))]
            if self.categories in TRUTH:
                value |= bool
        elif self.type == "number":
            value = Annotated[float, msgspec.Meta(ge=lowest, le=highest)]
        else:
            least = math.ceil(max(lowest, -EXACT_INTEGER))
            most = math.floor(min(highest, EXACT_INTEGER))
            value = Annotated[int, msgspec.Meta(ge=least, le=most)]
        return value | None if self.optional else value

    @property
    def codes(self) -> dict[str | int, float]:
        """The number that each value accepted for a category stands for."""
        by_code: dict[str | int, float] = {
            code: float(code) for code in range(len(self.categories))
        }
        return by_code | {label: float(code) for code, label in enumerate(self.categories)}

    def read(self, value: Any) -> float:
        """Return the number that a value sent for this field stands for, NaN if it may be missing.

        Raises
        ------
        ValueError
            Says what is wrong with the value and what would be right.
        """
        if value is None and self.optional:
            return math.nan
        if self.type == "category":
            return self._read_category(value)
        noun = "number" if self.type == "number" else "whole number"
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{shown(value)} is not a {noun}{_unquoted(value)}")  # noqa: TRY004 - callers know one error
        if self.type == "integer" and not float(value).is_integer():
            raise ValueError(f"{shown(value)} is not a whole number")
        if value < self.minimum:
            raise ValueError(f"{shown(value)} is below {self.minimum:.12g}, the lowest possible")
        if value > self.maximum:
            raise ValueError(f"{shown(value)} is above {self.maximum:.12g}, the highest possible")
        return float(value)

    def _read_category(self, value: Any) -> float:
        if isinstance(value, bool):
            meant: Any = next(filter(self.categories.__contains__, spellings(value)), None)
        else:
            meant = value if isinstance(value, str | int | float) else None
        if meant in self.codes:
            return self.codes[meant]
        labels = ", ".join(map(shown, self.categories))
        near = get_close_matches(value, self.categories, 1) if isinstance(value, str) else []
        hint = f"; did you mean {shown(near[0])}?" if near else ""
        raise ValueError(f"{shown(value)} is none of {labels}{hint}")


def spellings(value: float | str) -> tuple[str, ...]:
    """The labels that a JSON value may stand for: as Python writes it, and as JSON does."""
    return (value,) if isinstance(value, str) else (str(value), json.dumps(value))


def shown(value: Any) -> str:
    """A value as it may stand in a message: as JSON and short."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    return printable(json.dumps(value, ensure_ascii=False))


def printable(text: str) -> str:
    """A client's text, short and with half characters (lone surrogates) replaced."""
    text = text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
    return text.encode("utf-8", "replace").decode()


def _unquoted(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_SHOWN:
        return ""
    number = value.strip().replace(",", ".", 1)
    try:
        finite = number.isascii() and "_" not in number and math.isfinite(float(number))
    except ValueError:
        return ""
    return f"; send {number} without quotes" if finite else ""
