from numpy import float64
from numpy.typing import NDArray

def read_records(
    tables: tuple[bytes, bytes, bytes], body: bytes, rows: NDArray[float64], /
) -> int: ...
