"""Figures and times as people read them, in their language."""

from serving import clock
from serving.api.pages.words import Words
from serving.figures import percent
from serving.monitor import wording
from serving.monitor.findings import Estimated, Realised, Statements

SPANS = (("d", 86_400), ("h", 3_600), ("min", 60))
LEAST_CHANCE = 0.001
LARGE = 1_000
UNKNOWN = "–"  # noqa: RUF001 - a dash


class Figures:
    """Writes figures in the language of some words; what is not known is a dash.

    Parameters
    ----------
    words : Words
        Of whoever reads.

    >>> fig = Figures(Words("pt-BR", {}))
    >>> fig.number(0.12345), fig.number(12345.6), fig.percent(0.031)
    ('0,123', '12.346', '3,1 %')
    """

    def __init__(self, words: Words) -> None:
        self.language = words.language
        self.say, self.local, self.metric = words.say, words.local, words.metric

    def number(self, value: float | None, digits: int = 3) -> str:
        """A number with so many digits that mean something."""
        if value is None or abs(value) >= LARGE:
            return self.count(value)
        return self.local(f"{value:.{digits}g}")

    def count(self, value: float | None) -> str:
        """A whole number."""
        return UNKNOWN if value is None else self.local(f"{value:,.0f}")

    def percent(self, share: float | None) -> str:
        """A share; if it is known."""
        if share is None:
            return UNKNOWN
        return self.local(percent(share))

    def chance(self, p_value: float | None) -> str:
        """A p-value."""
        if p_value is None:
            return UNKNOWN
        return self.local(f"{p_value:.{1 if p_value < LEAST_CHANCE else 2}g}")

    def effect(self, value: float | None, unit: str) -> str:
        """An effect in its unit."""
        if unit == "share":
            return self.percent(value)
        return self.number(value) + (f" {self.say('SD')}" if unit == "deviations" else "")

    def between(self, found: Realised | Estimated | None) -> str:
        """The interval of a metric."""
        if found is None or found.low is None:
            return ""
        return f"({self.number(found.low)} … {self.number(found.high)})"

    def milliseconds(self, value: float | None) -> str:
        """How long an answer took."""
        return UNKNOWN if value is None else f"{self.number(value)} ms"

    def span(self, seconds: float) -> str:
        """A time in the largest unit that it fills."""
        for unit, length in SPANS:
            if seconds >= length:
                return self.local(f"{seconds / length:.2g} {unit}")
        return self.local(f"{seconds:.2g} s")

    def ago(self, moment: int) -> str:
        """How long ago a time was, in milliseconds since 1970."""
        return self.say("{span} ago", span=self.span(max(0, clock.now() - moment) // 1000))

    def clock(self, moment: int) -> str:
        """A time to the minute."""
        return clock.to_minutes(moment)

    def iso(self, moment: int) -> str:
        """A time as programs read it."""
        return clock.iso(moment)

    def term(self, text: str) -> str:
        """A verdict, a kind of alert or a statistic by its name in a report."""
        return wording.term(text, self.language)

    def told(self, statements: Statements, ended: Statements = ()) -> str:
        """Statements of the monitor, as a sentence."""
        return wording.sentence(statements, ended, language=self.language)
