"""From a record batch to a scored one: a function of its records alone."""

import math
import sys

import pyarrow as pa
import pytest
from conftest import BAD, GOOD, MODELS, wine

from serving.errors import NotATable
from serving.models import artefact
from serving.models.engine import Engine
from serving.models.explaining.explanation import ExplainOptions
from serving.predicting.explaining import Explaining
from serving.scoring.score import Scorer

ENGINE = Engine(artefact.read(MODELS, "wine", 1, ()))
EXPLAINING = Explaining(20, sys.maxsize, math.inf)
RECORDS = [GOOD, BAD, wine(pH=-1.0), wine(alcohol=15.5), wine(color=None), BAD] * 3
BATCH = pa.RecordBatch.from_pylist([{"id": at, **each} for at, each in enumerate(RECORDS)])


@pytest.mark.parametrize("explain", [None, ExplainOptions(2), ExplainOptions(None)])
def test_it_does_not_matter_where_a_batch_ends(explain: ExplainOptions | None):
    scorer = Scorer(ENGINE, BATCH.schema, explain=explain, explaining=EXPLAINING)
    whole = scorer.score(BATCH)
    assert whole.schema == scorer.schema
    for size in (1, 4, 7):
        another = Scorer(ENGINE, BATCH.schema, explain=explain, explaining=EXPLAINING)
        slices = [another.score(BATCH.slice(first, size)) for first in range(0, len(RECORDS), size)]
        assert pa.Table.from_batches(slices).combine_chunks().to_batches() == [whole]


def test_a_batch_needs_only_the_columns_that_are_read_or_kept():
    data = BATCH.schema.append(pa.field("notes", pa.string()))
    scorer = Scorer(ENGINE, data, keep="none", explaining=EXPLAINING)
    assert scorer.needed == [*GOOD]
    assert scorer.unused == ["id", "notes"]
    made = scorer.score(BATCH.select([*GOOD][::-1]))
    assert made.column("prediction").to_pylist()[:3] == ["bom", "ruim", None]


def test_a_batch_without_rows_is_scored():
    scorer = Scorer(ENGINE, BATCH.schema, explaining=EXPLAINING)
    assert scorer.score(BATCH.slice(0, 0)).num_rows == 0
    assert scorer.score(BATCH.slice(2, 1)).column("error").null_count == 0


@pytest.mark.parametrize("name", ["prediction", "ERROR", "P(bom)"])
def test_a_column_with_the_name_of_a_prediction_is_refused(name: str):
    data = BATCH.schema.append(pa.field(name, pa.string()))
    with pytest.raises(NotATable, match="would be there twice, as predictions have one"):
        Scorer(ENGINE, data, explaining=EXPLAINING)
    Scorer(ENGINE, data, keep="none", explaining=EXPLAINING)
