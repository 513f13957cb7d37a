from numpy import float64
from numpy.typing import NDArray

def explain(
    tables: tuple[bytes, ...],
    edges: bytes,
    parts: bytes,
    quadrature: bytes,
    fields: int,
    rows: NDArray[float64],
    contributions: NDArray[float64],
    /,
) -> None: ...
