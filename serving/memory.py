"""Memory: when Python looks for garbage in cycles, and when what is free goes to the system."""

import ctypes
import gc

CONTAINERS = 50_000  # made between two looks; Python's own 700 are two moments' work here


def look_seldom() -> None:
    """Look for cycles seldom: records and rows form none, and are freed without it."""
    gc.set_threshold(CONTAINERS)


def give_memory_back() -> None:
    """Hand what loading took for a moment to the system, some 40 MB: glibc alone keeps it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
