"""Which columns of a table are the fields of a model."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import UNSET, UnsetType

from serving.errors import Fault, InvalidRecords, NotATable
from serving.inputs.names import Matched, nearest
from serving.inputs.schema import Schema
from serving.inputs.shown import listed, shown


def match(
    schema: Schema,
    names: Sequence[str],
    repeated: Mapping[str, str] = MappingProxyType({}),
    line: int | UnsetType = UNSET,
) -> Matched:
    """Find the field that each column stands for.

    Parameters
    ----------
    repeated : mapping of str to str
        The names that several columns have, by what all but the first are called in `names`.
    line : int, optional
        Where the names are, for the faults.

    Raises
    ------
    NotATable
        If no column is a field.
    InvalidRecords
        If a field has no column, or more than one.
    """
    matched = schema.known_names.match(names)
    if not matched.fields and not matched.rivals:
        where = "no column is a field" if line is UNSET else "the first line names no field"
        raise NotATable(
            f"{where} of this model; its fields are {listed(schema.names)}: name them in place of "
            f"{listed(tuple(names))}"
        )
    again = {repeated[name]: name for name in matched.unknown if name in repeated}
    trained = schema.table.columns if schema.table else ()  # which may have had several, too
    faults = [
        Fault(record=0, line=line, field=name, message="is the name of several columns; keep one")
        for name in schema.names
        if name in again and again[name] not in trained
    ]
    for field in schema.fields:
        message = ""
        if field.name in matched.rivals:
            rivals = " and ".join(map(shown, matched.rivals[field.name]))
            message = f"is named {rivals}; name one column {shown(field.name)}"
        elif not (field.optional or field.name in matched.fields):
            near = nearest(field.name, matched.unknown)
            message = f"has no column{f'; is it {shown(near)}?' if near else ''}"
        if message:
            faults.append(Fault(record=0, line=line, field=field.name, message=message))
    if faults:
        raise InvalidRecords(faults)
    return matched
