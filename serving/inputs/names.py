"""Which field a name in a record or a table stands for."""

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from itertools import islice
from typing import NamedTuple
from unicodedata import normalize

from serving.inputs.shown import LONGEST_SHOWN

LISTED_NAMES = 20  # unknown names that are reported, or compared with a field's
SPACES = re.compile(r"[\s_]+")


class Matched(NamedTuple):
    """The fields for the names of a record, or for the columns of a table.

    Attributes
    ----------
    fields : dict of str to str
        By field: the name under which it was sent.
    rivals : dict of str to list of str
        By field that was not sent under its own name: several names that are like it.
    unknown : list of str
        The names that stand for no field.
    """

    fields: dict[str, str]
    rivals: dict[str, list[str]]
    unknown: list[str]


class Names:
    """The names of a model's fields.

    A name stands for the field of exactly that name. Otherwise it stands for the field whose name
    differs only in case, spaces and underscores, if there is just one.

    Parameters
    ----------
    others : collection of str
        Names that stand for no field, such as other columns of the training file.
    """

    def __init__(self, fields: Iterable[str], others: Collection[str] = ()) -> None:
        self._exact, self._others = {*fields}, {*others}
        self._alike: dict[str, list[str]] = {}
        for name in self._exact:
            self._alike.setdefault(_plain(name), []).append(name)

    def match(self, sent: Collection[str]) -> Matched:
        """Find the field that each name stands for."""
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
        rivals = {field: names for field, names in alike.items() if len(names) > 1}
        return Matched(fields, rivals, unknown)


def nearest(field: str, unknown: Iterable[str]) -> str:
    """Return the unknown name that is most like a field's; empty if none is like it."""
    short = islice((name for name in unknown if len(name) <= LONGEST_SHOWN), LISTED_NAMES)
    return next(iter(get_close_matches(field, [*short], 1)), "")


def _plain(name: str) -> str:
    return SPACES.sub("", normalize("NFC", name).casefold())
