"""Which host a journal belongs to: an id that stays with its folder if the host is renamed."""

import os
from pathlib import Path

from serving.once import read_or_create

FILE = "host.json"
BYTES = 16


def host_id(folder: Path) -> str:
    """Return the id of the host whose journal is in a folder; make it if there is none.

    Raises
    ------
    OSError
    """
    made = f'"{os.urandom(BYTES).hex()}"'
    return read_or_create(folder / FILE, made.encode()).decode().strip('"')
