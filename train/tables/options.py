"""The options of the command line that concern the columns of a file."""

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple, Self

from serving.inputs.shown import LISTED_LABELS, shown
from serving.sentence import Sentence
from train.errors import TrainingError

TYPES = ("text", "category", "number", "date")  # the options that choose one


class ColumnOptions(NamedTuple):
    """The options that concern columns, by the names of columns.

    Attributes
    ----------
    keep, drop : frozenset of str
        Columns to use although they look useless or a cell does not fit, and not to use.
    text, category, number, date : frozenset of str
        Columns to read as free text, labels, numbers or dates, whatever they look like.
    missing : tuple of str
        Values that stand for a missing value: `-200` in any column, `Glucose=0` in one.
    unit : tuple of str
        Units of numbers: `area=m²`.
    used : frozenset of str
        Columns to use although they look useless.
    """

    keep: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()
    text: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    category: frozenset[str] = frozenset()
    number: frozenset[str] = frozenset()
    date: frozenset[str] = frozenset()
    unit: tuple[str, ...] = ()
    used: frozenset[str] = frozenset()

    @classmethod
    def of(cls, given: Mapping[str, Iterable[str]]) -> Self:
        """Make the options of what was given for each, in the order in which it was given."""
        listed = ("missing", "unit")
        options: dict[str, Any] = {
            option: tuple(names) if option in listed else frozenset(names)
            for option, names in given.items()
        }
        return cls(**options)

    def check(self, names: Iterable[str]) -> None:
        """Refuse names that the file does not have, and two types of a column.

        Raises
        ------
        TrainingError
        """
        names = tuple(names)
        for option in ("keep", "drop", *TYPES):
            for name in sorted(getattr(self, option)):
                require_name(names, name, f"--{option} {quoted(name)}: ")
        for option in self.unit:
            if split_option(option, names)[0] is None:
                name, sign, _ = option.partition("=")
                before = f"--unit {quoted(option)}: "
                if not sign:
                    raise TrainingError(
                        Sentence("{before}write it as NAME=UNIT, area=m²", before=before)
                    )
                require_name(names, name.strip(), before)
        for name in names:
            types = [option for option in TYPES if name in getattr(self, option)]
            if len(types) > 1:
                raise TrainingError(
                    Sentence(
                        "{options: and } {option}: choose one of them",
                        options=[f"--{option}" for option in types],
                        option=quoted(name),
                    )
                )

    def type_of(self, name: str) -> str:
        """The type that a column is to have; empty if its values decide."""
        return next((option for option in TYPES if name in getattr(self, option)), "")

    def wants(self, name: str) -> bool:
        """Whether a column is to be used, also if it looks useless."""
        return name in self.keep | self.used or bool(self.type_of(name))

    def missing_in(self, name: str, names: Collection[str]) -> tuple[str, ...]:
        """The texts that stand for missing in a column, besides those that do in any file."""
        options = [split_option(option, names) for option in self.missing]
        return tuple(text for column, text in options if column in (None, name))

    def unit_of(self, name: str, names: Collection[str]) -> str:
        """The unit that a column is to have; empty if its cells decide."""
        options = [split_option(option, names) for option in self.unit]
        return next((text for column, text in options if column == name), "")


DEFAULTS = ColumnOptions()


def split_option(option: str, names: Collection[str]) -> tuple[str | None, str]:
    """The column in which a text stands for missing, None for all columns, and the text."""
    for sign in re.finditer("=", option):  # names may hold one too
        name = option[: sign.start()].strip()
        if name in names:
            return name, option[sign.end() :].strip()
    return None, option.strip()


def require_name(names: Iterable[str], name: str, before: str = "") -> None:
    """Raise TrainingError with the nearest name, if no column has this one."""
    names = tuple(names)
    if name in names:
        return
    near = get_close_matches(name, names, 1)
    about: dict[str, Any] = {"before": before, "name": name}
    if near:
        raise TrainingError(
            Sentence(
                "{before}no column is called {name!r}; did you mean {near!r}?",
                near=near[0],
                **about,
            )
        )
    about |= {"names": [*map(shown, names[:LISTED_LABELS])], "more": len(names) - LISTED_LABELS}
    if len(names) > LISTED_LABELS:
        raise TrainingError(
            Sentence(
                "{before}no column is called {name!r}; they are {names} and {more:,} others",
                **about,
            )
        )
    raise TrainingError(Sentence("{before}no column is called {name!r}; they are {names}", **about))


def quoted(text: str) -> str:
    """A text quoted for a shell, and for cmd.exe."""
    return text if re.fullmatch(r"[\w.+/:@%=-]+", text) else f'"{text}"'
