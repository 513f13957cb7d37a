"""The object store of `MODELS_URL`, as the service, the commands and trainings use it.

What is done with it is done in a process that ends afterwards: its library runs threads, which a
process that is forked later must not have, and no worker has to keep its memory.
"""

import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self, TypeVar

import msgspec

from serving.errors import ObjectStoreError
from serving.settings import ROOT, Settings
from serving.versions.decision import Decision

log = logging.getLogger(__name__)

MAX_SECONDS = 900  # for all that is to be copied or uploaded
STATUS = ".status.json"
MAX_UNFOLLOWED = 60_000  # milliseconds without a status: the process that writes it may be copying


class Pull(msgspec.Struct, tag=True):
    """Copy what is new; `served`: of the versions only those that are live or on trial."""

    model: str = ""
    served: bool = False


class Fetch(msgspec.Struct, tag=True):
    """Copy one version, whatever is decided on it."""

    model: str
    version: int


class Decide(msgspec.Struct, tag=True):
    """Record a decision under a number that no other has."""

    model: str
    number: int
    decision: Decision


class Upload(msgspec.Struct, tag=True):
    """Create the files of a version."""

    model: str
    version: int
    files: Mapping[str, bytes]


class Sign(msgspec.Struct, tag=True):
    """Replace the signature of a version."""

    model: str
    version: int
    signature: bytes


class Request(msgspec.Struct):
    """What is to be done, and where."""

    url: str
    models_dir: str
    task: Pull | Fetch | Decide | Upload | Sign


class Pulled(msgspec.Struct, tag=True):
    """What the object store has, by model.

    Attributes
    ----------
    decisions, versions : dict of str to int
        The highest number that is taken.
    behind : dict of str to str
        What could not be copied, and why.
    unread : dict of str to str
        Why a decision could not be read.
    """

    decisions: dict[str, int]
    versions: dict[str, int]
    behind: dict[str, str]
    unread: dict[str, str]


class Made(msgspec.Struct, tag=True):
    """Whether it was done; `other` is what somebody else did under the same number, if known."""

    done: bool
    other: Decision | None = None


class Failed(msgspec.Struct, tag=True):
    """Why it failed."""

    message: str
    public: str


class Status(msgspec.Struct):
    """How a host follows the object store, in a file that every process can read.

    Attributes
    ----------
    time : int
        Of the last attempt: milliseconds since 1970, UTC.
    reached : int
        When the object store could be reached; likewise.
    reason : str
        Why the last attempt failed; empty if it did not.
    public : str
        The same without anything that only concerns the operator.
    behind : dict of str to str
        By model: what could not be copied, and why.
    """

    time: int
    reached: int = 0
    reason: str = ""
    public: str = ""
    behind: dict[str, str] = {}

    @classmethod
    def read(cls, models_dir: Path) -> Self | None:
        """Read the status of a copy; None if there is none, or it is damaged."""
        try:
            return msgspec.json.decode((models_dir / STATUS).read_bytes(), type=cls)
        except (OSError, ValueError):
            return None


def state_of(status: Status | None, now: int) -> Literal["followed", "failing", "not followed"]:
    """How a host follows the object store, by its last status."""
    if status is None or now - status.time > MAX_UNFOLLOWED:
        return "not followed"
    return "failing" if status.reason else "followed"


Answer = TypeVar("Answer", Pulled, Made)


class ObjectStore:
    """The object store at a URL, and the folder of this host's copy.

    Every method raises ObjectStoreError if the object store cannot be used.
    """

    def __init__(self, url: str, models_dir: Path) -> None:
        self.url, self.models_dir = url, models_dir

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """Return the object store of the service, if it has one."""
        return cls(settings.models_url, settings.models_dir) if settings.models_url else None

    def pull(self, model: str = "", *, served: bool = False) -> Pulled:
        """Copy what is new, of one model or of all."""
        return self._ask(Pull(model, served), Pulled)

    def catch_up(self, *, served: bool = False) -> None:
        """Copy what is new, or log why that failed: what was copied before is used then."""
        try:
            self.pull(served=served)
        except ObjectStoreError as error:
            log.warning("%s; what is in %s is used", error, self.models_dir)

    def fetch(self, model: str, version: int) -> None:
        """Copy one version, unless it is here as it was uploaded."""
        self._ask(Fetch(model, version), Made)

    def decide(self, number: int, decision: Decision) -> Made:
        """Record a decision under a number, unless another has it; and copy what follows."""
        return self._ask(Decide(decision.model, number, decision), Made)

    def upload(self, model: str, version: int, files: Mapping[str, bytes]) -> bool:
        """Upload a version, and return whether its number was free."""
        return self._ask(Upload(model, version, files), Made).done

    def sign(self, model: str, version: int, signature: bytes) -> None:
        """Upload the signature of a version that is there."""
        self._ask(Sign(model, version, signature), Made)

    def _ask(self, task: Pull | Fetch | Decide | Upload | Sign, kind: type[Answer]) -> Answer:
        request = msgspec.msgpack.encode(Request(self.url, str(self.models_dir), task))
        try:
            done = subprocess.run(
                [sys.executable, "-m", "serving.versions.object_store_process"],
                input=request,
                stdout=subprocess.PIPE,
                cwd=ROOT,
                timeout=MAX_SECONDS,
                check=True,
            )
            found: Answer | Failed = msgspec.msgpack.decode(done.stdout, type=kind | Failed)
        except (subprocess.SubprocessError, msgspec.DecodeError) as error:
            message = f"the process that uses the object store failed: {error}"
            raise ObjectStoreError(message, public="the object store cannot be used") from error
        if isinstance(found, Failed):
            raise ObjectStoreError(found.message, public=found.public)
        return found
