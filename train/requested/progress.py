"""Leaves how far a training is, for whoever looks at it."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from serving.sentence import Sentence
from serving.trainings.files import PROGRESS, replace
from serving.trainings.training import Step, TrainingProgress

PAUSE = 0.5  # seconds between two reports of a step


def leave(
    folder: Path, step: Sentence, done: int, total: int, seconds: float, *, is_whole: bool = True
) -> None:
    """Write how far a training is into its folder.

    Parameters
    ----------
    is_whole : bool
        Whether `total` is all that is to be done, and not only that of the step.
    """
    remaining = seconds / done * (total - done) if is_whole and done else None
    progress = TrainingProgress(
        step=str(step), done=done, total=total, seconds=seconds, remaining=remaining
    )
    with suppress(OSError):  # of a full disk, which the training itself reports
        replace(folder / PROGRESS, Step(progress, step.said()))


def leave_reading(folder: Path) -> Callable[[Sentence, int, int], None]:
    """Return what leaves how far a file is read, though that is reported more often."""
    began = left = time.monotonic()
    last = ""

    def report(step: Sentence, done: int, total: int) -> None:
        nonlocal left, last
        now = time.monotonic()
        if step != last or now > left + PAUSE:
            left, last = now, step
            leave(folder, step, done, total, now - began, is_whole=False)

    return report
