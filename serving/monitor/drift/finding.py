"""What a test measured, and what follows from it: effect, significance and verdict."""

from collections.abc import Callable
from typing import Any, NamedTuple

from serving.monitor.report import Finding
from serving.statement import Statement

DECIMALS = 6  # of an effect, as it is shown


class Measured(NamedTuple):
    """How large an effect is, how likely chance alone makes one as large, and what it says."""

    effect: float
    p_value: float
    statement: Statement


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


def judged(field: str, test: Test, measured: Measured, level: float) -> Finding:
    """Hold what was measured against the test's threshold and a level of significance.

    >>> test = Test("missing", "share", 0.05, measure=lambda _: None)
    >>> measured = Measured(0.1, 1e-9, Statement("missing_now", {"now": 0.12, "then": 0.02}))
    >>> finding = judged("alcohol", test, measured, 0.001)
    >>> finding.verdict, [each.code for each in finding.statements]
    ('drift', ['missing_now', 'not_chance'])
    """
    effect, p_value, statement = measured
    matters, beyond_chance = effect >= test.threshold, p_value < level
    more: tuple[Statement, ...] = ()
    if matters:
        more = (Statement("not_chance" if beyond_chance else "maybe_chance", {"p": p_value}),)
    elif beyond_chance:
        more = (Statement("too_little"),)
    return Finding(
        field=field,
        statistic=test.statistic,
        unit=test.unit,
        effect=round(effect, DECIMALS),
        threshold=test.threshold,
        p_value=p_value,
        level=level,
        verdict="drift" if matters and beyond_chance else "no drift",
        statements=(Statement(statement.code, statement.values, field), *more),
    )
