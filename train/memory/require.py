"""Refuse a training that cannot fit into memory, before it begins."""

from serving.sentence import Sentence
from train.errors import TrainingError
from train.memory.available import available

MARGIN = 1.5  # times less than the estimate, that a training may take after all
GIGABYTE = 1e9

REMEDY = Sentence("name fewer files or columns (--drop), or use a machine with more")


def require(needed: int, what: Sentence) -> Sentence | None:
    """Return a sentence if memory may not be enough, and None if it is.

    Parameters
    ----------
    needed : int
        An estimate of the bytes, besides what this process has.
    what : Sentence
        What needs them.

    Raises
    ------
    TrainingError
        If it is not enough even where the estimate is too high by `MARGIN`.
    """
    there = available()
    if there is None or needed <= there.octets:
        return None
    about = {
        "what": what,
        "needed": needed / GIGABYTE,
        "of": there.of,
        "left": there.octets / GIGABYTE,
        "remedy": REMEDY,
    }
    if needed > MARGIN * there.octets:
        raise TrainingError(
            Sentence(
                "{what} takes about {needed:.3g} GB of memory, and {of} has {left:.3g} GB left: "
                "{remedy}",
                **about,
            )
        )
    return Sentence(
        "{what} takes about {needed:.3g} GB of memory, and {of} has {left:.3g} GB left: if it is "
        "killed, {remedy}",
        **about,
    )
