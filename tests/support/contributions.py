"""What holds of every explanation of an engine: the base and its contributions add up."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from msgspec import UNSET
from scipy.special import expit, softmax

from serving.models.artefact import FOREST, LINEAR, Artefact
from serving.models.engine import Engine
from serving.models.explaining.explanation import ExplainOptions

EVERY = ExplainOptions(every_class=True)
CLOSE = 1e-9


def sampled(artefact: Artefact) -> Artefact:
    """The same version without any table of contributions."""
    tables = (LINEAR, FOREST)
    kept = {file: artefact.contents[file] for file in artefact.contents if file not in tables}
    return replace(artefact, contents=kept)


def explain(engine: Engine, rows: Any, options: ExplainOptions = EVERY, samples: int = 40) -> Any:
    return engine.explain(rows, engine.predict(rows), options, samples)


def total(part: Any) -> float:
    return math.fsum([part.base, *(each.contribution for each in part.contributions)])


def requires_that_all_adds_up(engine: Engine, rows: Any, samples: int = 40) -> None:
    predictions, probabilities, _ = engine.predict(rows)
    names = engine.schema.names
    for row, found in enumerate(explain(engine, rows, samples=samples)):
        assert found.reason is UNSET
        parts = [found, *(found.others or [])]
        for part in parts:
            assert sorted(each.field for each in part.contributions) == sorted(names)
            assert total(part) == pytest.approx(part.output, abs=CLOSE, rel=CLOSE)
            sizes = [abs(each.contribution) for each in part.contributions]
            assert all(one >= other for one, other in pairwise(sizes))
        if found.unit == "number":
            assert found.output == pytest.approx(predictions[row], rel=CLOSE)
            continue
        assert found.of == predictions[row]
        if not probabilities:
            assert found.output == 1
            continue
        of = dict(zip(engine.manifest.classes, probabilities[row], strict=True))
        assert {part.of for part in parts} == of.keys()
        if found.unit == "probability":
            assert {part.of: part.output for part in parts} == of
        else:
            log_odds = [part.output for part in parts]
            shares = expit(log_odds) if len(of) == 2 else softmax(log_odds)
            shares = dict(zip((part.of for part in parts), shares, strict=True))
            assert shares == pytest.approx(of, abs=CLOSE)
