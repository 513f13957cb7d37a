"""Reports the calls of a client, a line for each: its name and whether it works.

The scripts here import this with the packages of a client, and nothing of the service's tests.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
GOOD, BAD = (json.loads((ROOT / f"{name}.json").read_text()) for name in ("bom", "ruim"))
LABELS = ["bom", "ruim"]


@contextmanager
def works(call: str, result: str = "yes") -> Iterator[None]:
    """Print the result of a call, or how it failed if the block raises anything."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - clients raise whatever they do
        result = f"FAILED: {type(error).__name__} {error}".replace("\n", " ")
    print(f"{call}\t{result}")


@contextmanager
def refused(kind: type[Exception]) -> Iterator[list[Exception]]:
    """Expect that the block raises such an error, which is in the list afterwards."""
    errors: list[Exception] = []
    try:
        yield errors
    except kind as error:
        errors.append(error)
    assert errors, "it was not refused"
