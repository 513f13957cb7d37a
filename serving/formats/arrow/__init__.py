"""Parquet and Arrow IPC: columns of records, and of their predictions.

pyarrow is an optional dependency, and a large library in C++ that hostile files have crashed
before. A worker of the service imports none of it: it has bodies read and written by a process
that ends afterwards, see `conversion`. In that process it costs the workers no memory, and whatever
a body does to it, the service goes on. Other processes, such as those of `adega predict`, import
`reading` and `writing` themselves.
"""

from importlib.util import find_spec

PARQUET = "application/vnd.apache.parquet"
STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
MEDIA_TYPES = (PARQUET, STREAM, FILE)


def is_installed() -> bool:
    """Whether pyarrow can be imported."""
    return find_spec("pyarrow") is not None
