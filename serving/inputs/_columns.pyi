from numpy import float64
from numpy.typing import NDArray

def read_records(
    tables: tuple[bytes, bytes, bytes], body: bytes, rows: NDArray[float64], /
) -> int: ...
def read_arrays(
    tables: tuple[bytes, bytes, bytes], places: bytes, body: str, rows: NDArray[float64], /
) -> int: ...
