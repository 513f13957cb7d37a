"""Who uses the processors while a load runs: the server's processes, wrk, everything else."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench import processes

BUSY = 0.9  # of a core, from which on a process is held to be saturated
IDLE = 0.05  # of the machine, below which all its cores are held to be busy
LISTENS = "0A"


@dataclass(frozen=True)
class Usage:
    """Processor use over a span of time, in cores; `idle` is a share of the whole machine."""

    server: dict[str, float]
    wrk: float
    idle: float

    def verdict(self) -> str:
        """What was saturated, as far as processor use shows it."""
        cores = os.cpu_count() or 1
        server = sum(self.server.values())
        others = max(0.0, cores * (1 - self.idle) - server - self.wrk)
        shares = f"the server {server:.2f} cores, wrk {self.wrk:.2f}, all else {others:.2f}"
        busiest = max(self.server, key=self.server.__getitem__, default="")
        if busiest and self.server[busiest] >= BUSY:
            return f"{busiest} uses {self.server[busiest]:.2f} of its one core ({shares})"
        if self.wrk >= BUSY:
            return f"wrk itself uses {self.wrk:.2f} of its one core: the server might do more"
        if self.idle <= IDLE:
            return f"all {cores} cores are busy: {shares}"
        return (
            f"no processor: {self.idle:.0%} of them were idle ({shares}), so requests wait for "
            "something else, such as a free thread, a lock or the disk"
        )


@dataclass(frozen=True)
class Reading:
    """The counters at one moment; the difference of two is a `Usage`."""

    clock: float
    server: dict[str, float]
    wrk: float
    idle: float

    @classmethod
    def take(cls, root: int) -> "Reading":
        """Read them for a server's process tree; the only child this process has ended is wrk."""
        server = {}
        for pid in processes.tree(root):
            with suppress(OSError):
                name = (processes.PROC / str(pid) / "comm").read_text().strip()
                server[f"process {pid} ({name})"] = processes.cpu_seconds(pid)
        times = os.times()
        first_line = (processes.PROC / "stat").read_text().split("\n", 1)[0]
        idle = int(first_line.split()[4]) / processes.TICKS
        return cls(times.elapsed, server, times.children_user + times.children_system, idle)

    def until(self, end: "Reading") -> Usage:
        """The use from here to a later reading."""
        span = end.clock - self.clock
        server = {
            name: (seconds - self.server.get(name, 0.0)) / span
            for name, seconds in end.server.items()
        }
        idle = (end.idle - self.idle) / span / (os.cpu_count() or 1)
        return Usage(server, (end.wrk - self.wrk) / span, idle)


def listener(port: int) -> int | None:
    """The topmost process that listens on a port of this machine, when we may see it."""
    inodes = set(_listening(port))
    holders = set()
    for link in processes.PROC.glob("[0-9]*/fd/*"):
        with suppress(OSError):
            found = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
            if found and found[1] in inodes:
                holders.add(int(link.parts[2]))
    first = [pid for pid in holders if int(processes.stat(pid)[1]) not in holders]
    return min(first, default=None)


def _listening(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTENS and int(local.rpartition(":")[2], 16) == port:
                yield inode
