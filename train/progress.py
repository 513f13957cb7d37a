"""How far a training is: what is done now, how many steps are done, and for how long."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from threading import Event, Thread
from types import TracebackType
from typing import Self

from serving.display import Display
from serving.sentence import Sentence
from train.fitting import doing

TICK = 1.0  # seconds between two looks
MINUTE, HOUR = 60.0, 3600.0

# Given what is done, how many steps are done, of how many, and for how many seconds.
Report = Callable[[Sentence, int, int, float], object]


class Progress:
    """Shows how far a training is, within a block.

    Parameters
    ----------
    report : callable, optional
        Called each second as well.
    """

    def __init__(self, name: str, steps: int, report: Report | None = None) -> None:
        self._name, self._steps, self._done, self._report = name, steps, 0, report
        self._began = time.monotonic()
        self._stack, self._ended = ExitStack(), Event()

    def __enter__(self) -> Self:
        self._doing = self._stack.enter_context(doing.shown())
        self._display = self._stack.enter_context(Display())
        self._display.open(self._steps, self._text(), has_eta=False)
        self._thread = Thread(target=self._keep_showing, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._show()
        self._stack.__exit__(kind, error, traceback)

    def step(self) -> None:
        """Count a step that is done."""
        self._done += 1

    def _keep_showing(self) -> None:
        while not self._ended.wait(TICK):
            self._show()

    def _show(self) -> None:
        text = self._text()
        line = f"{text}, {self._done} of {self._steps} steps done"
        self._display.show(self._done, text, line)
        if self._report:
            seconds = time.monotonic() - self._began
            self._report(self._doing.sentence(), self._done, self._steps, seconds)

    def _text(self) -> str:
        what = self._doing.sentence()
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
