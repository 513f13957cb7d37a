"""Compares the losses of two versions on the same rows, with a confidence interval."""

from typing import Self

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import ArrayLike

from serving.figures import counted, significant

BLOCKS = 20
QUANTILE = 2.093  # of Student's t with BLOCKS - 1 degrees of freedom, for an interval of 95 %
TOLERATED = 0.1  # of the live version's mean loss; a smaller difference does not matter
ENOUGH = 500  # latest live rows with feedback, by which a candidate is judged


class Paired(msgspec.Struct, frozen=True):
    """The losses of a candidate and of the live version on the same rows.

    Attributes
    ----------
    live, candidate : float
        Mean losses.
    low, high : float
        The 95 % confidence interval of the candidate's loss less the live version's.
    """

    rows: int
    live: float
    candidate: float
    low: float
    high: float

    @classmethod
    def of(cls, live: ArrayLike, candidate: ArrayLike) -> Self:
        """Compare the losses of `BLOCKS` rows or more, in order of time.

        Losses are compared row by row, so that rows that are hard for both cancel out: Diebold and
        Mariano (1995), Comparing Predictive Accuracy, Journal of Business and Economic Statistics
        13, 253-263. Rows near in time may be similar, so the variance is that of means of blocks:
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
        """Whether the candidate is certainly worse, or by more than is tolerated."""
        return self.low > 0 or self.candidate - self.live > TOLERATED * self.live

    @property
    def is_no_worse(self) -> bool:
        """Whether the candidate is certainly not worse by more than is tolerated."""
        return self.low <= 0 and self.high <= TOLERATED * self.live

    def __str__(self) -> str:
        """Show the figures in a sentence."""
        return (
            f"{self.candidate:.4g} against {self.live:.4g} on {counted(self.rows, 'row')} "
            f"({self.low:+.3g} to {self.high:+.3g})"
        )


def loss(prediction: Raw, probabilities: Raw | None, actual: Raw) -> float:
    """Compute the loss of a prediction that is stored as JSON.

    Half the squared distance of the probabilities from the actual label, which for two labels is
    the Brier score; without probabilities 1 for a wrong label; for a number the absolute error.

    >>> loss(Raw(b'"bom"'), Raw(b'{"bom": 0.8, "ruim": 0.2}'), Raw(b'"ruim"'))
    0.64
    >>> loss(Raw(b"5.5"), None, Raw(b"6"))
    0.5
    """
    predicted, true = msgspec.json.decode(prediction), msgspec.json.decode(actual)
    if isinstance(predicted, float | int):
        return float(abs(predicted - true))
    if probabilities is None:
        return float(predicted != true)
    chances: dict[str, float] = msgspec.json.decode(probabilities)
    squares = [(chance - float(label == true)) ** 2 for label, chance in chances.items()]
    return round(sum(squares) / 2, 12)
