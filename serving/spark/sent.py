"""The function that Spark sends to executors; it reports what they lack."""

from collections.abc import Callable, Iterator
from typing import Any

from serving import __version__


def sent(module: str, order: bytes) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return a function that calls `run` of a module on an executor.

    It refers to nothing of this package: one that did could not be read where the package is not
    there, and the error would be one of pickle.

    Parameters
    ----------
    module : str
        Its name; its `run` takes the order and an iterator, and returns another.
    """
    release = __version__

    def run(items: Iterator[Any]) -> Iterator[Any]:
        import importlib  # noqa: PLC0415
        import socket  # noqa: PLC0415

        where = f"the executor on {socket.gethostname()}"
        remedy = f"install Adega {release} and its requirements there, as docs/spark.md shows"
        try:
            here = importlib.import_module("serving").__version__
            if here != release:
                raise RuntimeError(f"{where} has Adega {here}, the driver has {release}; {remedy}")
            entry = importlib.import_module(module).run
        except ImportError as error:
            raise RuntimeError(f"{where} cannot load Adega: {error}; {remedy}") from None
        return entry(order, items)  # type: ignore[no-any-return]

    return run
