"""Which names of files match a glob; `**` stands for any number of folders."""

import glob
from collections.abc import Sequence
from fnmatch import fnmatchcase

HIDDEN = ("_", ".")  # how the names begin of what is no data, as Hadoop has it


def matches(name: str, pattern: Sequence[str]) -> bool:
    """Whether a name matches a pattern part by part, `**` standing for any number of parts."""

    def match(parts: Sequence[str], wanted: Sequence[str]) -> bool:
        if not wanted:
            return not parts
        if wanted[0] == "**":
            return any(match(parts[at:], wanted[1:]) for at in range(len(parts) + 1))
        is_first = bool(parts) and fnmatchcase(parts[0], wanted[0])
        return is_first and match(parts[1:], wanted[1:])

    return match(name.split("/"), pattern)


def is_shown(name: str, pattern: Sequence[str]) -> bool:
    """Whether no part of a name is hidden, unless the pattern has it as it is."""
    return not any(
        part.startswith(HIDDEN) and glob.escape(part) not in pattern for part in name.split("/")
    )
