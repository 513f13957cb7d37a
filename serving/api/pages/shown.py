"""Figures and times of the monitor, as people read them."""

from serving import clock, figures
from serving.api.pages.words import UNKNOWN, Words
from serving.monitor import wording
from serving.monitor.findings import Estimated, FieldShare, Realised, Statements
from serving.recording.store.recent import MAX_COUNT

SPANS = (("d", 86_400), ("h", 3_600), ("min", 60))
MIN_P_VALUE = 0.001  # smaller ones are written with one digit


class Figures(Words):
    """Words of a language, with what the monitor's pages write; what is not known is a dash.

    >>> fig = Figures("pt-BR", {})
    >>> fig.number(0.12345), fig.number(12345.6), fig.percent(0.031), fig.whole(None)
    ('0,123', '12.346', '3,1 %', '–')
    """  # noqa: RUF002 - a dash

    def number(self, value: float | None, digits: int = 3) -> str:
        """A number with three significant digits, unless others are wanted."""
        return super().number(value, digits)

    def whole(self, value: float | None) -> str:
        """A whole number."""
        return UNKNOWN if value is None else self.local(figures.separated(f"{value:.0f}"))

    def counted(self, count: int) -> str:
        """How many predictions were counted, of which there may be more."""
        more = "> " if count > MAX_COUNT else ""
        return more + self.whole(min(count, MAX_COUNT))

    def percent(self, share: float | None) -> str:
        """A share in per cent, with at most two significant digits."""
        if share is None:
            return UNKNOWN
        return self.local(figures.percent(share).replace(".0 %", " %"))

    def p_value(self, value: float | None) -> str:
        """A p-value, with two digits where it is not tiny."""
        if value is None:
            return UNKNOWN
        return self.local(f"{value:.{1 if value < MIN_P_VALUE else 2}g}")

    def effect(self, value: float | None, unit: str) -> str:
        """The effect of a drift test: a share, standard deviations, or a plain number."""
        if unit == "share":
            return self.percent(value)
        return self.number(value) + (f" {self.t('SD')}" if unit == "deviations" else "")

    def change(self, share: FieldShare, unit: str) -> str:
        """What a field explains of a change of the mean, and its standard error."""
        if unit != "probability":
            return self.local(f"{share.change:+.3g} ± {share.standard_error:.2g}")
        points, error = round(100 * share.change, 1) + 0.0, 100 * share.standard_error  # no -0.0
        return f"{self.local(f'{points:+.1f} ± {error:.1f}')} {self.t('points')}"

    def interval(self, found: Realised | Estimated | None) -> str:
        """The interval of a metric, in brackets; nothing where there is none."""
        if found is None or found.low is None:
            return ""
        return f"({self.number(found.low)} … {self.number(found.high)})"

    def milliseconds(self, value: float | None) -> str:
        """A latency."""
        return UNKNOWN if value is None else f"{self.number(value)} ms"

    def span(self, seconds: float) -> str:
        """A time in the largest unit that it fills."""
        for unit, length in SPANS:
            if seconds >= length:
                return self.local(f"{seconds / length:.2g} {unit}")
        return self.local(f"{seconds:.2g} s")

    def ago(self, moment: int) -> str:
        """How long ago a time was, in milliseconds since 1970."""
        return self.t("{span} ago", span=self.span(max(0, clock.now() - moment) // 1000))

    def term(self, code: str) -> str:
        """The word for a verdict, a kind of alert or a drift test."""
        return wording.term(code, self.language)

    def sentence(self, statements: Statements, ended: Statements = ()) -> str:
        """Statements of the monitor, as a sentence."""
        return wording.sentence(statements, ended, language=self.language)
