"""Where the parts of a training that need nothing of each other are computed.

By default here, one after the other; in the block of `computed_by`, by processes elsewhere.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Protocol

from numpy.typing import NDArray

Result = Callable[[], Any]  # waits for a task, and returns what it returns


class Tasks(Protocol):
    """What computes the parts of a training."""

    def start(
        self, function: Callable[..., Any], shared: Sequence[NDArray[Any]], of: int, **named: Any
    ) -> Result:
        """Start a task."""

    def fit(self, estimator: Any, rows: Any, y: Any) -> None:
        """Fit an estimator, the trees of a forest as tasks."""


class Here:
    """Computes a task in this process, when its result is asked for."""

    def start(
        self,
        function: Callable[..., Any],
        shared: Sequence[NDArray[Any]],
        of: int,  # noqa: ARG002
        **named: Any,
    ) -> Result:
        """Return the task as it is."""
        return partial(function, *shared, **named)

    def fit(self, estimator: Any, rows: Any, y: Any) -> None:
        """Fit an estimator, the trees of a forest by threads."""
        estimator.fit(rows, y)


_tasks: ContextVar[Tasks] = ContextVar("tasks", default=Here())  # noqa: B039 - it has no state


@contextmanager
def computed_by(tasks: Tasks) -> Iterator[None]:
    """Have tasks computed by something else than this process."""
    token = _tasks.set(tasks)
    try:
        yield
    finally:
        _tasks.reset(token)


def start(function: Callable[..., Any], *shared: NDArray[Any], of: int, **named: Any) -> Result:
    """Start a task; the result is returned by what is returned.

    Parameters
    ----------
    function : callable
        Of a module, with the same result wherever it is called.
    shared : ndarray
        Its arguments that many tasks have, which are sent once.
    of : int
        How many tasks there are at the same time.
    named
        Its other arguments.
    """
    return _tasks.get().start(function, shared, of, **named)


def fit(estimator: Any, rows: Any, y: Any) -> None:
    """Fit an estimator as a part of its own, after all others."""
    _tasks.get().fit(estimator, rows, y)
