"""What a test found, as it is shown: effect, significance, verdict, and a sentence for a person."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec

DECIMALS = 6  # of an effect, as it is shown

Verdict = Literal["drift", "no drift", "not enough yet"]


class Measured(NamedTuple):
    """How large an effect is, how likely chance alone makes one as large, and what it says."""

    effect: float
    p_value: float
    says: str


class Test(NamedTuple):
    """A test of two samples for a difference.

    Attributes
    ----------
    unit : str
        Of the effect; "share" for a part of the rows, 0 to 1.
    threshold : float
        The effect from which on a difference matters.
    measure : callable
        Takes the samples that the test is made for.
    """

    statistic: str
    unit: str
    threshold: float
    measure: Callable[[Any], Measured]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One test of one field. It is drift when the effect matters and chance does not explain it.

    Attributes
    ----------
    effect : float or None
        In `unit`; none where there is not enough to tell.
    threshold : float
        The effect from which on a difference matters.
    p_value : float or None
        How likely two samples of one distribution differ as much.
    level : float
        The p-value below which chance is no explanation, after correction for all tests of a pass.
    """

    field: str
    statistic: str
    unit: str
    effect: float | None = None
    threshold: float
    p_value: float | None = None
    level: float
    verdict: Verdict
    sentence: str


def judged(field: str, test: Test, measured: Measured, level: float) -> Finding:
    """Hold what was measured against the test's threshold and a level of significance.

    >>> test = Test("missing", "share", 0.05, measure=lambda _: None)
    >>> finding = judged("alcohol", test, Measured(0.1, 1e-9, "12 % are missing"), 0.001)
    >>> finding.verdict, finding.sentence
    ('drift', 'alcohol: 12 % are missing; chance does not explain it (p = 1e-09)')
    """
    effect, p_value, says = measured
    matters, beyond_chance = effect >= test.threshold, p_value < level
    if matters and beyond_chance:
        says += f"; chance does not explain it (p = {p_value:.1g})"
    elif matters:
        says += f"; among so many tests that may be chance (p = {p_value:.1g})"
    elif beyond_chance:
        says += "; not by chance, but too little to matter"
    return Finding(
        field=field,
        statistic=test.statistic,
        unit=test.unit,
        effect=round(effect, DECIMALS),
        threshold=test.threshold,
        p_value=p_value,
        level=level,
        verdict="drift" if matters and beyond_chance else "no drift",
        sentence=f"{field}: {says}",
    )


def percent(share: float) -> str:
    """A share as people read it.

    >>> percent(0.5234), percent(0.0312)
    ('52 %', '3.1 %')
    """
    hundredths = round(100 * share, 1)
    return f"{hundredths:.{1 if 0 < hundredths < 10 else 0}f} %"  # noqa: PLR2004 - two digits
