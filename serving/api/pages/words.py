"""The words of the pages, in English and in Brazilian Portuguese.

The English text stands where it is used, and is the key of its translation. Each file of
`portuguese/` holds those of one page. Labels, names of fields, titles of models and the service's
messages are never translated.
"""

import re
from pathlib import Path
from typing import NamedTuple
from unicodedata import category

import msgspec
from flask import Request
from markupsafe import Markup

from serving import figures
from serving.access.callers import NO_KEY
from serving.figures import ENGLISH, PORTUGUESE
from serving.inputs import dates
from serving.inputs.field import FLOAT32_MAX, Field
from serving.models.metrics import metric

INFLECTED = re.compile(r"\{(\w+):([^{}]*\|[^{}]*)\}")
UNKNOWN = "–"  # noqa: RUF001 - a dash
POWER = re.compile(r"e([+-]?)0*([0-9]+)$")
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "+")
TRANSLATIONS: dict[str, str] = {}
for _file in sorted(Path(__file__).with_name("portuguese").glob("*.json")):
    TRANSLATIONS |= msgspec.json.decode(_file.read_bytes(), type=dict[str, str])


class Words(NamedTuple):
    """Texts and numbers in the reader's language.

    Attributes
    ----------
    language : str
        As the page's `lang` names it.
    translations : dict of str to str
        By the English text; none for English itself.
    """

    language: str
    translations: dict[str, str]

    @property
    def delimiter(self) -> str:
        """What stands between the cells of a CSV of the reader's."""
        return ";" if self.language == PORTUGUESE else ","

    def t(self, text: str, **values: object) -> str:
        """Translate a text, and fill in the values that it names in braces.

        `{rows:row|rows}` is the word for a number of rows. The text is HTML if a value is; all
        others are then escaped.
        """
        translated = INFLECTED.sub(
            lambda found: figures.inflected(values[found[1]], found[2]),
            self.translations.get(text, text),
        )
        if any(isinstance(value, Markup) for value in values.values()):
            return Markup(translated).format(**values)  # noqa: S704 - ours
        return translated.format(**values) if values else translated

    def number(self, value: float | None, digits: int = 4) -> str:
        """A number with so many significant digits, and with all before the point; None as a dash.

        >>> Words("pt-BR", {}).number(0.12345, 3), Words("en", {}).number(12345.6, 3)
        ('0,123', '12,346')
        """
        if value is None:
            return UNKNOWN
        written = figures.number(value, digits)
        if "." in written and "e" not in written:
            written = written.rstrip("0").rstrip(".")
        return _power(self.local(written))

    def measured(self, value: float, unit: str, decimals: int | None = None) -> str:
        r"""A number beside its unit: a sign of money stands before it.

        Parameters
        ----------
        decimals : int, optional
            As `figures.decimals_of` counts them; four significant digits without it.

        >>> Words("pt-BR", {}).measured(503669.123, "R$", 0), Words("en", {}).measured(5.758, "", 1)
        ('R$\xa0503.669', '5.8')
        """
        written = self.number(value)
        if decimals is not None:
            written = _power(self.local(figures.rounded(value, decimals)))
        return self.with_unit(written, unit)

    def with_unit(self, written: str, unit: str) -> str:
        """A number that is written beside its unit."""
        is_money = any(category(sign) == "Sc" for sign in unit)
        return f"{unit}\u00a0{written}" if is_money else f"{written} {unit}".strip()

    def chance(self, share: float) -> str:
        """A probability in per cent."""
        return self.local(figures.chance(share))

    def value(self, value: object) -> str:
        """A cell of a record or a prediction; a number keeps six significant digits."""
        if isinstance(value, bool):
            return self.t("yes") if value else self.t("no")
        return self.number(value, 6) if isinstance(value, float) else str(value)

    def date(self, days: float) -> str:
        """Days since 1970-01-01 as a date, with the time to the minute where there is one."""
        return dates.to_iso(days)[:16].replace("T", " ")

    def seen(self, field: Field) -> str:
        """The range of a field's values in training; nothing where there is none."""
        if not field.seen or field.type == "boolean":
            return ""
        low, high = field.seen
        if field.type == "date":
            return self.between(self.date(low), self.date(high))
        return self.between(self.number(low, 6), self.number(high, 6))

    def allowed(self, field: Field) -> str:
        """The values that a field accepts."""
        if field.type == "category":
            return ", ".join(field.categories)
        if field.type == "boolean":
            return self.t("yes or no")
        if field.type in {"date", "text"}:
            return self.t("a date") if field.type == "date" else self.t("any text")
        low = self.number(field.minimum, 6) if field.minimum > -FLOAT32_MAX else ""
        high = self.number(field.maximum, 6) if field.maximum < FLOAT32_MAX else ""
        if low and high:
            return self.between(low, high)
        return f"≥ {low}" if low else f"≤ {high}" if high else self.t("any number")

    def share(self, value: float) -> str:
        """A share in per cent, with three significant digits."""
        return f"{self.number(100 * value, 3)} %"

    def between(self, low: str, high: str) -> str:
        """A range, by its ends."""
        return self.t("{low} to {high}", low=low, high=high)

    def exact(self, value: object) -> str:
        """A value as it is written into a field, with all its digits; nothing for None."""
        if value is None:
            return ""
        return self.local(str(value).removesuffix(".0"))

    def local(self, written: str) -> str:
        """Replace the signs in an English number by those of the language."""
        return figures.local(written, self.language)

    def person(self, who: str) -> str:
        """Who decided, or had a model trained: the name of a key, or that there was none."""
        return self.t("somebody without a key") if who == NO_KEY else who

    def metric(self, name: str) -> str:
        """The title of a metric, as `ROC AUC` for `roc_auc`."""
        return metric(name).titled(self.language)

    def better(self, name: str) -> str:
        """Which way a metric is better."""
        lower, higher = self.t("lower is better"), self.t("higher is better")
        return lower if metric(name).better == "lower" else higher


def _power(written: str) -> str:
    r"""Write what stands for a power of ten as one.

    >>> _power("2.1e-09")
    '2.1\xa0\xd7\xa010\u207b\u2079'
    """
    return POWER.sub(
        lambda found: f"\xa0\xd7\xa010{''.join(found.groups()).translate(RAISED)}", written
    )


def words(request: Request) -> Words:
    """The words of the language that the browser prefers: Portuguese, or else English."""
    if request.accept_languages.best_match([ENGLISH, "pt-BR", "pt"], ENGLISH) == ENGLISH:
        return Words(ENGLISH, {})
    return Words(PORTUGUESE, TRANSLATIONS)
