"""How the estimator was chosen and calibrated, in the summary that a training prints."""

from collections.abc import Iterator

from serving.figures import number
from serving.models.card import Calibration, Card, Choice


def lines(card: Card) -> Iterator[str]:
    """The candidates as a table, and how well the probabilities are calibrated."""
    if card.choice:
        yield from _choice(card.choice)
    if card.calibration:
        yield _calibration(card.calibration)


def _choice(choice: Choice) -> Iterator[str]:
    yield (
        f"chosen: {choice.chosen}, the simplest within one standard error of the best, by "
        "cross-validation on all rows"
    )
    heads = choice.loss, "above the best ± SE", "rows", "chosen in"
    yield f"{'':>24}" + "".join(f"{head:>22}" for head in heads)
    for each in choice.candidates:
        above = f"{number(each.difference)} ± {number(each.error)}" if each.difference else "best"
        cells = number(each.loss), above, f"{each.rows:,}", f"{each.folds} of {choice.folds} folds"
        yield f"{each.name:>24}" + "".join(f"{cell:>22}" for cell in cells)


def _calibration(found: Calibration) -> str:
    how = f"by {found.method}" if found.method else "none"
    before = "" if found.error_before is None else f" ({found.error_before:.3g} without)"
    return (
        f"calibration: {how}; expected calibration error {found.error:.3g}{before} on "
        f"{found.rows:,} held-out rows; {found.by_chance:.3g} is expected by chance from "
        "probabilities that are right"
    )
