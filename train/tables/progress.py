"""How far a table is read, for whoever shows it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from serving.sentence import Sentence

# Given what is done, how much of it, and of how much.
Report = Callable[[Sentence, int, int], object]

_report: ContextVar[Report] = ContextVar("report", default=lambda *_: None)


@contextmanager
def reported(report: Report) -> Iterator[None]:
    """Have what is done in this block reported."""
    token = _report.set(report)
    try:
        yield
    finally:
        _report.reset(token)


def now(step: Sentence, done: int, total: int) -> None:
    """Report how far a step is."""
    _report.get()(step, done, total)
