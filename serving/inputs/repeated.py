"""Finds out quickly whether a record repeats a name."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import UNSET

from serving.inputs.field import Field


def make_colon_counter(
    fields: Sequence[Field], attributes: Sequence[str]
) -> Callable[[Sequence[msgspec.Struct]], int]:
    """Make the function that counts the colons in the JSON of decoded records.

    It finds records that repeat a name, of which msgspec silently takes the last value. A decoded
    record consists of fields only, each sent once or, if optional, not at all. So its JSON has a
    colon for each field sent, those in that field's name, and those in texts and dates. If a body
    has more, a name is repeated (or a label contains a colon), and `ExactReader` finds out which.
    """
    colons = [1 + field.name.count(":") for field in fields]
    total = sum(colons)
    parts = [*zip(fields, attributes, colons, strict=True)]
    optional = [(attribute, count) for field, attribute, count in parts if field.optional]
    texts = [attribute for field, attribute, _ in parts if field.type in {"date", "text"}]

    def count_colons(structs: Sequence[msgspec.Struct]) -> int:
        found = total * len(structs)
        for attribute, count in optional:
            found -= count * sum(getattr(struct, attribute) is UNSET for struct in structs)
        for attribute in texts:
            values = (getattr(struct, attribute) for struct in structs)
            found += sum(value.count(":") for value in values if isinstance(value, str))
        return found

    return count_colons
