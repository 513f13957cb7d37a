"""Refuse a training that cannot fit into memory, before it begins."""

from train.errors import TrainingError
from train.memory.available import available

MARGIN = 1.5  # times less than the estimate, that a training may take after all
GIGABYTE = 1e9

REMEDY = "name fewer files or columns (--drop), or use a machine with more"


def require(needed: int, what: str) -> str:
    """Return a sentence if memory may not be enough, and nothing if it is.

    Parameters
    ----------
    needed : int
        An estimate of the bytes, besides what this process has.
    what : str
        What needs them.

    Raises
    ------
    TrainingError
        If it is not enough even where the estimate is too high by `MARGIN`.
    """
    there = available()
    if there is None or needed <= there.octets:
        return ""
    sentence = (
        f"{what} takes about {needed / GIGABYTE:.3g} GB of memory, and {there.of} has "
        f"{there.octets / GIGABYTE:.3g} GB left"
    )
    if needed > MARGIN * there.octets:
        raise TrainingError(f"{sentence}: {REMEDY}")
    return f"{sentence}: if it is killed, {REMEDY}"
