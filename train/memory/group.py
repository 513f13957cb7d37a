"""How much memory the processes of a group have."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
KIBIBYTE = 1024


def of_group(group: int) -> int:
    """Return the resident bytes of a group of processes, shared ones counted for each."""
    if not (PROC / "self/stat").exists():
        listed = subprocess.run(
            ["ps", "-A", "-o", "pgid=,rss="],  # noqa: S607 - of the system
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        pairs = zip(listed[::2], listed[1::2], strict=False)
        return sum(int(rss) * KIBIBYTE for pgid, rss in pairs if int(pgid) == group)
    pages = 0
    for process in PROC.iterdir():
        if process.name.isdecimal():
            with suppress(OSError, IndexError, ValueError):  # it ends just now
                stat = (process / "stat").read_text(encoding="utf-8", errors="replace")
                _, _, fields = stat.rpartition(") ")
                if int(fields.split()[2]) == group:
                    pages += int((process / "statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
