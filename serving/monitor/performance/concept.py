"""Concept drift: whether the loss is higher than on held-out data, watched row by row."""

from itertools import accumulate

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from serving.figures import significant
from serving.monitor.findings import ConceptDrift, Verdict
from serving.statement import Statement

BETWEEN_FALSE_ALARMS = 100_000  # rows with feedback, on average, where nothing got worse
MIN_ROWS = 50
SPREADS = 2.0
BETS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)  # parts of the stake; the best is not known
MAX_CAPITAL = 1e12  # of a bet: what is above is given away, so that it stays a finite number
RECENT = 200  # rows that the mean loss shown is about


class Bound(msgspec.Struct, frozen=True):
    """What a version's mean loss is compared with.

    Attributes
    ----------
    held_out, spread : float
        The mean loss on held-out data, and its standard deviation over the folds.
    max_loss : float
        Larger losses count as this.
    """

    held_out: float
    spread: float
    max_loss: float = 1.0

    @property
    def tolerated(self) -> float:
        """The mean loss up to which nothing is wrong."""
        return self.held_out + SPREADS * self.spread


class Watch(msgspec.Struct, frozen=True):
    """The state of the watch over a version; the next rows continue from here.

    Attributes
    ----------
    rows : int
        Rows with feedback so far.
    recent : float
        The mean loss of about the last 200 rows, older ones fading out.
    capital : tuple of float
        What each bet has grown to, with one unit put on it for every row.
    raised : bool
        Whether there is an alarm. It lasts until the recent mean is down to the held-out one; then
        the bets begin again with nothing.
    """

    rows: int = 0
    recent: float = 0.0
    capital: tuple[float, ...] = (0.0,) * len(BETS)
    raised: bool = False

    @property
    def evidence(self) -> float:
        """At most once in so many rows, chance alone makes it as large."""
        return sum(self.capital) / len(self.capital)


def update(watch: Watch, losses: ArrayLike, bound: Bound) -> Watch:
    """Continue a watch with the losses of rows, in the order in which their feedback came.

    The hypothesis is that, whatever came before, a row's expected loss is at most m: the held-out
    mean and two spreads over the folds, as that mean is an estimate and small differences do not
    matter. With every row one unit is put on the losses being higher; all that is on it is then
    multiplied by 1 + λ (loss - m). While the hypothesis is true, the capital less the rows so far
    cannot be expected to grow, so from any start of the watch an alarm at a capital of A comes
    after A rows or more on average, and within n rows with a probability of n / A at most, however
    often one checks. The mean over several λ stands for not knowing how much worse it got. As units
    are put on all the time, a watch is as quick to notice bad rows after many good ones.

    Bets: Waudby-Smith and Ramdas (2024), Estimating means of bounded random variables by betting,
    Journal of the Royal Statistical Society B 86, 1-27. Begun at every row (the Shiryaev-Roberts
    e-detector): Shin, Ramdas and Rinaldo (2024), E-detectors: a nonparametric framework for
    sequential change detection, New England Journal of Statistics in Data Science 2, 229-260.

    All this holds for the rows that get feedback: where wrong predictions are reported sooner than
    right ones, the model appears worse than it is.

    >>> bound = Bound(held_out=0.1, spread=0.01)
    >>> good = update(Watch(), [0.1] * 5_000, bound)
    >>> bad = update(good, [0.3] * 100, bound)
    >>> good.raised, bad.raised, update(bad, [0.05] * 300, bound).raised
    (False, True, False)
    """
    mean = min(max(bound.tolerated / bound.max_loss, 0.001), 0.999)
    counted = np.minimum(np.asarray(losses, dtype=np.float64), bound.max_loss)
    growth = 1 + np.outer(np.array(BETS) / mean, counted / bound.max_loss - mean)
    recent = _recent(watch, counted)
    capital, raised, rows = np.array(watch.capital), watch.raised, len(counted)
    first = 0  # row after the last with which the bets began again
    while first < rows:
        bets = zip(growth[:, first:].tolist(), capital.tolist(), strict=True)
        owned = np.array([[*accumulate(each, _stake, initial=had)] for each, had in bets])[:, 1:]
        alarms = np.logical_or.accumulate(owned.sum(axis=0) >= BETWEEN_FALSE_ALARMS * len(BETS))
        over = np.flatnonzero((alarms | raised) & (recent[first + 1 :] <= bound.held_out))
        if len(over):
            first, capital, raised = first + int(over[0]) + 1, np.zeros(len(BETS)), False
        else:
            first, capital, raised = rows, owned[:, -1], raised or bool(alarms[-1])
    return Watch(watch.rows + rows, float(recent[-1]), tuple(capital.tolist()), raised)


def _stake(owned: float, growth: float) -> float:
    """What a bet has grown to after one more row."""
    grown = (owned + 1) * growth
    return grown if grown < MAX_CAPITAL else MAX_CAPITAL  # noqa: FURB136 - min is slow


def _recent(watch: Watch, losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean loss of recent rows, before the first row and after each."""
    parts = 1 / np.minimum(np.arange(len(losses)) + watch.rows + 1, RECENT)

    def faded(mean: float, row: tuple[float, float]) -> float:
        loss, part = row
        return mean + (loss - mean) * part

    rows = zip(losses.tolist(), parts.tolist(), strict=True)
    return np.array([*accumulate(rows, faded, initial=watch.recent)])


def concept_drift(watch: Watch, bound: Bound, loss: str) -> ConceptDrift:
    """The verdict of a watch over a loss, given by its name.

    >>> bound = Bound(held_out=0.1, spread=0.01)
    >>> concept_drift(update(Watch(), [0.3] * 100, bound), bound, "Brier score").verdict
    'drift'
    """
    enough = watch.raised or watch.rows >= MIN_ROWS
    verdict: Verdict = "drift" if watch.raised else "no drift" if enough else "not enough yet"
    code = {"drift": "got_worse", "no drift": "no_worse", "not enough yet": "few_feedback"}[verdict]
    values: dict[str, int | float | str] = {"rows": watch.rows, "needed": MIN_ROWS}
    if enough:
        values = {"loss": loss, "rows": min(watch.rows, RECENT)}
        values |= {"recent": significant(watch.recent), "held_out": bound.held_out}
    return ConceptDrift(
        loss=loss,
        rows=watch.rows,
        recent=significant(watch.recent) if enough else None,
        held_out=bound.held_out,
        effect=significant(watch.recent - bound.held_out) if enough else None,
        threshold=significant(SPREADS * bound.spread),
        evidence=watch.evidence,
        evidence_needed=BETWEEN_FALSE_ALARMS,
        verdict=verdict,
        statements=(Statement(code, values),),
    )
