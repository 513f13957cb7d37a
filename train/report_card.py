"""What a training says of how the estimator was chosen and calibrated."""

from collections.abc import Iterator

from serving.models.card import Calibration, Card, Choice


def lines(card: Card) -> Iterator[str]:
    """The candidates as a table, and how well probabilities are calibrated."""
    if card.choice:
        yield from _choice(card.choice)
    if card.calibration:
        yield _calibration(card.calibration)


def _choice(choice: Choice) -> Iterator[str]:
    yield (
        f"chosen: {choice.chosen}, the simplest within one standard error of the best in "
        "cross-validation on all rows"
    )
    heads = choice.loss, "more than best", "rows", f"in {choice.folds} folds"
    yield f"{'':>24}" + "".join(f"{head:>22}" for head in heads)
    for each in choice.candidates:
        more = f"{each.difference:.3g} ± {each.error:.2g}" if each.difference else "best"
        cells = f"{each.loss:.4g}", more, f"{each.rows:,}", f"chosen {each.folds} times"
        yield f"{each.name:>24}" + "".join(f"{cell:>22}" for cell in cells)


def _calibration(found: Calibration) -> str:
    how = (
        f"calibrated by {found.method}" if found.method else "not calibrated, which would not help"
    )
    before = "" if found.error_before is None else f", {found.error_before:.3f} without"
    return (
        f"{how}: expected calibration error {found.error:.3f} on {found.rows:,} held-out rows"
        f"{before}; right probabilities would have {found.by_chance:.3f} by chance"
    )
