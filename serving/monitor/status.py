"""When the monitor looked last, and what kept it from it: for every process to read."""

from contextlib import suppress
from pathlib import Path

import msgspec

from serving import ids

STATUS = "monitor.json"


class Status(msgspec.Struct, frozen=True):
    """The monitor's last look.

    Attributes
    ----------
    time : int
        Milliseconds since 1970, UTC.
    reason : str
        Why it could not be made; empty where it was.
    """

    time: int
    reason: str = ""


def status(folder: Path) -> Status | None:
    """The last look of the monitor that has its lock in this folder, if there ever was one."""
    try:
        return msgspec.json.decode((folder / STATUS).read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return None


def tell(folder: Path, reason: str = "") -> None:
    """Write it down that a look was made, or was to be; where that cannot be, it is left."""
    aside = folder / f".{STATUS}"
    with suppress(OSError):
        aside.write_bytes(msgspec.json.encode(Status(ids.now(), reason)))
        aside.replace(folder / STATUS)
