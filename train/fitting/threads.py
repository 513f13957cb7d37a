"""How many threads training may use."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from threadpoolctl import threadpool_limits

# Of the trees of a forest, in place of what the estimator has; None leaves that.
forest_threads: ContextVar[int | None] = ContextVar("forest_threads", default=None)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep boosting and linear algebra on one thread, in a `with` or in a decorated function.

    Their threads wait for each other without rest: where others use the machine too, two took
    twenty times as long as one. Forests have threads of another kind, and keep them.
    """
    with threadpool_limits(1):
        yield
