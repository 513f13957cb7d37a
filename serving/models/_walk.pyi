from numpy import float64
from numpy.typing import NDArray

def predict(
    tables: tuple[bytes, ...],
    fields: int,
    divisor: float,
    is_logistic: bool,
    rows: NDArray[float64],
    sums: NDArray[float64],
    /,
) -> None: ...
