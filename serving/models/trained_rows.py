"""Which rows a version was trained on, as hashes: traffic that consists of them is recognised.

Of many rows those with the smallest hashes are kept (a bottom-k sketch: Cohen and Kaplan 2007,
Summarizing Data using Bottom-k Sketches), so that of other rows with as small a hash it is known
whether they are among them. No value of a row can be computed from its hash of 32 bits, though
whoever has a row can see whether it was probably there.
"""

from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

MAX_HASHES = 4_096
DIGITS = 6  # significant, of a number that is compared
SMALLEST = -300  # power of ten below which a number's digits are not scaled up
SEED = np.uint64(0x9E3779B97F4A7C15)

Floats = NDArray[np.float64]
Hashes = NDArray[np.uint32]


class Known(NamedTuple):
    """Of how many rows it is known whether training had them, and how many it had."""

    rows: int
    trained: int


class TrainedRows(msgspec.Struct, frozen=True):
    """The rows of the training data, without their target.

    Attributes
    ----------
    hashes : bytes
        Different ones, sorted, as unsigned numbers of 32 bits, little-endian.
    largest : int
        All hashes up to it are there.
    repeats : float
        The share of new rows, from where the training data came, that would equal one of its rows
        by chance, because there are few different ones.
    """

    hashes: bytes
    largest: int
    repeats: float

    @classmethod
    def of(cls, rows: Floats) -> Self:
        """Summarise rows, shape (rows, fields); NaN is missing.

        >>> of_coarse = TrainedRows.of(np.array([[0.0, 1], [0, 1], [1, 0], [1, 0]]))
        >>> of_coarse.repeats, of_coarse.find(np.array([[1.0, 0], [2, 0]]))
        (1.0, Known(rows=2, trained=1))
        """
        hashes, counts = np.unique(hash_rows(rows), return_counts=True)
        kept = hashes[:MAX_HASHES]
        everything = len(kept) == len(hashes)
        # A new row is one that was there before with the probability of the rows that came more
        # than once (Good 1953); a table of all combinations has each of them, though only once.
        again = 1 - float((counts == 1).sum()) / max(1, len(rows))
        combinations = float(np.prod([float(len(np.unique(column))) for column in rows.T]))
        return cls(
            kept.astype("<u4").tobytes(),
            2**32 - 1 if everything else int(kept[-1]),
            round(min(1.0, max(again, len(hashes) / max(1.0, combinations))), 4),
        )

    def find(self, rows: Floats) -> Known:
        """Look for rows among those of training."""
        hashes = hash_rows(rows)
        known = hashes[hashes <= self.largest]
        found = np.isin(known, np.frombuffer(self.hashes, "<u4"))
        return Known(len(known), int(found.sum()))


def hash_rows(rows: Floats) -> Hashes:
    """Hash each row; numbers that are equal to six digits are equal.

    Each field is mixed in as splitmix64 does: Steele, Lea and Flood (2014), Fast Splittable
    Pseudorandom Number Generators.
    """
    values = rounded(rows) + 0.0  # no -0.0
    fields = np.where(np.isnan(values), np.nan, values).view(np.uint64)
    mixed = np.full(len(rows), SEED)
    for field in fields.T:
        mixed = (mixed ^ field) + SEED
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(32)).astype(np.uint32)


def rounded(values: Floats) -> Floats:
    """Round numbers as a reference does, so that equal ones stay equal."""
    size = np.floor(np.log10(np.abs(values), out=np.zeros_like(values), where=values != 0))
    scale = 10.0 ** (DIGITS - 1 - np.maximum(size, SMALLEST))
    return np.asarray(np.rint(values * scale) / scale)
