"""The words of the pages, in English and in Brazilian Portuguese.

The English text stands where it is used, and is what a translation is found by. Each file of
`portuguese/` has those of one page, so a page brings its own. What models say (labels, fields,
titles) and what the service answers are never translated.
"""

import math
from pathlib import Path
from typing import NamedTuple

import msgspec
from flask import Request

from serving.figures import ENGLISH, LARGEST, PORTUGUESE, SMALLEST, local
from serving.inputs import dates
from serving.inputs.field import Field
from serving.models.metrics import metric

TRANSLATIONS: dict[str, str] = {}
for _file in sorted(Path(__file__).with_name("portuguese").glob("*.json")):
    TRANSLATIONS |= msgspec.json.decode(_file.read_bytes(), type=dict[str, str])


class Words(NamedTuple):
    """How things are said in a language.

    Attributes
    ----------
    language : str
        As the page's `lang` names it.
    translations : dict of str to str
        By the English text; none for English itself.
    """

    language: str
    translations: dict[str, str]

    def say(self, text: str, **values: object) -> str:
        """A text, with values where it has their names in braces."""
        said = self.translations.get(text, text)
        return said.format(**values) if values else said

    def number(self, value: float, digits: int = 4) -> str:
        """A number as it is written in the language, with so many digits that mean something.

        All that stand before the point do.
        """
        size = abs(value)
        if size and not SMALLEST <= size < LARGEST:
            written = f"{value:.{digits}g}"
        else:
            whole = math.floor(math.log10(size)) if size else 0
            decimals = max(0, digits - 1 - whole)
            written = f"{value:,.{decimals}f}"
            written = written.rstrip("0").rstrip(".") if decimals else written
        return self.local(written)

    def value(self, value: object) -> str:
        """What stands in a record or an answer, in a table: a number with a readable few digits."""
        if isinstance(value, bool):
            return str(value).lower()
        return self.number(value, 6) if isinstance(value, float) else str(value)

    def date(self, days: float) -> str:
        """Days since 1970-01-01 as a date, with the time to the minute where there is one."""
        return dates.shown(days)[:16].replace("T", " ")

    def seen(self, field: Field) -> str:
        """The range of a field's values in training; nothing where there is none."""
        if not field.seen or field.type == "boolean":
            return ""
        low, high = field.seen
        if field.type == "date":
            return self.between(self.date(low), self.date(high))
        return self.between(self.number(low, 6), self.number(high, 6))

    def share(self, value: float) -> str:
        """A share in per cent."""
        return f"{self.number(100 * value, 3)}%"

    def between(self, low: str, high: str) -> str:
        """A range, by its ends."""
        return self.say("{low} to {high}", low=low, high=high)

    def exact(self, value: object) -> str:
        """A value as it is written into a field, with all its digits; nothing for None."""
        if value is None:
            return ""
        return self.local(str(value).removesuffix(".0"))

    def local(self, written: str) -> str:
        """A number that is written as in English, as it is written in the language."""
        return local(written, self.language)

    def metric(self, name: str) -> str:
        """The title of a metric."""
        return metric(name).titled(self.language)


def words(request: Request) -> Words:
    """The words of the language that a browser asks for: Portuguese, or else English."""
    if request.accept_languages.best_match([ENGLISH, "pt-BR", "pt"], ENGLISH) == ENGLISH:
        return Words(ENGLISH, {})
    return Words(PORTUGUESE, TRANSLATIONS)
