"""Reads records to the letter: what the fast way refuses, with every fault named at once."""

import math
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

from serving.errors import LISTED_FAULTS, Fault
from serving.field import LONGEST_SHOWN, Field, printable, shown
from serving.strict_json import JSONObject

LISTED_NAMES = 20  # of the fields that a record has too many


class ExactReader:
    """Reads one record after another, and keeps the faults of all.

    Attributes
    ----------
    faults : list of Fault
        In the order of the records, and of the fields in each.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self.faults: list[Fault] = []
        self._fields = fields
        self._parts = {part: Field(name=part) for field in fields for part in field.sum_of}
        self._names = {field.name for field in fields} | self._parts.keys()

    def row(self, position: int, record: Any) -> list[float]:
        """One number per field; in the place of a fault NaN, and of what is no record nothing."""
        if not isinstance(record, JSONObject):
            message = f"{shown(record)} is not a record; a record is a JSON object"
            self.faults.append(Fault(record=position, message=message))
            return []
        return [self._value(position, field, record) for field in self._fields]

    def unknown(self, record: JSONObject) -> list[str]:
        """The first of a record's names that mean nothing here."""
        return [name for name in record if name not in self._names][:LISTED_NAMES]

    def _value(self, position: int, field: Field, record: JSONObject) -> float:
        if any(part in record for part in field.sum_of):
            return self._sum(position, field, record)
        if field.name in record or field.optional:
            return self._read(position, field, record)
        remedy = f"; send it or all of {_listed(field)}" if field.sum_of else ""
        remedy = self._nearest(field, record) or remedy
        return self._refuse(position, field.name, f"is missing{remedy}")

    def _sum(self, position: int, field: Field, record: JSONObject) -> float:
        """What the parts of a field add up to, which is what was sent for it, if anything was."""
        total = 0.0
        for part in field.sum_of:
            if part in record:
                total += self._read(position, self._parts[part], record)
            else:
                message = f"is missing; send all of {_listed(field)}, or {shown(field.name)} alone"
                total += self._refuse(position, part, message)
        if math.isnan(total):
            return total
        if record.get(field.name) is None:
            return self._read(position, field, JSONObject([(field.name, total)]))
        value = self._read(position, field, record)
        if math.isnan(value) or math.isclose(value, total):
            return value
        message = (
            f"{value:.12g} is not the sum of {_listed(field)}, {total:.12g}; send one or the other"
        )
        return self._refuse(position, field.name, message, value)

    def _read(self, position: int, field: Field, record: JSONObject) -> float:
        if field.name in record.repeated:
            return self._refuse(position, field.name, "is given more than once")
        value = record.get(field.name)
        try:
            return field.read(value)
        except ValueError as error:
            return self._refuse(position, field.name, str(error), value)

    def _refuse(self, position: int, name: str, message: str, value: Any = msgspec.UNSET) -> float:
        fault = Fault(record=position, field=name, message=message, value=_echoed(value))
        self.faults.append(fault)
        return math.nan

    def _nearest(self, field: Field, record: JSONObject) -> str:
        if len(self.faults) >= LISTED_FAULTS:
            return ""
        names = [name for name in self.unknown(record) if len(name) <= LONGEST_SHOWN]
        near = get_close_matches(field.name, names, 1)
        return f"; {shown(near[0])} was sent: is that it?" if near else ""


def _listed(field: Field) -> str:
    return ", ".join(map(shown, field.sum_of))


def _echoed(value: Any) -> Any:
    """What of a faulty value goes back to the client: numbers and short texts."""
    if isinstance(value, str):
        return printable(value)
    if value is None or (isinstance(value, int | float) and math.isfinite(value)):
        return value
    return msgspec.UNSET
