"""A process and all its descendants, read from Linux's /proc: processor time, memory, the end."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
GRACE = 15.0  # seconds to stop in, before being killed
AT_REST = 0.1  # of a core
SPAN = 0.5  # seconds over which that is measured


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: state, parent, group, session and so on."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """The process, its descendants and what else is in its session."""
    parents, members = {}, {root}
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # it ended meanwhile
                _, parent, _, session, *_ = stat(int(entry.name))
                parents[int(entry.name)] = int(parent)
                if int(session) == root:
                    members.add(int(entry.name))
    while more := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= more
    return sorted(members)


def cpu_seconds(pid: int) -> float:
    """User and system time a process has used, all threads together; 0 when it has ended."""
    try:
        fields = stat(pid)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def tree_cpu_seconds(root: int) -> float:
    """Processor time of a process and its descendants."""
    return sum(cpu_seconds(pid) for pid in tree(root))


def rest(root: int, patience: float) -> None:
    """Wait until a process and its descendants have little left to do."""
    deadline = time.monotonic() + patience
    used = tree_cpu_seconds(root)
    while time.monotonic() < deadline:
        time.sleep(SPAN)
        before, used = used, tree_cpu_seconds(root)
        if abs(used - before) <= AT_REST * SPAN:  # less than before, where one of them has ended
            return


def tree_pss_mb(root: int) -> float:
    """Memory of a process and its descendants in MB; what several share is counted once."""
    total = 0
    for pid in tree(root):
        with suppress(OSError):
            for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total * 1024 / 1e6


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process started with a session of its own, and whatever it started."""
    members = tree(process.pid)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    deadline = time.monotonic() + 1
    while (left := [pid for pid in members if _alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _alive(pid: int) -> bool:
    try:
        return stat(pid)[0] != "Z"
    except OSError:
        return False
