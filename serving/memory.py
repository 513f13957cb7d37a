"""How often Python collects cyclic garbage, and how free memory is returned to the system."""

import ctypes
import gc

MAX_CONTAINERS = 50_000  # new ones until a collection; Python's default is 700


def raise_gc_threshold() -> None:
    """Collect cyclic garbage less often: records and rows form no cycles and need none of it."""
    gc.set_threshold(MAX_CONTAINERS)


def give_memory_back() -> None:
    """Return memory that was freed after loading, some 40 MB; only glibc would keep it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
