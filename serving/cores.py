"""How many processors there are for a process: fewer than the machine has, in a container."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def cores(root: Path = Path("/")) -> int:
    """Count the processors that this process may use, by its affinity and the quota of its cgroups.

    Parts of a processor count as one.

    Parameters
    ----------
    root : Path
        Where /proc and /sys are.
    """
    usable = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        usable = len(os.sched_getaffinity(0))
    return max(1, min([usable, *map(math.ceil, _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Yield how many processors the cgroup of this process, and each above it, may use."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            mounted = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
            names = [each for each in path.split("/") if each]
            for depth in range(len(names) + 1):  # in a container the last may be the first
                with suppress(OSError, ValueError):  # none, or no quota: -1, or max
                    quota, period = _limit(mounted.joinpath(*names[:depth]), controllers)
                    if quota > 0:
                        yield quota / period


def _limit(group: Path, controllers: str) -> tuple[int, int]:
    """Read the microseconds of processors that a cgroup may use in each period."""
    files = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
    numbers = [(group / file).read_text(encoding="ascii") for file in files]
    quota, period = " ".join(numbers).split()
    return int(quota), int(period)
