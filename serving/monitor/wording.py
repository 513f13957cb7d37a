"""The monitor's statements in words; wording.json has those of each code, in both languages."""

from collections.abc import Iterable
from pathlib import Path
from string import Formatter
from typing import Any

import msgspec

from serving.figures import ENGLISH, inflected, local, percent
from serving.models.metrics import metric
from serving.statement import Statement

WORDING: dict[str, dict[str, str]] = msgspec.json.decode(
    Path(__file__).with_suffix(".json").read_bytes()
)


def sentence(
    statements: Iterable[Statement], ended: Iterable[Statement] = (), *, language: str = ENGLISH
) -> str:
    """Put statements into one sentence.

    Parameters
    ----------
    ended : iterable of Statement
        Why an alert was cleared.

    >>> moved = Statement("largest_change", {"label": "1.5", "now": 0.07, "then": 0.8}, "pH")
    >>> sentence([moved])
    'pH: 1.5 makes up 7.0 % of the labels; 80 % in training'
    >>> sentence([moved], language="pt-BR")
    'pH: 1.5 representa 7,0 % dos rótulos; no treino era 80 %'
    """
    whole = "; ".join(_clause(each, language) for each in statements)
    if ended := [*ended]:
        whole = f"{sentence(ended, language=language)}; {term('before', language)}: {whole}"
    return whole


def term(code: str, language: str = ENGLISH) -> str:
    """The word for a verdict, a kind of alert or a test; a code without one stays as it is."""
    return WORDING.get(code, {}).get(language, code)


def with_sentences(found: Any) -> Any:
    """Make findings ready for JSON, adding a sentence in English wherever there are statements."""
    if isinstance(found, list | tuple) and not hasattr(found, "_fields"):
        return [with_sentences(each) for each in found]
    if isinstance(found, Statement) or not isinstance(found, msgspec.Struct):
        return found
    fields = msgspec.structs.asdict(found)
    shown = {name: with_sentences(value) for name, value in fields.items()}
    if "statements" in fields:
        shown["sentence"] = sentence(fields["statements"], fields.get("ended", ()))
    return shown


class _Writer(Formatter):
    """Writes numbers as a language does; labels and names of fields stay as they are."""

    def __init__(self, language: str) -> None:
        self.language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "term":
            return term(value, self.language)
        if format_spec == "metric":
            return metric(value).titled(self.language)
        if "|" in format_spec:
            return inflected(value, format_spec)
        if isinstance(value, str):
            return value
        text = percent(value) if format_spec == "share" else format(value, format_spec)
        return local(text, self.language)


def _clause(statement: Statement, language: str) -> str:
    words = _Writer(language).vformat(term(statement.code, language), (), statement.values)
    return f"{statement.field}: {words}" if statement.field else words
