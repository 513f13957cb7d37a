"""How far something is, on the standard error: a bar on a terminal, elsewhere a line now and then.

It shows nothing by itself: whoever computes reports, in a loop or by a thread.
"""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

PAUSE = 30.0  # seconds between two lines, where there is no terminal


class Display:
    """A bar, or lines; within a block, after whose end nothing is shown."""

    def __init__(self) -> None:
        self._bar: ProgressBar[int] | None = None
        self._shown = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.__exit__(kind, error, traceback)

    def open(self, length: int, label: str, *, has_eta: bool = True) -> None:
        """Show that so much is to be done from now on.

        Parameters
        ----------
        has_eta : bool
            Whether a bar shows the time that is left, by how much is done in which time.
        """
        self._shown = time.monotonic()
        if sys.stderr.isatty():
            self._bar = click.progressbar(
                length=length, label=label, file=sys.stderr, show_eta=has_eta, show_pos=False
            )
            self._bar.__enter__()

    def show(self, done: int, label: str, line: str) -> None:
        """Show how much is done: by the label of the bar, or by a line if it is time for one."""
        now = time.monotonic()
        if self._bar:
            self._bar.label = label
            self._bar.update(done - self._bar.pos)
            self._bar.render_progress()
        elif now - self._shown >= PAUSE:
            self._shown = now
            click.echo(line, err=True)
