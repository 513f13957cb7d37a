"""Which function a program is in, sampled by a timer.

Unlike a tracing profiler this adds nothing to a function call, so cheap functions that are called
often do not look dear. What runs in C counts for the Python function that called it.
"""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType

from bench.workload import ROOT

INTERVAL = 0.0003  # seconds from the end of one sample to the next
FLASK_STEPS = {"wsgi_app", "full_dispatch_request"}  # what they call is a step of Flask's


class Sampler:
    """Charges moments of the main thread to functions, while it is `watching`.

    Attributes
    ----------
    charged : Counter of (str, str)
        Moments by part of the program and function.
    """

    def __init__(self) -> None:
        self.watching = False
        self.charged: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the timer run."""
        signal.signal(signal.SIGALRM, self._sample)
        signal.setitimer(signal.ITIMER_REAL, INTERVAL)
        try:
            yield
        finally:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        if self.watching:
            self.charged[charged_to(frame)] += 1
        signal.setitimer(signal.ITIMER_REAL, INTERVAL)


def charged_to(frame: FrameType | None) -> tuple[str, str]:
    """The innermost function of the project, or else the step of Flask's that is under way."""
    callee = ""
    while frame:
        part, name = part_of(frame.f_code.co_filename), frame.f_code.co_name
        if part == "Flask" and name in FLASK_STEPS:
            return part, callee or name
        if part not in {"", "Flask"}:
            return part, name
        frame, callee = frame.f_back, name
    return "other", "calling the app"


@cache
def part_of(filename: str) -> str:
    """A file's path within the service, `Flask` for the file of its app, empty for any other."""
    path = Path(filename)
    if path.is_relative_to(ROOT / "serving") or path == ROOT / "app.py":
        return str(path.relative_to(ROOT))
    return "Flask" if path.match("flask/app.py") else ""
