"""English sentences that know what they are made of, so that a page can say them otherwise.

A training writes them: its log and the API have the English text, and a page in another language
fills the same values into the translation of the template.
"""

from collections.abc import Mapping
from string import Formatter
from typing import Any, Self

import msgspec

from serving.figures import ENGLISH, inflected, local


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sentence as data.

    Attributes
    ----------
    template : str
        In English; the key of its translations.
    values : dict
        By the names in braces: numbers, texts, sentences, or lists of texts and sentences.
    """

    template: str
    values: dict[str, Any] = {}

    def text(self, language: str = ENGLISH, translations: Mapping[str, str] | None = None) -> str:
        """Put it into words; a template without a translation stays English."""
        return _Writer(language, translations or {}).sentence(self)


class Sentence(str):
    """An English text with its template and values.

    In a template, `{rows:row|rows}` is the word for a number of rows, `{list:; }` has a list with
    this between its items, and `{kind:term}` is a word that is translated as well.

    >>> few = Sentence("{column!r} has {rows:,} {rows:row|rows}", column="age", rows=1200)
    >>> few
    "'age' has 1,200 rows"
    >>> few.said().text("pt-BR", {few.template: "{column!r} tem {rows:,} {rows:linha|linhas}"})
    "'age' tem 1.200 linhas"
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Self:
        """Fill the values into the template."""
        made = super().__new__(cls, _Writer(ENGLISH, {}).vformat(template, (), values))
        made.template, made.values = template, values
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        """Copy and pickle it with what it is made of."""
        return (self.template,), self.values

    def said(self) -> Said:
        """Return it as data, which can be stored."""
        return Said(self.template, {name: _plain(each) for name, each in self.values.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Sentence):
        return value.said()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "item"):  # of NumPy, whose floats are floats as well
        return value.item()
    return value if isinstance(value, int | float) else str(value)


class _Writer(Formatter):
    """Fills in numbers as a language writes them; texts stay as they are."""

    def __init__(self, language: str, translations: Mapping[str, str]) -> None:
        self._language, self._translations = language, translations

    def sentence(self, said: Said) -> str:
        return self.vformat(self._translations.get(said.template, said.template), (), said.values)

    def convert_field(self, value: Any, conversion: Any) -> Any:
        if isinstance(value, list | tuple):
            return [self.convert_field(each, conversion) for each in value]
        return super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, list | tuple):
            return (format_spec or ", ").join(self.format_field(each, "") for each in value)
        if isinstance(value, Mapping):  # a sentence that was stored
            value = msgspec.convert(value, Said)
        if isinstance(value, Said):
            return self.sentence(value)
        if "|" in format_spec:
            return inflected(value, format_spec)
        if format_spec == "term":
            return self._translations.get(value, value)
        if isinstance(value, str):
            return value
        return local(format(value, format_spec), self._language)
