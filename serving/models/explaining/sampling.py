"""Contributions of the fields to the outputs of any model, by sampling orders of the fields.

A reference row is turned into the row that is explained, one field after the other, in a random
order; a field's contribution is the mean change of the output when its turn comes. The average of
all orders and reference rows is the Shapley value (Štrumbelj and Kononenko 2014, Explaining
prediction models and individual predictions with feature contributions, Knowledge and Information
Systems 41, 647-665). Each order is used backwards, too, which lowers the error (Mitchell et al.
2022, Sampling Permutations for Shapley Value Estimation, JMLR 23).
"""

import logging
import time
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.inputs.schema import Matrix
from serving.models.backends import Compute
from serving.models.explaining.contributions import Contributions, Unit

log = logging.getLogger(__name__)

SEED = 1  # of the orders, which are the same for all rows, so that equal rows have equal values
# Of rows that are computed at once: the time is looked at between two pieces. It must not choose
# them, because outputs may differ in their last bit by how many rows are computed together.
MAX_ROWS, MAX_CELLS, MAX_CHARACTERS = 2**10, 2**20, 2**24


class OutOfTime(Exception):
    """A row was not explained in the time that there was."""


class Orders(NamedTuple):
    """Orders of the fields; every second one is the order before it, backwards.

    Attributes
    ----------
    fields : ndarray of int, shape (orders, fields)
    turned : ndarray of bool, shape (orders, fields - 1, fields)
        Which fields are those of the explained row between two turns.
    references : ndarray, shape (orders, fields)
        The reference row of each order.
    outputs : ndarray, shape (orders, outputs)
        What is computed of the reference rows.
    """

    fields: NDArray[np.intp]
    turned: NDArray[np.bool_]
    references: Matrix
    outputs: Matrix


class Sampling:
    """Explains rows by sampling.

    Parameters
    ----------
    compute : callable
        Computes the outputs that are explained.
    references : ndarray, shape (rows, fields)
        Rows like those of the training data.
    """

    def __init__(self, compute: Compute, references: Matrix, unit: Unit) -> None:
        self._compute, self._references, self._unit = compute, references, unit
        self._orders = lru_cache(maxsize=1)(self._draw)

    def explain(self, rows: Matrix, samples: int, seconds: float) -> Contributions:
        """Explain rows with so many orders of the fields, an even number of 4 or more.

        The values of a row are NaN if the model has no output for rows between a reference and it.
        The last rows have none if they are not explained within so many seconds.
        """
        end = time.monotonic() + seconds
        orders, outputs = self._orders(samples), self._compute(rows)
        shape = (rows.shape[1], outputs.shape[1])
        values, errors = [np.empty((0, *shape))], [np.empty((0, *shape))]
        with suppress(OutOfTime):
            for row, output in zip(rows, outputs, strict=True):
                pairs = self._by_pair(row, output, orders, end)
                values.append(pairs.mean(axis=0)[None])
                errors.append(pairs.std(axis=0, ddof=1)[None] / np.sqrt(len(pairs)))
        base = orders.outputs.mean(axis=0)
        return Contributions(
            base, np.concatenate(values), np.concatenate(errors), "sampling", self._unit
        )

    def _draw(self, samples: int) -> Orders:
        random, width = np.random.default_rng(SEED), self._references.shape[1]
        drawn = [random.permutation(width) for _ in range(samples // 2)]
        fields = np.array([each for order in drawn for each in (order, order[::-1])])
        turns = np.argsort(fields, axis=1)  # of each field
        turned = turns[:, None, :] <= np.arange(width - 1)[:, None]
        places = np.arange(len(drawn)) % len(self._references)
        references = self._references[places.repeat(2)]
        return Orders(fields, turned, references, self._compute(references))

    def _by_pair(
        self, row: Matrix, output: Matrix, orders: Orders, end: float
    ) -> NDArray[np.float64]:
        """Return each pair's mean change by a field's turn, shape (pairs, fields, outputs).

        Raises
        ------
        OutOfTime
            At the end, by `time.monotonic`.
        """
        count, width = orders.fields.shape
        step = _orders_at_once(row)
        between = []
        for at in range(0, count, step):
            if time.monotonic() > end:
                raise OutOfTime
            between.append(self._between(row, orders, slice(at, at + step)))
        last = np.broadcast_to(output, (count, 1, len(output)))
        reached = np.concatenate([orders.outputs[:, None], np.concatenate(between), last], axis=1)
        changes = np.empty((count, width, len(output)))
        changes[np.arange(count)[:, None], orders.fields] = np.diff(reached, axis=1)
        return np.asarray(changes.reshape(-1, 2, *changes.shape[1:]).mean(axis=1))

    def _between(self, row: Matrix, orders: Orders, part: slice) -> NDArray[np.float64]:
        """Compute the rows between a reference row and the explained one, of some orders."""
        turned, references = orders.turned[part], orders.references[part]
        mixed = np.where(turned, row, references[:, None, :])
        if not mixed.size:  # of one field there is nothing between
            return np.empty((*mixed.shape[:2], orders.outputs.shape[1]))
        try:
            outputs = self._compute(mixed.reshape(-1, mixed.shape[-1]))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 # why: estimators and runtimes raise anything
            log.info("rows between a reference and an explained one are refused: %s", error)
            return np.full((*mixed.shape[:2], orders.outputs.shape[1]), np.nan)
        return outputs.reshape(*mixed.shape[:2], -1)


def _orders_at_once(row: Matrix) -> int:
    """Return for how many orders the rows between a reference and this one are computed at once."""
    width = len(row)
    characters = sum(len(each) for each in row if isinstance(each, str))
    rows = min(MAX_ROWS, MAX_CELLS // width, MAX_CHARACTERS // max(1, characters))
    return max(1, rows // width)
