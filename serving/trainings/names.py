"""The names that a model may have: each becomes the name of a folder, on whatever disk it is."""

import re

from serving.inputs.shown import printable

VALID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")
OF_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


def fault_of_name(name: str) -> str:
    """Return what is wrong with the name of a model; empty if it is valid.

    >>> fault_of_name("homes-2.1"), fault_of_name("aux")
    ('', "'aux' is the name of a device on Windows, where no folder can have it")
    """
    quoted = repr(printable(name))
    if not VALID.fullmatch(name):
        return (
            f"{quoted} must start with a letter or digit, have only the letters a to z and A to Z, "
            "digits, '.', '_' and '-', at most 100 characters, and not end with '.', because it "
            "becomes the name of a folder"
        )
    if OF_DEVICES.fullmatch(name):
        return f"{quoted} is the name of a device on Windows, where no folder can have it"
    return ""
