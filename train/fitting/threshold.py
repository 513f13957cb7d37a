"""How the threshold on a probability is chosen, and the reason for it.

A rule is given the probabilities of rows that were not trained on, `unseen`, and whether each of
them is `positive`.
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

    def choose(self, positive: Labels, unseen: Probability) -> float:
        """The threshold."""

    def reason(
        self, label: str, positive: Labels, unseen: Probability, of_folds: list[float]
    ) -> str:
        """The reason for it, given the thresholds that were chosen in each training fold."""


@dataclass(frozen=True)
class MaxF1:
    """The threshold, in hundredths, with the largest F1."""

    def choose(self, positive: Labels, unseen: Probability) -> float:
        """Compute F1 for all candidates and take the best."""
        candidates = np.arange(5, 96) / 100
        predicted = unseen[:, None] >= candidates
        right = predicted[positive].sum(axis=0)
        # By hand, because f1_score takes 9 ms for each: two thirds of a training's time.
        f1 = 2 * right / (predicted.sum(axis=0) + positive.sum())
        return float(candidates[int(np.argmax(f1))])

    def reason(
        self, label: str, positive: Labels, unseen: Probability, of_folds: list[float]
    ) -> str:
        """The F1 here and at 0.5, and how much the threshold varies over the folds."""
        here, half = (
            f1_score(positive, unseen >= at) for at in (self.choose(positive, unseen), 0.5)
        )
        return (
            f"largest F1 of {label} on out-of-bag predictions of the training rows: {here:.3g}, "
            f"{half:.3g} at 0.5; chosen the same way in each training fold, it was between "
            f"{min(of_folds):.2f} and {max(of_folds):.2f}"
        )


@dataclass(frozen=True)
class MinCost:
    """The threshold with the lowest expected cost where probabilities are right.

    A positive that is missed costs `missed` times as much as a false alarm, so an alarm is worth
    its cost from P = 1 / (1 + missed) on. Elkan (2001), The Foundations of Cost-Sensitive
    Learning, IJCAI.
    """

    missed: float

    def choose(self, positive: Labels, unseen: Probability) -> float:  # noqa: ARG002 - whatever they are
        """The same threshold for any rows."""
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
        """The cost on the unseen rows, here, at 0.5 and where all rows get the same label."""
        here, half, none, every = (
            self.cost(positive, unseen >= at)
            for at in (self.choose(positive, unseen), 0.5, np.inf, -np.inf)
        )
        return (
            f"a missed {label} is assumed to cost as much as {self.missed:g} false alarms, so "
            f"1 / (1 + {self.missed:g}) costs least; on held-out rows the cost is {here:.3g} false "
            f"alarms a row, {half:.3g} at 0.5, {none:.3g} if no row is predicted {label}, "
            f"{every:.3g} if every row is"
        )
