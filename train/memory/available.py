"""How much memory there is for this process: less than the machine has, in a container."""

import os
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from serving.sentence import Sentence

KIBIBYTE, PAGE = 1024, os.sysconf("SC_PAGE_SIZE")

# The bytes that this process may have at most; None for no limit but the machine's.
limit: ContextVar[int | None] = ContextVar("limit", default=None)
V2, V1 = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")


class Available(NamedTuple):
    """How many bytes there are, and what limits them: the machine, or its container."""

    octets: int
    of: str


def available(root: Path = Path("/")) -> Available | None:
    """The memory that this process can have besides what it has; None where nothing tells.

    Parameters
    ----------
    root : Path
        Where /proc and /sys are.
    """
    found = [Available(each, Sentence("this container")) for each in _of_cgroups(root)]
    if allowed := limit.get():
        pages = (root / "proc/self/statm").read_text(encoding="ascii").split()[1]
        found.append(
            Available(max(0, allowed - int(pages) * PAGE), Sentence("a training (TRAINING_MAX_MB)"))
        )
    with suppress(OSError, ValueError, KeyError):
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
        numbers = {line.split()[0]: int(line.split()[1]) for line in lines}
        found.append(Available(numbers["MemAvailable:"] * KIBIBYTE, Sentence("this machine")))
    return min(found, default=None)


def _of_cgroups(root: Path) -> Iterator[int]:
    """Yield what the cgroup of this process, and each above it, has left."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            mounted = root / "sys/fs/cgroup" / ("memory" if controllers else "")
            names = [each for each in path.split("/") if each]
            for depth in range(len(names) + 1):  # in a container the last may be the first
                with suppress(OSError, ValueError):  # none, or no limit: max
                    yield _left(mounted.joinpath(*names[:depth]), V1 if controllers else V2)


def _left(group: Path, files: tuple[str, str]) -> int:
    limit, used = (int((group / file).read_text(encoding="ascii")) for file in files)
    cached = 0  # of files, which the kernel gives back
    for line in (group / "memory.stat").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(" ")
        if name in {"inactive_file", "total_inactive_file"}:
            cached = max(cached, int(value))
    return max(0, limit - used + cached)
