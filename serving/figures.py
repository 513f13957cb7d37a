"""Numbers as people read them: with significant digits, whatever their size."""

import math

DIGITS = 4  # significant
SMALLEST, LARGEST = 1e-4, 1e15  # beyond these a number is written with a power of ten
ENGLISH, PORTUGUESE = "en", "pt-BR"
SWAPPED = str.maketrans(",.", ".,")
STORED = 6  # significant digits of a number that is stored
MIN_STEPS = 20  # of the last decimal, between the ends of a range
SMALLEST_SHARE = 0.0005  # 0.1 %, rounded
LONGEST_YEAR = 4  # digits: a number with no more has no separator, as it may be a year


def number(value: float, digits: int = DIGITS) -> str:
    """Format a number with so many significant digits, and all those before the decimal point.

    >>> number(0.83), number(1234567.8), number(0.0012345), number(9.1e-7), number(1998)
    ('0.8300', '1,234,568', '0.001234', '9.1e-07', '1998')
    """
    if not value or not math.isfinite(value):
        return f"{value:g}"
    size = abs(value)
    if not SMALLEST <= size < LARGEST:
        return f"{value:.{digits}g}"
    return separated(f"{value:.{max(0, digits - 1 - math.floor(math.log10(size)))}f}")


def separated(written: str) -> str:
    """Separate the thousands of a number that is written without; those of a year stay as they are.

    >>> separated("1998"), separated("-9999.5"), separated("10000"), separated("-1234567.25")
    ('1998', '-9999.5', '10,000', '-1,234,567.25')
    """
    whole, point, fraction = written.partition(".")
    if len(whole.lstrip("-")) > LONGEST_YEAR:
        whole = f"{int(whole):,}"
    return whole + point + fraction


def counted(count: int, one: str, many: str = "") -> str:
    """Write how many there are of something; its plural ends with s, if no other is given.

    >>> counted(1, "row"), counted(1200, "row"), counted(2, "entry", "entries")
    ('1 row', '1,200 rows', '2 entries')
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def inflected(count: object, words: str) -> str:
    """Choose the word for one or that for several.

    >>> inflected(1, "linha|linhas"), inflected("1,200", "linha|linhas")
    ('linha', 'linhas')
    """
    one, many = words.split("|")
    return one if str(count) == "1" else many


def decimals_of(low: float, high: float) -> int:
    """Count the decimals that suffice for numbers of a range: 20 to 200 steps of the last one.

    >>> decimals_of(4.4, 6.9), decimals_of(25, 346), decimals_of(4e5, 6e5), decimals_of(0.1, 0.6)
    (1, 0, 0, 2)
    """
    return max(0, -math.floor(math.log10((high - low) / MIN_STEPS)))


def rounded(value: float, decimals: int) -> str:
    """Format a number with at most so many decimals, but with two significant digits at least.

    >>> rounded(503669.123, 0), rounded(5.758, 1), rounded(6.0, 1), rounded(0.0234, 1)
    ('503,669', '5.8', '6', '0.023')
    """
    size = abs(value)
    if not SMALLEST <= size < LARGEST:
        return number(value)
    places = max(decimals, 1 - math.floor(math.log10(size)))
    written = f"{value:.{max(0, places)}f}"
    return separated(written.rstrip("0").rstrip(".") if "." in written else written)


def chance(share: float) -> str:
    """Format a probability: whole per cents, with a decimal near the ends, which only 0 and 1 are.

    >>> chance(0.8132), chance(0.031), chance(0.9999), chance(1)
    ('81 %', '3.1 %', '> 99.9 %', '100 %')
    """
    if 0 < share < SMALLEST_SHARE:
        return "< 0.1 %"
    if 1 - SMALLEST_SHARE <= share < 1:
        return "> 99.9 %"
    is_near_an_end = min(share, 1 - share) < 0.1  # noqa: PLR2004 - a tenth
    written = f"{100 * share:.{int(is_near_an_end)}f}"
    return f"{written.removesuffix('.0')} %"


def significant(value: float) -> float:
    """Round a number that is to be stored to six significant digits.

    >>> significant(0.123456789), significant(9.123456789e-07)
    (0.123457, 9.12346e-07)
    """
    return float(f"{value:.{STORED}g}")


def percent(share: float) -> str:
    """Format a share; below a tenth with one decimal.

    >>> percent(0.5234), percent(0.0312)
    ('52 %', '3.1 %')
    """
    hundredths = round(100 * share, 1)
    return f"{hundredths:.{1 if 0 < hundredths < 10 else 0}f} %"  # noqa: PLR2004 - two digits


def local(written: str, language: str) -> str:
    """Rewrite a number from its English form to that of a language."""
    return written.translate(SWAPPED) if language == PORTUGUESE else written
