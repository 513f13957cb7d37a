"""The names of the values in stored records and probabilities, stored once for all rows.

A row of `predictions` contains arrays of values and the number of its layout, so that the names are
not repeated in each.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import sqlalchemy as sql
from msgspec import Raw

ADD = sql.text("""
    INSERT INTO layouts (number, fields, classes) VALUES (:number, :fields, :classes)
    ON CONFLICT DO NOTHING
""")
FIND = sql.text("SELECT fields, classes FROM layouts WHERE number = :number")

_names = lru_cache(msgspec.json.Decoder(tuple[str, ...]).decode)
_values = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder().encode


class Layout(NamedTuple):
    """The names of a record's fields and of the classes that have probabilities.

    Both are JSON arrays.
    """

    fields: str
    classes: str

    @property
    def number(self) -> int:
        """Its key: a hash, so the same in every process and database."""
        digest = blake2b("".join(self).encode(), digest_size=8).digest()
        return int.from_bytes(digest) >> 1  # both databases' integers have a sign

    def record(self, stored: str) -> Raw:
        """Convert a stored record to a JSON object."""
        return _named(self.fields, stored)

    def probabilities(self, stored: str | None) -> Raw | None:
        """Convert stored probabilities to a JSON object."""
        return None if stored is None else _named(self.classes, stored)


class Layouts:
    """The layouts of a database; each is looked up once, as none ever changes."""

    def __init__(self) -> None:
        self._found: dict[int, Layout] = {}

    def find(self, connection: sql.Connection, number: int) -> Layout:
        """Return the layout with a number."""
        if number not in self._found:
            self._found[number] = Layout(*connection.execute(FIND, {"number": number}).one())
        return self._found[number]


def add(connection: sql.Connection, layouts: Mapping[Layout, int]) -> None:
    """Add layouts with their numbers; existing ones may be added again."""
    # In the same order everywhere, or two concurrent writers could wait for each other.
    ordered = sorted(layouts, key=layouts.__getitem__)
    connection.execute(ADD, [{"number": layouts[each], **each._asdict()} for each in ordered])


def _named(names: str, stored: str) -> Raw:
    return Raw(_encode(dict(zip(_names(names), _values(stored), strict=True))))
