"""Conditions on the fields of recorded predictions, such as `alcohol>=9` or `type=red`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from serving.inputs import booleans, dates, labels
from serving.inputs.field import Field
from serving.inputs.names import Names, nearest
from serving.inputs.shown import listed, printable, shown
from serving.models.manifest import Manifest
from serving.predicting.conditions import Condition
from serving.recording.privacy import Privacy
from serving.recording.store.matching import is_same
from serving.recording.store.searching import Candidate

OPERATOR = re.compile(r">=|<=|=|>|<")
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda value, bound: value >= bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    "<": lambda value, bound: value < bound,
}
ORDERED = {"number", "integer", "date"}
TRUTHS = {"true": True, "false": False}

_names = msgspec.json.Decoder(tuple[str, ...]).decode
_values = msgspec.json.Decoder(list[Any]).decode


@lru_cache
def _places(fields: str) -> dict[str, int]:
    """Return the position of each field in a record."""
    return {name: place for place, name in enumerate(_names(fields))}


class Part(NamedTuple):
    """One condition on a field: `alcohol>=9`; an empty text stands for a missing value."""

    field: Field
    operator: str
    text: str


class Accepted(NamedTuple):
    """The values of a field that fit: one of `values`, or one that all `bounds` hold for."""

    field: Field
    values: list[Any]
    bounds: list[tuple[str, float]]

    def accepts(self, value: Any) -> bool:
        """Whether a recorded value fits."""
        if value is not None and self.field.type == "date":
            value = dates.parse(value) if isinstance(value, str) else None
        if any(is_same(value, each) for each in self.values):
            return True
        if not self.bounds or not isinstance(value, int | float):
            return False
        return all(HOLDS[operator](value, bound) for operator, bound in self.bounds)


def field_condition(
    texts: Sequence[str],
    manifest: Manifest,
    privacy: Privacy,
    is_recorded: Callable[[str], bool],
) -> Condition:
    """Make the condition that a record fits all texts.

    Several `=` for one field are alternatives, also to its bounds: `alcohol<=9` and `alcohol=` is
    at most 9, or missing.

    Parameters
    ----------
    is_recorded : callable
        Whether there are records with a field of a name, which the version may not have: of which
        type it was is not known then.

    Raises
    ------
    ValueError
        With the text that is wrong, and what to write instead.
    """
    accepted = _accepted(texts, manifest, privacy, is_recorded)

    def fits(candidate: Candidate) -> bool:
        places, values = _places(candidate.fields), _values(candidate.record)
        return all(
            name in places and each.accepts(values[places[name]]) for name, each in accepted.items()
        )

    return fits


def _accepted(
    texts: Sequence[str],
    manifest: Manifest,
    privacy: Privacy,
    is_recorded: Callable[[str], bool],
) -> dict[str, Accepted]:
    fields = {field.name: field for field in manifest.fields}
    kept_out = privacy.kept_out(manifest.name)
    by_field: dict[str, Accepted] = {}
    for text in texts:
        field, operator, value = part(text, fields, is_recorded)
        variable = kept_out.get(field.name)
        has_hash = variable == "JOURNAL_HASH" and operator == "=" and field.type != "date"
        if variable and not has_hash:
            raise ValueError(
                f"{shown(text)}: {variable} keeps values of {shown(field.name)} out of the record"
            )
        accepted = by_field.setdefault(field.name, Accepted(field, [], []))
        try:
            if operator != "=":
                accepted.bounds.append((operator, _bound(field, value)))
            elif not value:
                accepted.values.append(None)
            elif field.name not in fields:
                accepted.values.extend(_of_any_type(value))
            else:
                read = _read(field, value)
                accepted.values.extend(privacy.recorded(manifest.name, field.name, read))
        except ValueError as error:
            raise ValueError(f"{shown(text)}: {error}") from None
    return by_field


def part(
    text: str, fields: Mapping[str, Field], is_recorded: Callable[[str], bool] = lambda _: False
) -> Part:
    """Split a text at the operator after the name of a field, which may contain operators.

    Parameters
    ----------
    is_recorded : callable
        Whether there are records with a field that is none of `fields`.

    Raises
    ------
    ValueError
    """
    names = Names(fields)
    for found in reversed([*OPERATOR.finditer(text)]):
        sent = text[: found.start()].strip()
        if matched := names.match([sent]).fields:
            (name,) = matched
            return Part(fields[name], found[0], text[found.end() :].strip())
    for found in reversed([*OPERATOR.finditer(text)]):
        sent = text[: found.start()].strip()
        if is_recorded(sent):
            return Part(Field(name=sent), found[0], text[found.end() :].strip())
    first = OPERATOR.search(text)
    if not first:
        raise ValueError(f"{shown(text)} is no condition; write one such as {_example(fields)}")
    sent = text[: first.start()].strip()
    near = nearest(sent, fields)
    raise ValueError(
        f"{shown(text)}: there is no field {shown(sent)}"
        + (f"; is it {shown(near)}?" if near else f"; there are {listed(tuple(fields))}")
    )


def _example(fields: Mapping[str, Field]) -> str:
    for field in fields.values():
        if field.type in ORDERED - {"date"}:
            return printable(f"{field.name}>=9.5")
    return printable(f"{next(iter(fields))}=…")


def _bound(field: Field, text: str) -> float:
    if field.type not in ORDERED:
        raise ValueError(f"a {field.type} has no order; write {printable(field.name)}=…")
    value: float = _read(field, text)
    return value


def _read(field: Field, text: str) -> Any:
    """Read a value as it is recorded; a date as days.

    Raises
    ------
    ValueError
    """
    match field.type:
        case "number" | "integer":
            if not NUMBER.fullmatch(text):
                raise ValueError(f"{shown(text)} is not a number; write one such as 9.5")
            return float(text)
        case "date":
            days = dates.parse(text, field.format or dates.ISO)
            if days is None:
                raise ValueError(f"{shown(text)} is not a date; write one such as 2024-07-31")
            return days
        case "boolean":
            truth = booleans.read(text)
            if truth is None:
                raise ValueError(f"{shown(text)} is neither true nor false")
            return bool(truth)
        case "category":
            return _category(field, text)
    return text


def _of_any_type(text: str) -> Iterator[Any]:
    """Yield what a text may stand for in a record, where the type of its field is not known."""
    yield text
    if NUMBER.fullmatch(text):
        yield float(text)
    if text in TRUTHS:
        yield TRUTHS[text]


def _category(field: Field, text: str) -> str:
    try:
        code = labels.rules_for(field.categories).code(text)
    except labels.Ambiguous as error:
        either = " or ".join(map(shown, error.labels))
        raise ValueError(f"{shown(text)} may mean {either}; write one of them") from None
    if code is None:
        raise ValueError(f"{shown(text)} is none of {listed(field.categories)}")
    return field.categories[code]
