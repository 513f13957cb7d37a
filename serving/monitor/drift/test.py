"""What a test of drift is, and the verdict that follows from its effect and its p-value."""

from collections.abc import Callable
from types import UnionType
from typing import Any, NamedTuple

from msgspec.structs import replace

from serving.monitor.drift.samples import Labels, Numbers
from serving.monitor.findings import Finding
from serving.statement import Statement

MIN_ROWS = 200
DECIMALS = 6  # of an effect, as it is reported


class Measured(NamedTuple):
    """How large an effect is, how likely chance makes one as large, and a statement of both."""

    effect: float
    p_value: float
    statement: Statement


class DriftTest(NamedTuple):
    """A statistical test of a field's values now against those in training.

    Attributes
    ----------
    statistic : str
        Its name in reports; wording.json has its title.
    samples : type
        `Numbers`, `Labels` or the union of both: what `measure` takes.
    unit : str
        Of the effect; "share" for a part of the rows, 0 to 1.
    threshold : float
        The effect from which on a difference matters.
    fields_only : bool
        Whether the model's outputs are left out.
    with_missing : bool
        Whether missing values count as rows.
    """

    statistic: str
    samples: type | UnionType
    unit: str
    threshold: float
    measure: Callable[[Any], Measured]
    fields_only: bool = False
    with_missing: bool = False

    def find(self, field: str, sample: Numbers | Labels, level: float) -> Finding:
        """Test a field's sample, if it is large enough.

        Parameters
        ----------
        level : float
            The p-value below which chance is no explanation.

        >>> measured = Measured(0.1, 0, Statement("missing_now", {"now": 0.12, "then": 0.02}))
        >>> test = DriftTest("missing", Labels, "share", 0.05, lambda _: measured)
        >>> found = test.find("alcohol", Labels({"a": 500}, {"a": 500}), 0.001)
        >>> found.verdict, [each.code for each in found.statements]
        ('drift', ['missing_now', 'not_chance'])
        """
        found = Finding(
            field=field,
            statistic=self.statistic,
            unit=self.unit,
            threshold=self.threshold,
            level=level,
            verdict="not enough yet",
            statements=(Statement("nothing_trained", field=field),),
        )
        if not sample.trained:
            return found
        rows = sample.present + (sample.missing if self.with_missing else 0)
        if rows < MIN_ROWS:
            few = Statement("few_values", {"rows": rows, "needed": MIN_ROWS}, field)
            return replace(found, statements=(few,))
        effect, p_value, statement = self.measure(sample)
        matters, beyond_chance = effect >= self.threshold, p_value < level
        reasons = [Statement(statement.code, statement.values, field)]
        if matters:
            code = "not_chance" if beyond_chance else "maybe_chance"
            reasons.append(Statement(code, {"p": p_value}))
        elif beyond_chance:
            reasons.append(Statement("too_little"))
        return replace(
            found,
            effect=round(effect, DECIMALS),
            p_value=p_value,
            verdict="drift" if matters and beyond_chance else "no drift",
            statements=tuple(reasons),
        )
