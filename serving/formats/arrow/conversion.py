"""Has a body of Parquet or Arrow read or written by a process of its own, within limits."""

from typing import IO

from serving.formats import apart
from serving.formats.arrow.messages import DAMAGED, Request, ToRead, ToWrite, encode

ENVIRONMENT = apart.ENVIRONMENT | {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # others reserve more than they use
    "MALLOC_ARENA_MAX": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def convert(task: ToRead | ToWrite, source: IO[bytes], sink: IO[bytes]) -> None:
    """Have the process make what is asked for of a file, and go to the beginning of what it made.

    Parameters
    ----------
    source : file
        With a descriptor, as the process reads it by itself.

    Raises
    ------
    NotATable
        If the process ended before it was done, whatever the file did to it.
    NoRoom
        If there is no room in `sink`.
    """
    request = encode(Request(task, source.fileno()))
    apart.convert(
        "serving.formats.arrow.process",
        request,
        source,
        sink,
        damaged=DAMAGED,
        environment=ENVIRONMENT,
    )
