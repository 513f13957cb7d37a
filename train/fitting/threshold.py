"""Where to put the threshold on a probability, and what speaks for it there.

A rule is given probabilities of rows that were not trained on, `unseen`, and whether each was
`positive`.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

Labels = NDArray[np.bool_]
Probability = NDArray[np.float64]


class Rule(Protocol):
    """A way to choose a threshold."""

    def place(self, positive: Labels, unseen: Probability) -> float:
        """Where the threshold goes."""

    def reason(
        self, label: str, positive: Labels, unseen: Probability, of_folds: list[float]
    ) -> str:
        """What speaks for it, given where it went in each training fold."""


@dataclass(frozen=True)
class LargestF1:
    """The threshold, in hundredths, with the largest F1."""

    def place(self, positive: Labels, unseen: Probability) -> float:
        """Try them all."""
        candidates = np.arange(5, 96) / 100
        chosen = unseen[:, None] >= candidates
        right = chosen[positive].sum(axis=0)
        # By hand, for f1_score spends 9 ms on each: two thirds of a training's time.
        f1 = 2 * right / (chosen.sum(axis=0) + positive.sum())
        return float(candidates[int(np.argmax(f1))])

    def reason(
        self, label: str, positive: Labels, unseen: Probability, of_folds: list[float]
    ) -> str:
        """How large F1 is, and how steady the threshold."""
        here, half = (
            f1_score(positive, unseen >= at) for at in (self.place(positive, unseen), 0.5)
        )
        return (
            f"largest F1 of {label} on out-of-bag predictions of the training rows: {here:.3f}, "
            f"{half:.3f} at 0.5; chosen likewise in each training fold it fell between "
            f"{min(of_folds):.2f} and {max(of_folds):.2f}"
        )


@dataclass(frozen=True)
class LeastCost:
    """The threshold that costs least where probabilities are right, whatever the data.

    A positive that is missed costs `missed` times what a false alarm does, so an alarm is worth
    its cost from P = 1 / (1 + missed) on. Elkan (2001), The Foundations of Cost-Sensitive
    Learning, IJCAI.
    """

    missed: float

    def place(self, positive: Labels, unseen: Probability) -> float:  # noqa: ARG002 - whatever they are
        """The same for any rows."""
        return round(1 / (1 + self.missed), 4)

    def cost(self, positive: Labels, predicted: Labels) -> float:
        """Mean cost of a row, in false alarms."""
        return float((self.missed * (positive & ~predicted) + (predicted & ~positive)).mean())

    def reason(
        self,
        label: str,
        positive: Labels,
        unseen: Probability,
        of_folds: list[float],  # noqa: ARG002
    ) -> str:
        """What the threshold costs on the unseen rows, and what it would cost to do without."""
        here, half, none, every = (
            self.cost(positive, unseen >= at)
            for at in (self.place(positive, unseen), 0.5, np.inf, -np.inf)
        )
        return (
            f"a missed {label} is taken to cost as much as {self.missed:g} false alarms, so "
            f"1 / (1 + {self.missed:g}) costs least; on held-out rows {here:.3f} false alarms a "
            f"row, {half:.3f} at 0.5, {none:.3f} if no row were called {label}, {every:.3f} if "
            "every row were"
        )
