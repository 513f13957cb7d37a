"""The formats in which people write numbers: decimal and thousands signs, currencies, units."""

import re
from collections.abc import Collection, Iterable
from functools import cache
from typing import NamedTuple

import msgspec

PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
SPACES = str.maketrans(
    dict.fromkeys("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}", " ")
    | {"\N{MINUS SIGN}": "-", "\N{RIGHT SINGLE QUOTATION MARK}": "'"}
)

SIGNS = "$€£¥₹₽₩₺₫₪"  # of currencies
_CURRENCY = (
    rf"[A-Z]{{0,3}}[{SIGNS}]|Rs\.?|(?:BRL|USD|EUR|GBP|JPY|CHF|CAD|AUD|ARS|CLP|COP|MXN|PEN|UYU"
    r"|INR|CNY|RUB|TRY|ZAR|PLN|SEK|NOK|DKK)\b"
)
_WORD = r"[^\W\d_][\w²³/·^.-]{0,11}"
_UNIT = rf"%|‰|[{SIGNS}]|{_WORD}(?:%| {_WORD})?|° ?\w?|[\"']"
_DIGITS = r"[0-9.,](?:[0-9.,' ]*[0-9.,])?(?:[eE][+-]?[0-9]+)?"
_MULTIPLES = {"k", "K", "M", "MM", "B", "bn", "mil", "mi", "bi", "tri"}  # of a currency
_HEXADECIMAL = re.compile(r"0[xX][0-9A-Fa-f]+")
_WRITTEN = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+-]?)\s*(?P<before>{_CURRENCY})?\s*(?P<within>\()?\s*"
    rf"(?P<inner>[+-]?)(?P<digits>{_DIGITS})(?P<behind>-?)\s*(?P<after>{_UNIT})?\s*(?P<close>\))?"
)


class Numerals(msgspec.Struct, frozen=True, omit_defaults=True):
    """The decimal sign of a column's numbers, and the thousands sign, which may be empty."""

    decimal: str = "."
    thousands: str = ""

    def value(self, digits: str) -> float | None:
        """Convert digits without a sign or a unit; None if they have another format."""
        if not _grammar(self).fullmatch(digits):
            return None
        if self.thousands:
            digits = digits.replace(self.thousands, "")
        return float(digits.replace(self.decimal, "."))


DEFAULT = Numerals()
# By preference, where a text fits several: for a file with commas between its cells, and for one
# with semicolons or tabs.
COMMAS_BETWEEN = tuple(Numerals(*signs) for signs in [".", ".,", ",", ",.", ". ", ", ", ".'", ",'"])
OTHERS_BETWEEN = tuple(Numerals(*signs) for signs in [".", ",", ",.", ".,", ", ", ". ", ".'", ",'"])


@cache
def _grammar(numerals: Numerals) -> re.Pattern[str]:
    decimal, sign = re.escape(numerals.decimal), re.escape(numerals.thousands)
    plain = rf"(?:[0-9]+(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    grouped = rf"[1-9][0-9]{{0,2}}(?:{sign}[0-9]{{3}})+"
    if numerals.thousands == ",":  # a lakh is 1,00,000
        grouped = rf"(?:{grouped}|[1-9][0-9]?(?:,[0-9]{{2}})+,[0-9]{{3}})"
    return re.compile(rf"{plain}|{grouped}(?:{decimal}[0-9]*)?" if sign else plain)


class Written(NamedTuple):
    """The parts of a number's text: sign, digits, and the unit or currency beside them."""

    negative: bool
    digits: str
    unit: str


def take_apart(text: str) -> Written | None:
    """Split the text of a number into its parts; None if it is not a number in any format.

    `(12.50)` and `12.50-` are negative numbers of accountants; `3-` is a school grade, no number.
    """
    found = _WRITTEN.fullmatch(text.translate(SPACES).strip())
    if not found or _HEXADECIMAL.fullmatch(text.strip()):
        return None
    if bool(found["open"]) + bool(found["within"]) != bool(found["close"]):
        return None
    if found["behind"] and not re.search("[.,]", found["digits"]):
        return None
    if found["before"] and found["after"] and found["after"] not in _MULTIPLES:  # R$ 5 m2
        return None
    signs = [found[each] for each in ("sign", "inner", "behind", "close") if found[each]]
    if len(signs) > 1:
        return None
    negative = bool(signs) and signs[0] != "+"
    return Written(negative, found["digits"], (found["before"] or "") + (found["after"] or ""))


