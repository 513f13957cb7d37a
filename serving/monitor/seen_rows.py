"""Whether the rows of a window are those that the version was trained on."""

from scipy.stats import binom

from serving.models.trained_rows import Known
from serving.monitor.report import SeenRows
from serving.statement import Statement

MIN_ROWS = 20
MIN_EXCESS = 0.25  # of the share of rows, over what is expected of new ones
LEVEL = 0.001


def judge_seen(known: Known, repeats: float) -> SeenRows | None:
    """State that rows of training came, if chance does not explain how many.

    Parameters
    ----------
    known : Known
        Of the window.
    repeats : float
        The share that is expected of new rows.

    >>> judge_seen(Known(rows=100, trained=90), repeats=0.5).share
    0.9
    >>> judge_seen(Known(rows=100, trained=55), repeats=0.5)
    """
    if known.rows < MIN_ROWS:
        return None
    share = known.trained / known.rows
    chance = float(binom.sf(known.trained - 1, known.rows, repeats))
    if share - repeats < MIN_EXCESS or chance > LEVEL:
        return None
    stated = Statement("seen_rows", {"share": share})
    return SeenRows(share=round(share, 4), rows=known.rows, repeats=repeats, statements=(stated,))
