"""Two versions on the same rows: by how much one errs more than the other, and how sure that is."""

from typing import Self

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import ArrayLike

from serving.figures import significant

BLOCKS = 20
QUANTILE = 2.093  # of Student's t with BLOCKS - 1 degrees of freedom, for an interval of 95 %
TOLERATED = 0.1  # of the live version's mean loss: less than that does not matter
ENOUGH = 500  # live rows with feedback that a candidate is judged by, the latest


class Paired(msgspec.Struct, frozen=True):
    """How a candidate errs on rows that the live version answered.

    Attributes
    ----------
    live, candidate : float
        Mean losses.
    low, high : float
        The interval of 95 % for the candidate's less the live version's; below 0 it is better.
    """

    rows: int
    live: float
    candidate: float
    low: float
    high: float

    @classmethod
    def of(cls, live: ArrayLike, candidate: ArrayLike) -> Self:
        """Compare the losses of `BLOCKS` rows or more, in the order of their time.

        Each row is its own control, so what makes rows hard for both cancels out: Diebold and
        Mariano (1995), Comparing Predictive Accuracy, Journal of Business and Economic Statistics
        13, 253-263. Rows near in time may be alike, so the spread is that of means of blocks:
        Schmeiser (1982), Batch Size Effects in the Analysis of Simulation Output, Operations
        Research 30, 556-568.

        >>> Paired.of([0.5, 0.1] * 20, [0.3, 0.1] * 20)
        Paired(rows=40, live=0.3, candidate=0.2, low=-0.1, high=-0.1)
        """
        theirs, ours = np.asarray(live, np.float64), np.asarray(candidate, np.float64)
        more = ours - theirs
        means = [block.mean() for block in np.array_split(more, BLOCKS)]
        reach = QUANTILE * float(np.std(means, ddof=1)) / BLOCKS**0.5
        middle = float(more.mean())
        figures = (theirs.mean(), ours.mean(), middle - reach, middle + reach)
        return cls(len(more), *(significant(float(figure)) for figure in figures))

    @property
    def is_worse(self) -> bool:
        """Whether it is worse for sure, or by more than does not matter."""
        return self.low > 0 or self.candidate - self.live > TOLERATED * self.live

    @property
    def is_no_worse(self) -> bool:
        """Whether it is for sure not worse by more than does not matter, nor worse for sure."""
        return self.low <= 0 and self.high <= TOLERATED * self.live

    def __str__(self) -> str:
        """The figures, for people."""
        return (
            f"{self.candidate:.4g} against {self.live:.4g} on {self.rows:,} rows "
            f"({self.low:+.3g} to {self.high:+.3g})"
        )


def loss(prediction: Raw, probabilities: Raw | None, actual: Raw) -> float:
    """How wrong an answer is that is known as JSON.

    Half the squared distance of the probabilities from the truth, which of two labels is the Brier
    score; without them 1 for a wrong label; for a number the absolute error.

    >>> loss(Raw(b'"bom"'), Raw(b'{"bom": 0.8, "ruim": 0.2}'), Raw(b'"ruim"'))
    0.64
    >>> loss(Raw(b"5.5"), None, Raw(b"6"))
    0.5
    """
    said, true = msgspec.json.decode(prediction), msgspec.json.decode(actual)
    if isinstance(said, float | int):
        return float(abs(said - true))
    if probabilities is None:
        return float(said != true)
    chances: dict[str, float] = msgspec.json.decode(probabilities)
    squares = [(chance - float(label == true)) ** 2 for label, chance in chances.items()]
    return round(sum(squares) / 2, 12)
