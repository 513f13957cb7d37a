"""Reads records to the letter: what the fast way refuses, with every fault named at once."""

import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

from serving.errors import LISTED_FAULTS, Fault
from serving.inputs.field import Field
from serving.inputs.names import Names
from serving.inputs.shown import LONGEST_SHOWN, printable, shown
from serving.inputs.strict_json import JSONObject

Reading = Callable[[Field, Any], Any]

LISTED_NAMES = 20  # of the fields that a record has too many


class Remark(msgspec.Struct, frozen=True):
    """What a client should know about a record that was answered all the same."""

    field: str
    message: str


class ExactReader:
    """Reads one record after another, and keeps the faults of all.

    Parameters
    ----------
    meanings : Names
        Which field each name means.
    read : callable
        What a row holds of a value sent for a field; raises ValueError.

    Attributes
    ----------
    faults : list of Fault
        In the order of the records, and of the fields in each.
    remarks : dict of int to list of Remark
        By record, what is to be known of names and labels; of numbers, the schema tells.
    """

    def __init__(self, fields: Sequence[Field], meanings: Names, read: Reading) -> None:
        self.faults: list[Fault] = []
        self.remarks: dict[int, list[Remark]] = {}
        self._fields, self._meanings, self._read_value = fields, meanings, read
        self._sent: Sequence[str] = ()
        self._meant = meanings.meant(())

    def row(self, position: int, record: Any) -> list[Any]:
        """One value per field; in the place of a fault NaN, and of what is no record nothing."""
        if not isinstance(record, JSONObject):
            message = f"{shown(record)} is not a record; a record is a JSON object"
            self.faults.append(Fault(record=position, message=message))
            return []
        if (sent := (*record,)) != self._sent:  # most have the names of the one before
            self._sent, self._meant = sent, self._meanings.meant(sent)
        for name in self._meant.unknown[:LISTED_NAMES]:
            self._remark(position, printable(name), "is no field of this model and was not used")
        return [self._value(position, field, record) for field in self._fields]

    def _remark(self, position: int, name: str, message: str) -> None:
        self.remarks.setdefault(position, []).append(Remark(name, message))

    def _value(self, position: int, field: Field, record: JSONObject) -> Any:
        if field.name in self._meant.rivals:
            return self._refuse_rivals(position, field.name)
        if field.name in self._meant.fields or field.optional:
            return self._read(position, field, record)
        return self._refuse(position, field.name, f"is missing{self._nearest(field)}")

    def _read(self, position: int, field: Field, record: JSONObject) -> Any:
        sent = self._meant.fields.get(field.name, field.name)
        if sent in record.repeated:
            return self._refuse(position, field.name, "is given more than once")
        value = record.get(sent)
        try:
            read = self._read_value(field, value)
        except ValueError as error:
            return self._refuse(position, field.name, str(error), value)
        if field.other and (warning := field.warned(value)):
            self._remark(position, field.name, warning)
        return read

    def _refuse_rivals(self, position: int, name: str) -> float:
        rivals = " and ".join(map(shown, self._meant.rivals[name]))
        return self._refuse(position, name, f"is sent as {rivals}; send {shown(name)} alone")

    def _refuse(self, position: int, name: str, message: str, value: Any = msgspec.UNSET) -> float:
        fault = Fault(record=position, field=name, message=message, value=_echoed(value))
        self.faults.append(fault)
        return math.nan

    def _nearest(self, field: Field) -> str:
        if len(self.faults) >= LISTED_FAULTS:
            return ""
        sent = self._meant.unknown[:LISTED_NAMES]
        near = get_close_matches(
            field.name, [name for name in sent if len(name) <= LONGEST_SHOWN], 1
        )
        return f"; {shown(near[0])} was sent: is that it?" if near else ""


def _echoed(value: Any) -> Any:
    """What of a faulty value goes back to the client: numbers and short texts."""
    if isinstance(value, str):
        return printable(value)
    if value is None or (isinstance(value, int | float) and math.isfinite(value)):
        return value
    return msgspec.UNSET
