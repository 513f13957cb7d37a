"""Reads the records that the fast decoder rejects, and reports all their faults together."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from serving.errors import LISTED_FAULTS, Fault
from serving.inputs.field import Field
from serving.inputs.names import LISTED_NAMES, Names, nearest
from serving.inputs.shown import printable, shown
from serving.inputs.strict_json import JSONObject

Reading = Callable[[Field, Any], Any]


class Remark(msgspec.Struct, frozen=True):
    """A warning about a field of a record that was predicted nevertheless."""

    field: str
    message: str


def in_one_line(remarks: Iterable[Fault | Remark]) -> str:
    """Write faults or warnings in one line, each after the name of its field."""
    named = (f"{each.field}: {each.message}" if each.field else each.message for each in remarks)
    return "; ".join(named)


class ExactReader:
    """Reads one record after another, and collects the faults of all.

    Parameters
    ----------
    known_names : Names
        Finds the field for each name in a record.
    read : callable
        Converts a field's value from a record for its row; raises ValueError.

    Attributes
    ----------
    faults : list of Fault
        In the order of the records, and of the fields in each.
    remarks : dict of int to list of Remark
        By record, warnings about names and labels; those about numbers come from the schema.
    """

    def __init__(self, fields: Sequence[Field], known_names: Names, read: Reading) -> None:
        self.faults: list[Fault] = []
        self.remarks: dict[int, list[Remark]] = {}
        self._fields, self._names, self._read_value = fields, known_names, read
        self._sent: Sequence[str] = ()
        self._matched = known_names.match(())

    def row(self, position: int, record: Any) -> list[Any]:
        """Return one value per field, NaN for one at fault; no values if it is not a record."""
        if not isinstance(record, JSONObject):
            message = f"{shown(record)} is not a record; send a JSON object"
            self.faults.append(Fault(record=position, message=message))
            return []
        if (sent := (*record,)) != self._sent:  # most records have the names of the one before
            self._sent, self._matched = sent, self._names.match(sent)
        for name in self._matched.unknown[:LISTED_NAMES]:
            self._remark(position, printable(name), "is not a field of this model and was ignored")
        return [self._value(position, field, record) for field in self._fields]

    def _remark(self, position: int, name: str, message: str) -> None:
        self.remarks.setdefault(position, []).append(Remark(name, message))

    def _value(self, position: int, field: Field, record: JSONObject) -> Any:
        if field.name in self._matched.rivals:
            return self._refuse_rivals(position, field.name)
        if field.name in self._matched.fields or field.optional:
            return self._read(position, field, record)
        return self._refuse(position, field.name, f"is missing{self._nearest(field)}")

    def _read(self, position: int, field: Field, record: JSONObject) -> Any:
        sent = self._matched.fields.get(field.name, field.name)
        if sent in record.repeated:
            return self._refuse(position, field.name, "is repeated; send it once")
        value = record.get(sent)
        try:
            read = self._read_value(field, value)
        except ValueError as error:
            return self._refuse(position, field.name, str(error), value)
        if field.other and (warning := field.warning(value)):
            self._remark(position, field.name, warning)
        return read

    def _refuse_rivals(self, position: int, name: str) -> float:
        rivals = " and ".join(map(shown, self._matched.rivals[name]))
        return self._refuse(position, name, f"is sent as {rivals}; send {shown(name)} alone")

    def _refuse(self, position: int, name: str, message: str, value: Any = msgspec.UNSET) -> float:
        fault = Fault(record=position, field=name, message=message, value=_echoed(value))
        self.faults.append(fault)
        return math.nan

    def _nearest(self, field: Field) -> str:
        if len(self.faults) >= LISTED_FAULTS:
            return ""
        near = nearest(field.name, self._matched.unknown)
        return f"; did you send it as {shown(near)}?" if near else ""


def _echoed(value: Any) -> Any:
    """Return the part of a faulty value that is sent back: a number or a short text."""
    if isinstance(value, str):
        return printable(value)
    if value is None or (isinstance(value, int | float) and math.isfinite(value)):
        return value
    return msgspec.UNSET
