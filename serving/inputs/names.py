"""Which field is meant by a name that is sent."""

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple
from unicodedata import normalize

SPACES = re.compile(r"[\s_]+")


class Meant(NamedTuple):
    """What the names of a record, or the columns of a table, mean.

    Attributes
    ----------
    fields : dict of str to str
        The name sent for each field that is there.
    rivals : dict of str to list of str
        The names of which each could be a field that is not there under its own.
    unknown : list of str
        The names that mean nothing.
    """

    fields: dict[str, str]
    rivals: dict[str, list[str]]
    unknown: list[str]


class Names:
    """The names of a model's fields, and what a client's names mean among them.

    A name means the field of that very name; else, where it differs from the name of one field
    alone in case, spaces and underscores, that field.

    Parameters
    ----------
    others : collection of str
        Names that mean something else.
    """

    def __init__(self, fields: Iterable[str], others: Collection[str] = ()) -> None:
        self._exact, self._others = {*fields}, {*others}
        self._alike: dict[str, list[str]] = {}
        for name in self._exact:
            self._alike.setdefault(_plain(name), []).append(name)

    def meant(self, sent: Collection[str]) -> Meant:
        """Find the field that each name means."""
        fields = {name: name for name in sent if name in self._exact}
        alike: dict[str, list[str]] = {}
        unknown = []
        for name in sent:
            if name in self._exact:
                continue
            near = [] if name in self._others else self._alike.get(_plain(name), [])
            if len(near) == 1 and near[0] not in fields:
                alike.setdefault(near[0], []).append(name)
            else:
                unknown.append(name)
        for field, names in alike.items():
            if len(names) == 1:
                fields[field] = names[0]
        return Meant(fields, {name: each for name, each in alike.items() if len(each) > 1}, unknown)


def _plain(name: str) -> str:
    return SPACES.sub("", normalize("NFC", name).casefold())
