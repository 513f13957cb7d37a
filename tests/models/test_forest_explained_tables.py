"""The tables that trees are explained from: engines use them, malformed ones are refused."""

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from forest_files import ODD, mutate, mutations, packed, tables_of
from forests import explained, with_table
from hypothesis import given as drawn
from hypothesis import settings
from sanitized import use_sanitized

from serving.errors import ArtefactError
from serving.models import artefact as artefacts
from serving.models import forest_tables
from serving.models.artefact import FOREST, Artefact
from serving.models.engine import Engine
from serving.models.explaining import forest
from serving.models.explaining.contributions import adds_up
from serving.models.explaining.explanation import ExplainOptions, Explanation
from serving.models.explaining.forest import from_forest

use_sanitized(forest, "_explain")

EXACT = 1e-9


def without_covers(version: Artefact) -> bytes:
    tables = tables_of(version.contents[FOREST])
    del tables["covers"]
    return packed(tables)


def test_predictions_of_trees_are_explained_from_their_table():
    version = with_table("a threshold")
    (found,) = engine_explains(version)
    assert (found.method, found.unit) == ("trees", "log-odds")
    contributions = sum(each.contribution for each in found.contributions)
    probability = 1 / (1 + np.exp(-found.base - contributions))
    rows = version.recorded_outputs()[0][:1]
    labels, probabilities, _ = Engine(version).predict(rows)
    assert found.of == labels[0]
    assert abs(probability - max(probabilities[0])) < EXACT


def test_what_was_written_before_covers_were_recorded_is_sampled():
    version = with_table("a scaled forest")
    older = replace(version, contents={**version.contents, FOREST: without_covers(version)})
    assert from_forest(older.contents[FOREST], older.manifest) is None
    assert Engine(older).backend == Engine(version).backend
    assert engine_explains(older)[0].method == "sampling"


def engine_explains(version: Artefact) -> list[Explanation]:
    engine, rows = Engine(version), version.recorded_outputs()[0][:1]
    return engine.explain(rows, engine.predict(rows), ExplainOptions(), 40)


def test_two_links_are_not_explained():
    version = with_table("the logarithm of a number")
    tables = tables_of(version.contents[FOREST])
    tables["links"] = np.array(["exp", "exp"])
    assert from_forest(packed(tables), version.manifest) is None


@pytest.mark.parametrize("limit", ["MAX_FEATURES", "MAX_NUMBERS"])
def test_trees_beyond_a_limit_are_not_explained(limit: str, monkeypatch: pytest.MonkeyPatch):
    version = with_table("a scaled forest")
    monkeypatch.setattr(forest, limit, 2)
    assert from_forest(version.contents[FOREST], version.manifest) is None


MALFORMED: dict[str, tuple[int, float]] = {
    "a cover of zero": (-1, 0.0),
    "a cover below zero": (-1, -1.0),
    "a cover that is not a number": (0, np.nan),
    "a cover that is infinite": (0, np.inf),
    "covers of nothing else": (-1, 1e200),
    "a cover that is not that of the branches": (0, 7e9),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_malformed_covers_are_refused(fault: str):
    version = with_table("a scaled forest")
    tables = tables_of(version.contents[FOREST])
    place, value = MALFORMED[fault]
    tables["covers"][place] = value
    with pytest.raises(ArtefactError, match="cannot be explained: "):
        from_forest(packed(tables), version.manifest)


def test_a_node_that_is_the_branch_of_two_is_refused():
    version = with_table("a scaled forest")
    tables = tables_of(version.contents[FOREST])
    nodes = tables["nodes"]
    first, second = np.flatnonzero(nodes["left"] != np.arange(len(nodes)))[1:3]
    nodes["left"][first] = nodes["left"][second]
    tables["trees"]["depth"][0] = depth_of(nodes["left"], 0)
    with pytest.raises(ArtefactError, match="a node is not the branch of one node"):
        from_forest(packed(tables), version.manifest)


def depth_of(left: Any, root: int) -> int:
    reached, level = {root}, 0
    while inner := {node for node in reached if left[node] != node}:
        reached = {branch for node in inner for branch in (left[node], left[node] + 1)}
        level += 1
    return level


@pytest.mark.skipif(
    not forest.is_compiled(), reason="there was no C compiler when adega was installed"
)
@settings(max_examples=int(os.environ.get("CASES", "200")), deadline=None)
@drawn(changes=mutations([*forest_tables.TYPES, "covers"]))
def test_no_table_runs_away(changes: Any):
    """Refused, or explained to the end: with `make sanitize` no step leaves the tables."""
    version = with_table("histograms of three classes with categories")
    odd = np.array(ODD)[:, None] * np.ones(5)
    rows = np.vstack([version.recorded_outputs()[0][:5], odd])
    tables = tables_of(version.contents[FOREST])
    mutate(tables, changes)
    try:
        explain = from_forest(packed(tables), version.manifest)
    except ArtefactError:
        return
    if explain:
        with np.errstate(all="ignore"):
            assert len(explain(rows).values) == len(rows)


def test_rows_of_another_width_are_refused():
    version = with_table("a scaled forest")
    with pytest.raises(ValueError, match="rows have 4 columns, not 5"):
        explained(version, np.zeros((3, 4)))


def committed() -> Iterator[Artefact]:
    for name in ("wine", "wine-score", "diabetes"):
        yield artefacts.read(ROOT / "models", name, 1)


def test_what_is_committed_is_explained_and_grew_by_less_than_its_size():
    for version in committed():
        rows, outputs = version.recorded_outputs()
        assert adds_up(explained(version, rows[:50]), outputs[:50]).all()
        with np.load(io.BytesIO(version.contents[FOREST])) as tables:
            assert "covers" in tables
        assert len(version.contents[FOREST]) < 2 * len(without_covers(version))
