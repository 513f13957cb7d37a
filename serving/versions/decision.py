"""One decision on a version, and what is live, on trial and retired after many."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec

from serving.models.model_folder import LOG

Number = Annotated[int, msgspec.Meta(ge=1)]  # of a version
Made = Literal["train", "import", "retrain"]  # of a version; the monitor retrains
Action = Literal["promote", "rollback", "trial", "retire", Made]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Who decided what, when and why.

    Attributes
    ----------
    time : int
        Milliseconds since 1970, UTC.
    before : int or None
        The version that was live, or on trial, until then.
    version : int or None
        The version decided on, or made; None if a trial was ended, the whole model was retired, or
        a retraining made none.
    overruled : tuple of str
        The objections of the gate.
    """

    time: int
    model: str
    action: Action
    before: Number | None
    version: Number | None
    who: str
    why: str = ""
    overruled: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.action} {self.before or 'none'} → {self.version or 'none'} by {self.who}"


class Decided(NamedTuple):
    """The versions of a model that are live, on trial and retired; `is_retired`: all of it is."""

    live: int | None
    trial: int | None
    retired: list[int]
    is_retired: bool = False


def decided(decisions: Iterable[Decision]) -> Decided:
    """Find what holds after a model's decisions, the first one first."""
    live = trial = None
    retired, is_retired = set[int](), False
    for decision in decisions:
        match decision.action:
            case "promote" | "rollback":
                live, is_retired = decision.version, False
            case "trial":
                trial = decision.version
            case "retire" if decision.version:
                retired.add(decision.version)
            case "retire":
                live, trial, is_retired = None, None, True
    return Decided(live, trial, sorted(retired), is_retired)


def decisions_of(history: Iterable[Decision]) -> list[Decision]:
    """Leave out how versions were made, which changes nothing of what is served."""
    return [each for each in history if not was_made(each)]


def was_made(decision: Decision) -> bool:
    """Whether it tells how a version was made."""
    return decision.action in get_args(Made)


class Numbered(Decision, frozen=True, kw_only=True):
    """A decision with its number in the object store, as it is kept in a host's copy."""

    number: int
    e_tag: str


def read_copied(folder: Path) -> list[Numbered]:
    """Read the decisions that a host has copied; none if they have to be copied again."""
    try:
        lines = (folder / LOG).read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Numbered) for line in lines]
    except (OSError, ValueError):
        return []
