"""What predicts the record batches of a DataFrame, on executors."""

from collections.abc import Iterator
from typing import Any

import msgspec

from serving.scoring.options import Options
from serving.scoring.score import Scorer, make_scorer
from serving.spark.origin import Origin, load


class Order(msgspec.Struct):
    """How batches are predicted.

    Attributes
    ----------
    names : list of str
        The names of their columns: Spark looks a name with a dot up as another one.
    kept : list of str
        The columns that are kept, in their order.
    """

    origin: Origin
    options: Options
    names: list[str]
    kept: list[str]


def run(order: bytes, batches: Iterator[Any]) -> Iterator[Any]:
    """Predict the record batches of a partition."""
    wanted = msgspec.json.decode(order, type=Order)
    engine = load(wanted.origin)
    scorer: Scorer | None = None
    for batch in batches:
        records = batch.rename_columns(wanted.names)
        scorer = scorer or make_scorer(engine, records.schema, wanted.options, wanted.kept)
        yield scorer.score(records)
