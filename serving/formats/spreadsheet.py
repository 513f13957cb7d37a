"""Cells that a spreadsheet shows as they are, and does not compute."""

import re
from typing import Any

# A minus is no formula before a number, be it written with a point or a comma.
FORMULA = re.compile(r"[=+@\t\r\n]|-(?![0-9.,]+(?:[eE][+-]?[0-9]+)?\Z)")


def shown_as_text(cell: Any) -> Any:
    """The cell; of a text that a spreadsheet would take for a formula, with an apostrophe first.

    >>> [shown_as_text(cell) for cell in ("=1+1", "-5%", "-5.2", -5.2, "good")]
    ["'=1+1", "'-5%", '-5.2', -5.2, 'good']
    """
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell
