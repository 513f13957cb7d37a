"""The errors of the service, without HTTP."""

from typing import Any

import msgspec

LISTED_FAULTS = 100


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An error in a record.

    Attributes
    ----------
    record : int
        Position of the record in the request, from 0.
    line : int
        The line on which it begins, from 1; unset for formats without lines.
    field : str
        The invalid field; unset if the whole record is invalid.
    message : str
        What is wrong and what to send instead.
    value
        The invalid value, shortened if long; unset if there is none.
    """

    record: int
    line: int | msgspec.UnsetType = msgspec.UNSET
    field: str | msgspec.UnsetType = msgspec.UNSET
    message: str
    value: Any = msgspec.UNSET


class ServingError(Exception):
    """Base of all errors that a caller of the service may get.

    Parameters
    ----------
    message : str
        For the log and the command line.
    public : str
        The same for HTTP clients, if the message contains what does not concern them: a user, a
        host, a path, the message of a driver.
    """

    def __init__(self, message: str, *, public: str = "") -> None:
        super().__init__(message)
        self.public = str(public or message)  # a Sentence is no text that JSON takes


class SettingsError(ServingError):
    """A setting has a value that cannot be used."""


class Refused(ServingError):
    """A request is refused for its key.

    Attributes
    ----------
    reason : str
        The label of the metric that counts it.
    """

    reason = ""


class NoKey(Refused):
    """A request needs a key, and has none."""

    reason = "no key"


class WrongKey(Refused):
    """A request has a key that is unknown, or no longer valid."""

    reason = "wrong key"


class NotAllowed(Refused):
    """A key lacks the scope that a request needs, or has it for other models."""

    reason = "scope"


class TooManyRequests(Refused):
    """A key or an address has sent too many requests, or too many wrong keys.

    Parameters
    ----------
    seconds : float
        After which the next one is accepted.
    """

    reason = "too many"

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class ArtefactError(ServingError):
    """A version's folder is incomplete, altered or was made with other libraries."""


class StoreError(ServingError):
    """The database cannot be used: it is down, locked, full, read-only or made by newer code."""


class EmptyStore(StoreError):
    """The database has no tables yet: the collector has not begun, and all is in the journal."""


class ObjectStoreError(ServingError):
    """The object store of the models cannot be used, or what is in it cannot."""


class ArchiveError(ServingError):
    """A file of the archive is missing or damaged, or cannot be read or written."""


class UnknownModel(ServingError):
    """No model with this name is served."""


class RetiredModel(UnknownModel, ArtefactError):
    """No version of a model is served, until one is put live again."""


class UnknownVersion(ServingError):
    """A version of a model does not exist, or is retired."""


class VersionRefused(ServingError):
    """A decision on a version is not allowed.

    Attributes
    ----------
    objections : tuple of str
        All reasons.
    can_be_forced : bool
        Whether `force` overrules them.
    """

    def __init__(
        self, message: str, objections: tuple[str, ...] = (), *, can_be_forced: bool = False
    ) -> None:
        super().__init__(message)
        self.objections, self.can_be_forced = objections, can_be_forced


class UnknownTraining(ServingError):
    """No training has this id."""


class InvalidTraining(ServingError):
    """A training is requested with something that is not there, or not valid."""


class TrainingRefused(ServingError):
    """A training cannot be done, or not as it is now."""


class JournalError(ServingError):
    """The journal cannot be written, and what was to be recorded has to be."""


class MonitorRuns(ServingError):
    """Another monitor runs already."""


class NotRecorded(ServingError):
    """The service does not record anything."""


class UnknownPrediction(ServingError):
    """No prediction with this id was recorded."""


class InvalidSubject(ServingError):
    """The key of a person could not be found again as it is."""


class NotJSON(ServingError):
    """The body is not JSON."""


class NotATable(ServingError):
    """The text is not CSV, or its first line does not contain the names of fields."""


class NotFound(ServingError):
    """No files have the address that is given, or none can be read at such an address."""


class RunRefused(ServingError):
    """A folder has the parts of another run, or a run cannot go on."""


class NoRoom(ServingError):
    """The disk has no room for what is sent, or nothing can be written to it."""


class TooManyRecords(ServingError):
    """A request contains more records than allowed."""


class UnknownLabel(ServingError):
    """Reasons are requested for a label that the model does not predict."""


class InvalidRecords(ServingError):
    """The input can be read, but records are invalid.

    Parameters
    ----------
    faults : list of Fault
    count : int, optional
        How many faults there are, if these are only the first.

    Attributes
    ----------
    faults : list of Fault
        The first `LISTED_FAULTS`, in the order of the records.
    count : int
        How many faults there are in all.
    """

    def __init__(self, faults: list[Fault], count: int = 0) -> None:
        self.count = count or len(faults)
        self.faults = faults[:LISTED_FAULTS]
        listed = f"; the first {LISTED_FAULTS} are listed" if self.count > LISTED_FAULTS else ""
        noun = "fault" if self.count == 1 else "faults"
        super().__init__(f"{self.count} {noun} in the input{listed}")


def without_path(error: OSError) -> str:
    """Return the system's message of a failure, without the path."""
    return error.strerror or str(error)