def is_unit(found: str, unit: str) -> bool:
    """Whether the text beside a number is a column's unit (KG for kg, m² for m2) or empty."""
    return not found or found == unit or _spelt(found) == _spelt(unit)


def _spelt(unit: str) -> str:
    """Normalise the spelling of a unit: years is year; but k is not K."""
    if len(unit) == 1:
        return unit
    plain = unit.casefold().replace("²", "2").replace("³", "3").replace(" ", "").rstrip(".")
    return plain.removesuffix("s") if len(plain) > 2 else plain  # noqa: PLR2004 - ms


def parse(text: str, numerals: Numerals = DEFAULT, unit: str = "") -> float | None:
    """Parse a number with or without its unit; None if it is none.

    A number in the format of programs is accepted too.
    """
    written = take_apart(text)
    if not written or not is_unit(written.unit, unit):
        return None
    value = numerals.value(written.digits)
    if value is None and PLAIN.fullmatch(written.digits):
        value = float(written.digits)
    return value if value is None or not written.negative else -value


def readings(text: str, ways: Iterable[Numerals], unit: str = "") -> tuple[float, ...]:
    """Return the distinct numbers that a text may stand for, in the order of the formats."""
    found = (parse(text, way, unit) for way in ways)
    return tuple(dict.fromkeys(value for value in found if value is not None))


def readings_in_column(text: str, usual: Numerals, unit: str = "") -> tuple[float, ...]:
    """Return the distinct numbers that a text may stand for in a column of a known format.

    In a column with 2,5 it is uncertain whether 1.234 has a thousands sign.
    """
    written = take_apart(text)
    if written and is_unit(written.unit, unit) and usual.value(written.digits) is not None:
        return readings(text, [usual], unit)
    others = Numerals(usual.decimal, "," if usual.decimal == "." else ".")
    return readings(text, [DEFAULT] if usual == DEFAULT else [DEFAULT, others], unit)


class Inferred(NamedTuple):
    """The number formats that fit the texts of a column.

    Attributes
    ----------
    ways : tuple of Numerals
        Each fits all the numbers; the first is the most likely.
    unit : str
        The unit beside some or all of them.
    odd : tuple of str
        The texts that are not numbers in these formats.
    """

    ways: tuple[Numerals, ...]
    unit: str
    odd: tuple[str, ...]


def infer(texts: Collection[str], *, commas_between: bool) -> Inferred | None:
    """Infer the formats of the numbers among the distinct texts of a column.

    None if there are no numbers, if they have several units, or if digits begin with a zero, as in
    a postcode.
    """
    known = {text: take_apart(text) for text in texts}
    numbers = {text: written for text, written in known.items() if written}
    units = {_spelt(written.unit): written.unit for written in numbers.values() if written.unit}
    if not numbers or len(units) > 1 or any(map(_is_code, numbers.values())):
        return None
    preferred = COMMAS_BETWEEN if commas_between else OTHERS_BETWEEN
    fits = {
        way: [text for text, written in numbers.items() if way.value(written.digits) is None]
        for way in preferred
    }
    fewest = min(map(len, fits.values()))
    ways = tuple(way for way in preferred if len(fits[way]) == fewest)
    odd = [text for text, written in known.items() if not written]
    return Inferred(ways, next(iter(units.values()), ""), (*odd, *fits[ways[0]]))


def _is_code(written: Written) -> bool:
    return not written.unit and bool(re.match(r"0[0-9]", written.digits))


def choose(ways: Iterable[Numerals], *, decimal: str) -> Numerals:
    """Choose the format with the decimal sign that the file has elsewhere, else the first."""
    ways = tuple(ways)
    return next((way for way in ways if way.decimal == decimal), ways[0])
