"""Run a generator some items ahead of the code that uses them, in a thread."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ITEMS = 2  # one that is ready, and one that is being made

Item = TypeVar("Item")


def prefetch(items: Generator[Item]) -> Generator[Item]:
    """Yield the items of a generator, which runs ahead in one other thread.

    That saves time if the generator waits for a database or lets one work in this process.
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
