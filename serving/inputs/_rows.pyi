from numpy import float64
from numpy.typing import NDArray

def write_rows(tables: tuple[bytes, bytes, bytes], rows: NDArray[float64], /) -> bytes | None: ...
