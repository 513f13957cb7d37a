"""What the process of the archive is asked for, and what it answers: lines of JSON."""

from typing import Any

import msgspec

from serving import clock
from serving.recording.erasure import Request as Erasure
from serving.recording.store.layouts import Layout
from serving.recording.store.rows import Feedback, Prediction
from serving.recording.store.subjects import Recorded, TrialPrediction
from serving.settings import Settings


class Run(msgspec.Struct, frozen=True, tag=True):
    """Move what is old, and keep the files as they should be.

    Attributes
    ----------
    before, since : int
        Move what was predicted before the one, delete what was predicted before the other:
        milliseconds since 1970, UTC.
    """

    before: int
    since: int = 0
    model: str | None = None

    @classmethod
    def of(
        cls, settings: Settings, now: int, days: int | None = None, model: str | None = None
    ) -> "Run":
        """Describe a run by the settings; `days` instead of `ARCHIVE_AFTER`."""
        days = settings.archive_after if days is None else days
        kept = settings.retention_days
        since = now - kept * clock.DAY if kept else 0
        return cls(clock.day_of(now) - days * clock.DAY, since, model)


class Erase(msgspec.Struct, frozen=True, tag=True):
    """Erase what requests name."""

    requests: list[Erasure]


class Find(msgspec.Struct, frozen=True, tag=True):
    """Find what is recorded under the keys of a person."""

    keys: list[str]


class Request(msgspec.Struct, frozen=True):
    """What is to be done, and where."""

    task: Run | Erase | Find
    store_url: str
    archive_url: str
    folder: str


class Done(msgspec.Struct, tag=True):
    """It is done; the last line.

    Attributes
    ----------
    moved : dict of str to int
        How many predictions of each model were moved.
    files, bytes : int
        How many files that made, and of what size.
    with_feedback, joined, deleted : int
        How many files were written anew since feedback came, written in place of small ones, and
        deleted for their age.
    """

    moved: dict[str, int] = {}
    files: int = 0
    bytes: int = 0
    with_feedback: int = 0
    joined: int = 0
    deleted: int = 0


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Why it failed; the last line."""

    message: str
    public: str


class Found(msgspec.Struct, frozen=True, tag=True):
    """Some of what is recorded about a person: rows of the store, see `StoredRows`.

    Attributes
    ----------
    layouts : dict of int to (str, str)
        The fields and classes of the predictions, by the number that ends them.
    """

    model: str
    predictions: list[list[Any]]
    feedback: list[list[Any]]
    trials: list[list[Any]]
    layouts: dict[int, tuple[str, str]]

    def recorded(self) -> Recorded:
        """Return the same as the store does."""
        return Recorded(
            [
                Prediction.of(
                    [*row[:2], self.model, *row[2:-1]], None, Layout(*self.layouts[row[-1]])
                )
                for row in self.predictions
            ],
            [Feedback.of(row[: len(Feedback.__struct_fields__)]) for row in self.feedback],
            [TrialPrediction.of(row) for row in self.trials],
        )
