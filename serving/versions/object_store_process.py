"""The process that uses the object store: once, for the request on its standard input, or for ever.

With the arguments URL and FOLDER it keeps the folder up to date until its standard input is closed,
which the end of the process that started it does. It prints what there is to log: lines of a level
and a message.
"""

import logging
import os
import select
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from serving import clock
from serving.errors import ObjectStoreError, without_path
from serving.models import model_folder
from serving.models.model_folder import MANIFEST
from serving.models.signatures import SIGNATURE
from serving.places.objects import Missing, Objects
from serving.versions.decision import Decision
from serving.versions.listing import decision_name
from serving.versions.mirror import Mirror
from serving.versions.object_store import (
    STATUS,
    Decide,
    Failed,
    Fetch,
    Made,
    Pull,
    Pulled,
    Request,
    Sign,
    Status,
    Upload,
)

PAUSE = 1.5  # seconds between two listings
NICENESS = 5


def carry_out(request: Request) -> Pulled | Made | Failed:
    """Do what is requested; a failure is returned, not raised."""
    models_dir, task = Path(request.models_dir), request.task
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        objects = Objects(request.url, uploading=isinstance(task, Upload))
        match task:
            case Pull():
                return _pull(Mirror(objects, models_dir), task)
            case Fetch():
                Mirror(objects, models_dir).fetch(task.model, task.version)
                made = Made(done=True)
            case Decide():
                made = _decide(objects, task)
                with suppress(ObjectStoreError, OSError):  # it is recorded, and followed later
                    Mirror(objects, models_dir).pull(task.model)
            case Upload():
                made = Made(_upload(objects, task))
            case Sign():
                objects.replace(f"{task.model}/{task.version}/{SIGNATURE}", task.signature)
                made = Made(done=True)
    except ObjectStoreError as error:
        failed = Failed(str(error), error.public)
    except OSError as error:
        failed = Failed(f"{models_dir} cannot be written: {error}", without_path(error))
    else:
        return made
    if isinstance(task, Pull) and not task.model:
        with suppress(OSError):
            _write_status(models_dir, failed)
    return failed


def _pull(mirror: Mirror, task: Pull) -> Pulled:
    models, behind = mirror.pull(task.model, served=task.served)
    if not task.model:
        _write_status(mirror.models_dir, behind)
    return Pulled(
        {name: max(model.decisions, default=0) for name, model in models.items()},
        {name: max(model.versions, default=0) for name, model in models.items()},
        behind,
        mirror.unread,
    )


def _decide(objects: Objects, task: Decide) -> Made:
    """Write the decision, unless somebody else has written one with this number."""
    name = decision_name(task.model, task.number)
    if objects.create(name, msgspec.json.encode(task.decision)):
        return Made(done=True)
    try:
        other = msgspec.json.decode(objects.read(name), type=Decision)
    except (Missing, ValueError):  # deleted since, or no decision
        other = None
    return Made(done=False, other=other)


def _upload(objects: Objects, task: Upload) -> bool:
    """Create each file, the manifest last; one of somebody else's means the number is taken."""
    files = sorted(task.files, key=lambda file: (file == MANIFEST, file == SIGNATURE, file))
    return all(
        objects.create(f"{task.model}/{task.version}/{file}", task.files[file]) for file in files
    )


def _write_status(models_dir: Path, found: Failed | dict[str, str]) -> None:
    now = clock.now()
    if isinstance(found, dict):
        status = Status(now, now, behind=found)
    else:
        before = Status.read(models_dir) or Status(now)
        status = Status(now, before.reached, found.message, found.public, before.behind)
    model_folder.replace_file(models_dir / STATUS, msgspec.json.encode(status).decode())


class Follower:
    """Copies what is new, again and again, on the same connections."""

    def __init__(self, url: str, models_dir: Path) -> None:
        self._url, self._models_dir = url, models_dir
        self._mirror: Mirror | None = None
        self._reported: dict[str, str] = {}

    @property
    def is_reached(self) -> bool:
        """Whether the last look reached the object store."""
        return "" not in self._reported

    def look(self, *, served: bool = False) -> Iterator[tuple[int, str]]:
        """Copy what is new; yield what changed, with its level of logging.

        Parameters
        ----------
        served : bool
            Whether only the versions that are live or on trial are copied.
        """
        try:
            self._models_dir.mkdir(parents=True, exist_ok=True)
            self._mirror = self._mirror or Mirror(Objects(self._url), self._models_dir)
            reasons = _pull(self._mirror, Pull(served=served)).behind
        except ObjectStoreError as error:
            reasons = {"": str(error)}
            with suppress(OSError):
                _write_status(self._models_dir, Failed(str(error), error.public))
        except OSError as error:
            reasons = {"": f"the copy cannot be written: {error}"}
        before, self._reported = self._reported, reasons
        for name, reason in reasons.items():
            if before.get(name) != reason:
                yield logging.ERROR, f"{name}: {reason}" if name else reason
        for name in before.keys() - reasons.keys():
            yield logging.WARNING, f"{name or 'the object store'}: followed again"


def follow(url: str, models_dir: Path) -> None:
    """Copy what is new, every `PAUSE` seconds; print what changes."""
    os.nice(NICENESS)
    follower = Follower(url, models_dir)
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        for level, message in follower.look():
            sys.stdout.write(f"{level} {message}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:]:
        follow(sys.argv[1], Path(sys.argv[2]))
    else:
        request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Request)
        sys.stdout.buffer.write(msgspec.msgpack.encode(carry_out(request)))
