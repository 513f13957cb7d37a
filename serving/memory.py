"""Memory: how often Python collects cyclic garbage, and giving free memory back to the system."""

import ctypes
import gc

CONTAINERS = 50_000  # new ones between two collections; Python's default is 700


def raise_gc_threshold() -> None:
    """Collect cyclic garbage less often: records and rows form no cycles, and are freed anyway."""
    gc.set_threshold(CONTAINERS)


def give_memory_back() -> None:
    """Give memory that loading freed back to the system, some 40 MB; only glibc keeps it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
