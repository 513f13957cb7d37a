"""One decision on a version, and what is live, on trial and retired after many."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

Action = Literal["promote", "rollback", "trial", "retire", "retrain"]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Who decided what, when and why.

    Attributes
    ----------
    time : int
        Milliseconds since 1970, UTC.
    before : int or None
        The version that was live, or on trial, until then.
    version : int or None
        The version decided on, or made by a retraining; None if a trial was ended, or a
        retraining made none.
    overruled : tuple of str
        The objections of the gate.
    """

    time: int
    model: str
    action: Action
    before: int | None
    version: int | None
    who: str
    why: str = ""
    overruled: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.action} {self.before or 'none'} → {self.version or 'none'} by {self.who}"


class Decided(NamedTuple):
    """The versions of a model that are live, on trial and retired."""

    live: int | None
    trial: int | None
    retired: list[int]


def decided(decisions: Iterable[Decision]) -> Decided:
    """Find what holds after a model's decisions, the first one first."""
    live = trial = None
    retired = set[int]()
    for decision in decisions:
        match decision.action:
            case "promote" | "rollback":
                live = decision.version
            case "trial":
                trial = decision.version
            case "retire" if decision.version:
                retired.add(decision.version)
    return Decided(live, trial, sorted(retired))
