"""Waiting for what another process does."""

import http.client
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bench.errors import BenchError

PATIENCE = 60  # seconds in which anything starts, stops or follows
STEP = 0.02  # seconds between two looks
LAST_WORDS = 2_000  # characters of a log


def wait_until(condition: Callable[[], bool], log: Path | None = None) -> None:
    """Return as soon as a condition holds; connection errors mean not yet.

    Raises
    ------
    BenchError
        With the end of a log, if it does not in time.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError, http.client.HTTPException):
            if condition():
                return
        time.sleep(STEP)
    end = f"; its log ends with:\n{log.read_text()[-LAST_WORDS:]}" if log else ""
    raise BenchError(f"not within {PATIENCE} s{end}")
