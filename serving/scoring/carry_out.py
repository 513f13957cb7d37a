"""Carry out a run: look at all files, predict the parts that are not there, and count all."""

from collections.abc import Iterator, Sequence
from typing import Protocol, Self

import msgspec

from serving.errors import RunRefused
from serving.inputs.shown import shown
from serving.places.places import Place
from serving.scoring.parts import plan
from serving.scoring.run import SUCCESS, Run, Source
from serving.scoring.tasks import MAX_FAULTS, Count, Counted, Plan, Planned, Predict, Progress, Task


class Workers(Protocol):
    """Who carries out the tasks of a run, within a block: `Crew`, or the executors of Spark."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """Let all end."""

    def carry_out(
        self, tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Planned | Counted | Progress]]:
        """Have tasks done, and yield what is reported of each, by its position; see `Crew`."""


class Watcher(Protocol):
    """Shows how far a run is."""

    def begin(self, records: int) -> None:
        """Show that so many records are to be predicted now."""

    def update(self, records: int) -> None:
        """Show that so many of them are predicted."""


class Outcome(msgspec.Struct):
    """What a run has done.

    Attributes
    ----------
    unused : list of str
        The columns that are not fields of the model.
    parts, found : int
        How many parts there are, and how many were there before.
    records, predicted : int
        How many records there are, and how many were predicted now.
    invalid : int
        Records that have an error instead of a prediction.
    first_invalid : list of str
        Where some of those are that were predicted now, and why.
    """

    unused: list[str]
    parts: int
    found: int
    records: int = 0
    predicted: int = 0
    invalid: int = 0
    with_warnings: int = 0
    first_invalid: list[str] = []

    def add(self, counted: Counted) -> None:
        """Add what a part has."""
        self.records += counted.records
        self.invalid += counted.invalid
        self.with_warnings += counted.with_warnings
        self.first_invalid += counted.faults[: MAX_FAULTS - len(self.first_invalid)]


def carry_out(
    run: Run, output: Place, *, there: set[str], crew: Workers, watcher: Watcher
) -> Outcome:
    """Predict the parts of a run that are not there yet.

    Parameters
    ----------
    output
        The folder of the parts.
    there : set of str
        The names of parts that are there.
    crew : Workers
        Who predicts them.

    Raises
    ------
    RunRefused
        If a file cannot be predicted, or a process is killed. What is there by then is kept.
    ObjectStoreError, OSError
    """
    with crew:
        planned = _plan(crew, run.sources)
        parts = plan(run.sources, [each.groups for each in planned])
        found = [part for part in parts if part.name in there]
        left = [part for part in parts if part.name not in there]
        outcome = Outcome(planned[0].unused, len(parts), len(found))
        for _, counted in crew.carry_out([*map(Count, found)]):
            if isinstance(counted, Counted):
                outcome.add(counted)
        watcher.begin(sum(part.rows for part in left))
        done = [0] * len(left)
        for place, event in crew.carry_out([Predict(part, [*planned[0].kept]) for part in left]):
            if isinstance(event, Planned):
                continue
            outcome.predicted += event.records - done[place]
            done[place] = event.records
            watcher.update(outcome.predicted)
            if isinstance(event, Counted):
                outcome.add(event)
    with output.writing(SUCCESS):
        pass  # an empty file, as of Hadoop
    return outcome


def _plan(crew: Workers, sources: Sequence[Source]) -> list[Planned]:
    """Look at all files, and check that what is kept of them is the same columns."""
    reports = crew.carry_out([*map(Plan, sources)])
    found = {place: each for place, each in reports if isinstance(each, Planned)}
    planned = [found[place] for place in range(len(sources))]
    first = planned[0].kept
    for source, other in zip(sources, planned, strict=True):
        apart = sorted(
            name for name in first | other.kept if first.get(name) != other.kept.get(name)
        )
        if apart:
            name = apart[0]
            raise RunRefused(
                f"{source.address}: the column {shown(name)} is {_kind(other, name)}, in "
                f"{sources[0].address} it is {_kind(planned[0], name)}; make them the same, or "
                "leave out the columns of the records by --keep none"
            )
    return planned


def _kind(planned: Planned, name: str) -> str:
    return f"of the type {planned.kept[name]}" if name in planned.kept else "not there"
