"""Ratios of two figures that were measured in the same turns."""

from collections.abc import Sequence
from statistics import quantiles


def ratio(over: Sequence[float], under: Sequence[float]) -> str:
    """Return the median ratio over all turns, and the range that holds half of the turns."""
    turns = [a / b for a, b in zip(over, under, strict=True)]
    low, middle, high = quantiles(turns, n=4)
    return f"{middle:.2f} (half of {len(turns)} turns: {low:.2f} to {high:.2f})"
