"""The state of the collector, in a file that every process can read."""

from pathlib import Path
from typing import Self

import msgspec

FILE = "collector.json"


class Status(msgspec.Struct, frozen=True):
    """The state of the collector after its last run, for every process to read.

    Attributes
    ----------
    time : int
        Milliseconds since 1970, UTC.
    waiting : int
        Bytes of the journal that are not in the store.
    torn : int
        Lines that were cut off while they were written, since the store was created.
    reason : str
        Why the journal could not be moved; empty if it was.
    public : str
        The same without anything that only concerns the operator.
    erasures : int
        Requests to erase of any host that are not done.
    entries : int
        Lines of the journal that are not in the store.
    collected : int
        All that was recorded until then is in the store: milliseconds since 1970, UTC.
    """

    time: int
    waiting: int
    torn: int
    reason: str
    public: str = ""
    erasures: int = 0
    entries: int = 0
    collected: int = 0

    def behind(self, now: int) -> int:
        """Return for how many milliseconds something waits; 0 if nothing does."""
        return max(0, now - self.collected) if self.entries else 0

    def write(self, folder: Path) -> None:
        """Replace the file in the folder of a journal.

        Raises
        ------
        OSError
        """
        temporary = folder / f".{FILE}"
        temporary.write_bytes(msgspec.json.encode(self))
        temporary.replace(folder / FILE)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the status of a journal's collector; None if there is none or it is damaged."""
        try:
            return msgspec.json.decode((folder / FILE).read_bytes(), type=cls)
        except (OSError, ValueError):  # after a power failure; the next run writes another
            return None
