"""The form that filters a list of predictions, and the query of the API that it stands for."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from werkzeug.datastructures import MultiDict

from serving.figures import local
from serving.inputs.field import Field
from serving.predicting.where import ORDERED, part

# The form's own names: two bounds, values and a missing value of a field; one choice for two
# parameters; and numbers as they are written in the reader's language.
OPERATORS = {"min": ">=", "max": "<=", "is": "=", "missing": "="}
JUDGED = {
    "wrong": ("wrong", "true"),
    "right": ("wrong", "false"),
    "with": ("feedback", "true"),
    "without": ("feedback", "false"),
}
NUMBERS = {"error_above", "probability_below", "threshold_within", "interval_above"}
COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?")  # 1,234.5


class FieldFilter(NamedTuple):
    """What a form shows of the conditions on a field."""

    field: Field
    minimum: str
    maximum: str
    values: list[str]
    is_missing: bool

    @property
    def is_set(self) -> bool:
        """Whether there is any condition."""
        return bool(self.minimum or self.maximum or self.values or self.is_missing)

    @property
    def is_ordered(self) -> bool:
        """Whether the field has a lowest and a highest value."""
        return self.field.type in ORDERED


def canonical(
    sent: MultiDict[str, str], fields: Mapping[str, Field], language: str
) -> dict[str, list[str]]:
    """Return the query of the API that a query means, which a form in a language may have sent."""
    query: dict[str, list[str]] = {}
    for name, value in sent.items(multi=True):
        if not value.strip():
            continue
        prefix, _, field = name.partition(".")
        if prefix in OPERATORS and field:
            is_number = prefix in {"min", "max"} and field in fields and fields[field].is_numeric
            written = "" if prefix == "missing" else _point(value, language) if is_number else value
            query.setdefault("where", []).append(f"{field}{OPERATORS[prefix]}{written}")
        elif name == "judged":
            if value in JUDGED:
                parameter, truth = JUDGED[value]
                query[parameter] = [truth]
        elif prefix == "number" and field in NUMBERS:
            query[field] = [_point(value, language)]
        else:
            query.setdefault(name, []).append(value)
    return query


def judged(query: Mapping[str, Any]) -> str:
    """Return the choice of the form that a query has."""
    return next((name for name, (key, truth) in JUDGED.items() if query.get(key) == truth), "")


def field_filters(
    texts: list[str], fields: Mapping[str, Field], kept_out: Mapping[str, str]
) -> tuple[list[FieldFilter], list[str]]:
    """Return what a form shows of each field, and the conditions that it cannot show.

    Parameters
    ----------
    texts : list of str
        As `where` has them.
    kept_out : mapping of str to str
        The fields that are not recorded as they are, and why.
    """
    shown: dict[tuple[str, str], list[str]] = {}
    others = []
    for text in texts:
        try:
            field, operator, value = part(text, fields)
        except ValueError:  # a field that only versions had that are gone
            others.append(text)
            continue
        key = (field.name, operator if value else "missing")
        is_one = key not in shown and field.type in ORDERED and operator in {">=", "<="}
        if is_one or (operator == "=" and (not value or field.type not in ORDERED)):
            shown.setdefault(key, []).append(value)
        else:
            others.append(text)
    return [*_filters(shown, fields, kept_out)], others


def _filters(
    shown: Mapping[tuple[str, str], list[str]],
    fields: Mapping[str, Field],
    kept_out: Mapping[str, str],
) -> Iterator[FieldFilter]:
    for name, field in fields.items():
        variable = kept_out.get(name)
        if variable == "JOURNAL_OMIT" or (variable and field.type in ORDERED):
            continue
        (minimum,), (maximum,) = (shown.get((name, each), [""]) for each in (">=", "<="))
        is_missing = (name, "missing") in shown
        yield FieldFilter(field, minimum, maximum, shown.get((name, "="), []), is_missing)


def _point(text: str, language: str) -> str:
    """Write a number of a language with a decimal point, and without signs between thousands."""
    text = text.strip()
    if GROUPED.fullmatch(english := local(text, language)):
        return english.replace(",", "")
    return text.replace(",", ".") if COMMA.fullmatch(text) else text
