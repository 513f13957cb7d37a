"""Which versions the workers of a host serve: each keeps a file, and the collector reads them.

A file is locked while its worker lives, so one that was killed counts no more.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from serving import __version__, clock
from serving.recording.store.hosts import Report
from serving.settings import Settings
from serving.versions import object_store
from serving.versions.registry import Registry

ATTEMPTS = 3  # at reading a file that is just being written


class Served(msgspec.Struct):
    """The versions of a model that workers serve; for a moment, two may be live.

    Attributes
    ----------
    loaded : list of int
        Those in the memory of a worker.
    """

    live: list[int] = []
    trial: list[int] = []
    loaded: list[int] = []


class Followed(msgspec.Struct):
    """How a host follows the object store.

    Attributes
    ----------
    stale : int
        For how many milliseconds it could not be reached; -1 if it never could.
    """

    state: Literal["followed", "failing", "not followed"]
    stale: int


class HostState(msgspec.Struct):
    """What a host reports of itself.

    Attributes
    ----------
    workers : int
        How many of its workers serve.
    """

    release: str
    workers: int
    models: dict[str, Served]
    object_store: Followed | None = None


class ServedFile:
    """The file of one worker, which is there as long as the worker is."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._folder, self._registry = settings.served_dir, registry
        self._file: BinaryIO | None = None
        self._written = b""

    def write(self) -> None:
        """Write what the worker serves, if that has changed; if it cannot, it is not reported."""
        content = msgspec.json.encode(_served(self._registry)) + b"\n"
        with suppress(OSError):
            if content != self._written:
                self._file = self._file or _created(self._folder)
                os.pwrite(self._file.fileno(), content, 0)  # readers skip what is left behind it
                self._written = content

    def close(self) -> None:
        """Let the worker count no more, as its end does."""
        if self._file:
            self._file.close()


def describe(settings: Settings) -> bytes:
    """Return the `HostState` of this host, as JSON."""
    workers = _workers(settings.served_dir)
    models: dict[str, Served] = {}
    for worker in workers:
        for name, served in worker.items():
            all_ = models.setdefault(name, Served())
            all_.live = sorted({*all_.live, *served.live})
            all_.trial = sorted({*all_.trial, *served.trial})
            all_.loaded = sorted({*all_.loaded, *served.loaded})
    followed = _followed(settings) if settings.models_url else None
    return msgspec.json.encode(HostState(__version__, len(workers), models, followed))


def reported_state(report: Report) -> HostState:
    """Read what a host reports, which may run another release: what is unknown here is left out."""
    try:
        return msgspec.json.decode(report.state, type=HostState)
    except msgspec.DecodeError:
        return HostState("", 0, {})


def _served(registry: Registry) -> dict[str, Served]:
    models = {name: Served([version]) for name, version in registry.live.items()}
    for name, version in registry.trials.items():
        models.setdefault(name, Served()).trial = [version]
    for name, version in registry.loaded:
        models.setdefault(name, Served()).loaded.append(version)
    return models


def _followed(settings: Settings) -> Followed:
    now = clock.now()
    status = object_store.Status.read(settings.models_dir)
    reached = status.reached if status else 0
    return Followed(object_store.state_of(status, now), now - reached if reached else -1)


def _created(folder: Path) -> BinaryIO:
    """Create a file and lock it."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:  # the collector may remove it before it is locked
        file = (folder / f"{os.getpid()}.{clock.now()}.json").open("wb", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()


def _workers(folder: Path) -> list[dict[str, Served]]:
    """What each worker that lives serves; files of others are removed."""
    found = []
    with suppress(OSError):  # as before any worker has started
        for path in folder.iterdir():
            with suppress(OSError), path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    found += _read(file)
                else:
                    path.unlink()
    return found


def _read(file: BinaryIO) -> list[dict[str, Served]]:
    for _ in range(ATTEMPTS):
        with suppress(msgspec.DecodeError):
            file.seek(0)
            return [msgspec.json.decode(file.readline(), type=dict[str, Served])]
    return []
