"""How far a training is: a bar on a terminal, elsewhere a line now and then."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from train.fitting import doing

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

PAUSE = 30.0  # seconds between two lines, where there is no terminal
SECOND, MINUTE, HOUR = 1.0, 60.0, 3600.0


# Given what is done, how many steps are done, of how many, and for how many seconds.
Report = Callable[[str, int, int, float], object]


class Progress:
    """Shows what is done, how many steps are done, and for how long.

    Parameters
    ----------
    report : callable, optional
        Called each second as well.
    """

    def __init__(self, name: str, steps: int, report: Report | None = None) -> None:
        self._name, self._steps, self._done, self._report = name, steps, 0, report
        self._began = time.monotonic()
        self._stack, self._ended = ExitStack(), Event()
        self._bar: ProgressBar[int] | None = None

    def __enter__(self) -> Self:
        self._doing = self._stack.enter_context(doing.shown())
        is_terminal = sys.stderr.isatty()
        if is_terminal:
            bar: ProgressBar[int] = click.progressbar(
                length=self._steps, file=sys.stderr, show_eta=False, label=self._text()
            )
            self._bar = self._stack.enter_context(bar)
        self._thread = Thread(target=self._show, args=(SECOND if is_terminal else PAUSE,))
        self._thread.daemon = True
        self._thread.start()
        if self._report:
            Thread(target=self._report_each_second, args=(self._report,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._bar:
            self._bar.label = self._text()
            self._bar.update(self._done - self._bar.pos)
        self._stack.__exit__(kind, error, traceback)

    def step(self) -> None:
        """Count a step that is done."""
        self._done += 1

    def _show(self, pause: float) -> None:
        while not self._ended.wait(pause):
            if self._bar:
                self._bar.label = self._text()
                self._bar.update(self._done - self._bar.pos)
                self._bar.render_progress()
            else:
                click.echo(f"{self._text()}, {self._done} of {self._steps} steps done", err=True)

    def _report_each_second(self, report: Report) -> None:
        while not self._ended.wait(SECOND):
            seconds = time.monotonic() - self._began
            report(str(self._doing), self._done, self._steps, seconds)

    def _text(self) -> str:
        what = str(self._doing)
        passed = duration(time.monotonic() - self._began)
        return f"training {self._name}, {passed}{f': {what}' if what else ''}"


def duration(seconds: float) -> str:
    """Write a duration for people.

    >>> duration(42), duration(150), duration(9000)
    ('42 s', '2.5 minutes', '2.5 hours')
    """
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.1f} minutes"
    return f"{seconds / HOUR:.1f} hours"
