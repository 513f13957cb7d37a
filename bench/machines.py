"""Several machines on one: network namespaces, with a switch for each network that they are in.

All of it is in namespaces of its own, the switches as well, so two runs with the same addresses do
not meet. The thread that opens it is inside: it, what it starts, and its threads see the networks.
Only root can make it, on Linux, with `ip` of iproute2.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from bench.processes import stat

NAME = "adega-"  # with the process that made it: what is left of one that was killed is removed
NETWORKS = {"clients": 1, "database": 2, "objects": 3}  # by the third number of its addresses
SWITCH = 254  # the last number of the address that this process has in each network
PATIENCE = 20  # seconds in which killed processes end


def missing(*programs: str) -> str:
    """Return why no machines can be made here; empty if they can."""
    if sys.platform != "linux" or os.getuid() != 0:
        return "machines of network namespaces need root on Linux"
    for program in ("ip", "unshare", "setpriv", *programs):
        if not shutil.which(program):
            return f"{program} is not installed"
    probe = subprocess.run(
        ["unshare", "--net", "--uts", "true"], capture_output=True, text=True, check=False
    )
    return probe.stderr.strip()


class Machine:
    """A machine: its processes are in a namespace, and have an address in each network."""

    def __init__(self, namespace: str, core: str, number: int) -> None:
        self.namespace, self._core, self._number = namespace, core, number
        self.name = namespace.rpartition("-")[2]
        _ip("netns", "add", namespace)
        _ip("-n", namespace, "link", "set", "lo", "up")
        for network in NETWORKS:
            far = ("peer", "name", network, "netns", namespace)
            _ip("-n", core, "link", "add", self._port(network), "type", "veth", *far)
            _ip("-n", core, "link", "set", self._port(network), "master", network, "up")
            _ip("-n", namespace, "addr", "add", f"{self.address(network)}/24", "dev", network)
            _ip("-n", namespace, "link", "set", network, "up")

    def address(self, network: str) -> str:
        """Its address in a network."""
        return address(network, self._number)

    def run(
        self, command: Sequence[str], out: IO[bytes], environment: Mapping[str, str] = os.environ
    ) -> subprocess.Popen[bytes]:
        """Run a command on it; it is killed when this process ends."""
        named = ["unshare", "--uts", "sh", "-c", 'echo "$0" >/proc/sys/kernel/hostname; exec "$@"']
        inside = ["ip", "netns", "exec", self.namespace, "setpriv", "--pdeathsig", "KILL", *named]
        return subprocess.Popen(
            [*inside, self.name, *command], env=environment, stdout=out, stderr=out
        )

    def kill(self) -> None:
        """Kill all of its processes at once, as a crash would."""
        kill(self.namespace)

    def cut(self, network: str) -> None:
        """Cut it off from a network: what it sends is lost, and nobody tells it so."""
        _ip("-n", self._core, "link", "set", self._port(network), "down")

    def join(self, network: str) -> None:
        """Connect it again."""
        _ip("-n", self._core, "link", "set", self._port(network), "up")

    def _port(self, network: str) -> str:
        return f"{network}{self._number}"


class Machines:
    """Networks with a switch each, and the machines in them; `with` enters and removes them."""

    def __init__(self) -> None:
        self._core = f"{NAME}{os.getpid()}"
        self._made: list[Machine] = []

    def __enter__(self) -> Self:
        """Make the networks, and go inside."""
        sweep()
        self._outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _ip("netns", "add", self._core)
        _ip("-n", self._core, "link", "set", "lo", "up")
        for network in NETWORKS:
            _ip("-n", self._core, "link", "add", network, "type", "bridge")
            _ip("-n", self._core, "addr", "add", f"{address(network)}/24", "dev", network)
            _ip("-n", self._core, "link", "set", network, "up")
        with Path(f"/run/netns/{self._core}").open() as inside:
            _enter(inside.fileno())
        return self

    def add(self, name: str) -> Machine:
        """Add a machine with a name of a few letters."""
        made = Machine(f"{self._core}-{name}", self._core, len(self._made) + 1)
        self._made.append(made)
        return made

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Go outside, and remove all machines with their processes, and the networks."""
        _enter(self._outside)
        os.close(self._outside)
        for namespace in [*(each.namespace for each in self._made), self._core]:
            _remove(namespace)


def address(network: str, number: int = SWITCH) -> str:
    """Return the address of a machine in a network; of this process, if no machine is given."""
    return f"10.91.{NETWORKS[network]}.{number}"


def sweep() -> None:
    """Remove what is left of runs that were killed."""
    for line in _ip("netns", "list").splitlines():
        namespace = line.split()[0]
        owner = namespace.removeprefix(NAME).partition("-")[0]
        if namespace.startswith(NAME) and owner.isdigit() and not runs(int(owner)):
            with suppress(OSError):  # another run removes it, too
                _remove(namespace)


def runs(pid: int) -> bool:
    """Whether a process has not ended; one that has may stay listed until its parent looks."""
    with suppress(OSError):
        return stat(pid)[0] != "Z"
    return False


def kill(namespace: str) -> None:
    """Kill all processes in a namespace, and wait until none is left."""
    end = time.monotonic() + PATIENCE
    while (pids := _pids(namespace)) and time.monotonic() < end:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _pids(namespace: str) -> list[int]:
    """Return the processes in a namespace, without this one."""
    return [pid for pid in map(int, _ip("netns", "pids", namespace).split()) if pid != os.getpid()]


def _remove(namespace: str) -> None:
    kill(namespace)
    _ip("netns", "del", namespace)


def _enter(namespace: int) -> None:
    """Move this thread to a network namespace."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, 0):
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
