"""Reading ahead, in a thread, while what was read before is worked on."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ITEMS = 2  # one that is ready, and one that is being made

Item = TypeVar("Item")


def ahead(items: Generator[Item]) -> Generator[Item]:
    """Hand on what a generator yields, some of it made before it is asked for.

    The generator runs in one other thread. That gains time where it waits for a database, or lets
    one work within this process.
    """
    with ThreadPoolExecutor(1) as thread:
        coming = deque(thread.submit(next, items, None) for _ in range(ITEMS))
        try:
            while (item := coming.popleft().result()) is not None:
                coming.append(thread.submit(next, items, None))
                yield item
        finally:
            thread.shutdown(cancel_futures=True)
            items.close()
