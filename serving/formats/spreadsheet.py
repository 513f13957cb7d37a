"""Cells that a spreadsheet shows as text and does not evaluate."""

import re
from typing import Any

# A minus before a number, with a point or a comma, does not begin a formula. Where people write
# Chinese or Japanese, the wide signs begin one too.
FORMULA = re.compile(r"[=+@\t\r\n\uff1d\uff0b\uff0d\uff20]|-(?![0-9.,]+(?:[eE][+-]?[0-9]+)?\Z)")


def shown_as_text(cell: Any) -> Any:
    """Put an apostrophe before a text that a spreadsheet would take for a formula.

    >>> [shown_as_text(cell) for cell in ("=1+1", "-5%", "-5.2", -5.2, "good")]
    ["'=1+1", "'-5%", '-5.2', -5.2, 'good']
    """
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


def as_written(cell: str) -> str:
    """Take the apostrophe away that `shown_as_text` put before a text.

    >>> as_written("'=1+1"), as_written("'quoted'")
    ('=1+1', "'quoted'")
    """
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell
