"""What can go wrong while serving, in terms that know no HTTP."""

from typing import Any

import msgspec

LISTED_FAULTS = 100


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with one record.

    Attributes
    ----------
    record : int
        Position of the record in what was sent, from 0.
    line : int
        Where it begins in a text, from 1; unset where lines mean nothing.
    field : str
        The field at fault; unset when the record as a whole is.
    message : str
        What is wrong and what would be right.
    value
        The offending value, shortened if long; unset when there is none to show.
    """

    record: int
    line: int | msgspec.UnsetType = msgspec.UNSET
    field: str | msgspec.UnsetType = msgspec.UNSET
    message: str
    value: Any = msgspec.UNSET


class ServingError(Exception):
    """Base of every error that a caller of the service may see.

    Parameters
    ----------
    message : str
        For the log and the command line.
    public : str
        The same for whoever may ask over HTTP, where the message says more than concerns them: a
        user, a host, a path, what a driver said.
    """

    def __init__(self, message: str, *, public: str = "") -> None:
        super().__init__(message)
        self.public = public or message


class SettingsError(ServingError):
    """A setting has a value that cannot be used."""


class ArtefactError(ServingError):
    """A version's folder is incomplete, altered or made for other libraries."""


class StoreError(ServingError):
    """The database cannot be used: it is down, locked, full, read-only or made by newer code."""


class UnknownModel(ServingError):
    """No model of that name is served."""


class UnknownVersion(ServingError):
    """No such version of a model is there, or it is retired."""


class VersionRefused(ServingError):
    """A version may not be put live, or not by this decision.

    Attributes
    ----------
    objections : tuple of str
        Every reason there is.
    """

    def __init__(self, message: str, objections: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.objections = objections


class JournalError(ServingError):
    """The journal cannot be written, and what was to be recorded must be."""


class MonitorRuns(ServingError):
    """Another process monitors already."""


class NotRecorded(ServingError):
    """The service is set to keep no record."""


class UnknownPrediction(ServingError):
    """No prediction of that id was recorded."""


class NotJSON(ServingError):
    """The body is not JSON."""


class NotATable(ServingError):
    """The text is not CSV, or its first line names no fields."""


class NoRoom(ServingError):
    """The disk has no room for what was sent."""


class TooManyRecords(ServingError):
    """More records were sent at once than one request may hold."""


class InvalidRecords(ServingError):
    """What can be read and is not a valid record, or not valid records.

    Parameters
    ----------
    faults : list of Fault
    count : int, optional
        How many there are, where these are only the first.

    Attributes
    ----------
    faults : list of Fault
        The first `LISTED_FAULTS` faults, in the order of the records.
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
    """What the system says of a failure, without the path that it was met at."""
    return error.strerror or str(error)
