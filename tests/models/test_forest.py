"""Forests that are walked: equal to scikit-learn to the last bit, and no table that runs away."""

import io
import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from forest_files import ODD, mutate, mutations, packed, tables_of
from forests import ALL, WITHOUT, artefact, compiled, estimator
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from sanitized import use_sanitized
from threadpoolctl import threadpool_limits

from serving.errors import ArtefactError
from serving.models import forest, forest_tables
from serving.models.artefact import FOREST, ONNX
from serving.models.backends import from_estimator
from serving.models.engine import Engine
from train.onnx import proof

use_sanitized(forest, "_walk")

walked = pytest.mark.skipif(
    not forest.is_available() and "CI" not in os.environ,
    reason="there was no C compiler when adega was installed",
)


@walked
@pytest.mark.parametrize("case", ALL)
def test_a_walked_forest_equals_scikit_learn_to_the_last_bit(
    case: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(proof, "PROOF_ROWS", 4_000)
    version = artefact(case)
    assert (FOREST in version.contents) == (case not in WITHOUT)
    if case in WITHOUT:
        return
    assert Engine(version).backend == "forest"
    agreement = proof.prove(version)[FOREST]
    assert (agreement.label_differences, agreement.largest_gap) == (0, 0.0)
    assert agreement.rows == 4_000
    compute = forest.from_forest(version.contents[FOREST], version.manifest)
    rows = version.recorded_outputs()[0]
    rows = np.vstack([rows] * 12)[:1060]
    with threadpool_limits(1):
        expected = from_estimator(estimator(case), version.manifest)(rows)
    for count in (0, 1, 2, 3, 4, 7, 8, 9, 11, 12, 13, 17, 24, 25, 257, 1023, 1024, 1025, 1060):
        np.testing.assert_array_equal(compute(rows[:count]), expected[:count])
    np.testing.assert_array_equal(compute(np.asfortranarray(rows)), expected)
    np.testing.assert_array_equal(compute(rows[::-3]), expected[::-3])


def test_onnx_serves_what_cannot_be_walked_here(monkeypatch: pytest.MonkeyPatch):
    version = artefact("a scaled forest")
    monkeypatch.setattr(forest, "_walk", None)
    assert Engine(version).backend == "onnx"
    assert Engine(version).unfit == []
    assert {*proof.prove(version)} == {ONNX}
    assert FOREST not in compiled("a scaled forest").contents


def other_values(tables: dict[str, Any]) -> None:
    tables["values"] *= 1.5


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "other leaves": (other_values, "does not"),
    "no links": (lambda tables: tables.pop("links"), "cannot be loaded"),
    "an unknown link": (lambda tables: tables.update(links=np.array(["log"])), "cannot be loaded"),
    "of single precision": (
        lambda tables: tables.update(values=tables["values"].astype(np.float32)),
        "cannot be loaded: values are of another type",
    ),
    "no trees": (
        lambda tables: tables.update(trees=tables["trees"][:0]),
        "cannot be loaded: a tree has no nodes",
    ),
}


@walked
@pytest.mark.parametrize("change", CHANGES)
def test_onnx_serves_where_the_table_does_not_hold(change: str, caplog: Any):
    version = artefact("a scaled forest")
    tables = tables_of(version.contents[FOREST])
    alter, reason = CHANGES[change]
    alter(tables)
    broken = replace(version, contents={**version.contents, FOREST: packed(tables)})
    engine = Engine(broken)
    assert (engine.backend, engine.unfit) == ("onnx", [FOREST])
    assert f"loan 0: forest.npz {reason}" in caplog.text


MALFORMED: dict[str, tuple[str, int, str, Any]] = {
    "a branch beyond its tree": ("nodes", 0, "left", 10**6),
    "a branch before its node": ("nodes", 0, "left", -1),
    "a leaf that splits": ("nodes", -1, "threshold", 1.0),
    "a feature beyond the table": ("nodes", 0, "slot", 60_000),
    "a root within another tree": ("trees", 1, "root", 0),
    "a sum beyond the last": ("trees", 0, "column", 3),
    "a depth that ends too early": ("trees", 0, "depth", 1),
    "a depth without end": ("trees", 0, "depth", 2**31 - 1),
    "a field beyond the row": ("features", 0, "field", 5),
    "steps beyond the table": ("features", 0, "end", 99),
    "a step of no kind": ("steps", 0, "kind", 7),
    "numbers beyond the table": ("steps", -1, "count", 2**62),
    "numbers before the table": ("steps", -1, "first", -1),
    "members beyond the table": ("nodes", "among", "threshold", 1e30),
    "members of a number": ("nodes", 0, "among", 1),
}


@walked
@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_table_is_refused(fault: str):
    version = artefact("histograms of three classes with categories")
    tables = tables_of(version.contents[FOREST])
    table, place, field, value = MALFORMED[fault]
    if place == "among":
        place = int(np.flatnonzero(tables["nodes"]["among"])[0])
    elif fault == "members of a number":
        numeric = tables["steps"]["kind"][tables["features"]["end"] - 1] == forest_tables.RANK
        inner = tables["nodes"]["left"] != np.arange(len(tables["nodes"]))
        place = int(np.flatnonzero(inner & numeric[tables["nodes"]["slot"] // 2])[0])
    tables[table][field][place] = value
    with pytest.raises(ArtefactError, match="cannot be loaded: "):
        forest.from_forest(packed(tables), version.manifest)


@walked
def test_rows_of_another_width_are_refused():
    version = artefact("a scaled forest")
    compute = forest.from_forest(version.contents[FOREST], version.manifest)
    with pytest.raises(ValueError, match="rows have 4 columns, not 5"):
        compute(np.zeros((3, 4)))


KINDS = ("a scaled forest", "histograms of three classes with categories")


@walked
@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,)}",
        b"{'descr': '<f8', ",
        b"-" * 9_000 + b"1",
    ],
)
def test_a_table_of_which_the_file_is_malformed_is_refused(header: bytes):
    version = artefact("boosting of numbers")
    damaged = io.BytesIO()
    with ZipFile(io.BytesIO(version.contents[FOREST])) as file, ZipFile(damaged, "w") as copy:
        for name in file.namelist():
            content = b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header
            copy.writestr(name, content if name == "numbers.npy" else file.read(name))
    with pytest.raises(ArtefactError, match="cannot be loaded: "):
        forest.from_forest(damaged.getvalue(), version.manifest)


@walked
@settings(max_examples=int(os.environ.get("CASES", "100")), deadline=None)
@drawn(kind=st.sampled_from(KINDS), changes=mutations(forest_tables.TYPES))
def test_no_table_runs_away(kind: str, changes: Any):
    """Refused, or walked to its end: with `make sanitize` no step leaves the tables."""
    version, rows = artefact(kind), rows_to_walk(kind)
    tables = tables_of(version.contents[FOREST])
    mutate(tables, changes)
    try:
        compute = forest.from_forest(packed(tables), version.manifest)
    except ArtefactError:
        return
    for count in (1, 9, len(rows)):
        assert len(compute(rows[:count])) == count


@cache
def rows_to_walk(kind: str) -> Any:
    rows = np.vstack([artefact(kind).recorded_outputs()[0], np.full((len(ODD), 5), 1.0)])
    rows[-len(ODD) :] = np.array(ODD)[:, None]
    return rows
