"""When Python looks for garbage in cycles, in processes through which many records go."""

import gc

CONTAINERS = 50_000  # made between two looks; Python's own 700 are two moments' work here


def look_seldom() -> None:
    """Look for cycles seldom: records and rows form none, and are freed without it."""
    gc.set_threshold(CONTAINERS)
