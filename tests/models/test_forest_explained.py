"""What fields contribute to the outputs of trees: Shapley values, equal to their definition."""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from artefacts import made, manifest_of
from conftest import ROOT
from estimators import fitted, loans
from forest_files import ODD, mutate, mutations, packed, tables_of
from forests import ALL, WITHOUT
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from sanitized import use_sanitized
from sklearn.base import is_classifier
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from serving.errors import ArtefactError
from serving.inputs.field import Field
from serving.models import artefact as artefacts
from serving.models import forest_tables
from serving.models.artefact import FOREST, Artefact
from serving.models.backends import from_estimator, to_features
from serving.models.engine import Engine
from serving.models.explaining import forest
from serving.models.explaining.contributions import Contributions, adds_up
from serving.models.explaining.explanation import ExplainOptions, Explanation
from serving.models.explaining.forest import from_forest
from train.onnx import forest as writing
from train.onnx.proof_rows import rows_on_thresholds
from train.onnx.trees import FORESTS, Tree, trees_of

use_sanitized(forest, "_explain")

EXACT = 1e-9
needs_c = pytest.mark.skipif(
    not forest.is_compiled() and "CI" not in os.environ,
    reason="there was no C compiler when adega was installed",
)


@pytest.fixture(params=[pytest.param("compiled", marks=needs_c), "NumPy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "NumPy":
        monkeypatch.setattr(forest, "_explain", None)
    return request.param


def value_of(tree: Tree, row: Any, known: tuple[int, ...], node: int = 0) -> float:
    """The mean of the leaves that a row comes to of which only some features are known."""
    left, right = int(tree.left[node]), int(tree.right[node])
    if left < 0:
        return float(tree.leaf[node])
    feature = int(tree.feature[node])
    if feature in known:
        x = row[feature]
        if node in tree.members:
            is_left = x in tree.members[node]
        else:
            is_left = tree.missing_left[node] if np.isnan(x) else x <= tree.threshold[node]
        return value_of(tree, row, known, left if is_left else right)
    covers = tree.cover[[left, right]]
    values = [value_of(tree, row, known, branch) for branch in (left, right)]
    return float(covers @ values / covers.sum())


def by_definition(tree: Tree, row: Any, features: int) -> list[float]:
    """The Shapley values: the first of the formulas in explaining/forest.py, set by set."""
    found = []
    for feature in range(features):
        others = [each for each in range(features) if each != feature]
        total = 0.0
        for size in range(features):
            weight = factorial(size) * factorial(features - size - 1) / factorial(features)
            for known in combinations(others, size):
                gain = value_of(tree, row, (*known, feature)) - value_of(tree, row, known)
                total += weight * gain
        found.append(total)
    return found


def expected(model: Any, rows: Any) -> Any:
    """Of a model all its contributions, shape (rows, features, outputs), by their definition."""
    trees = trees_of(model)
    outputs = max(output for output, _ in trees) + 1
    found = np.zeros((*rows.shape, outputs))
    compared = rows if isinstance(model, HISTOGRAMS) else rows.astype(np.float32).astype(float)
    for output, tree in trees:
        for at, row in enumerate(compared):
            found[at, :, output] += by_definition(tree, row, rows.shape[1])
    if isinstance(model, FORESTS):
        found /= len(getattr(model, "estimators_", [model]))
    if is_classifier(model) and len(model.classes_) == 2:
        return np.stack([-found[..., -1], found[..., -1]], axis=-1)
    return found


HISTOGRAMS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
SMALL: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a tree of classes": lambda given: DecisionTreeClassifier(**given),
    "a tree of numbers": lambda given: DecisionTreeRegressor(**given),
    "a forest": lambda given: RandomForestClassifier(3, **given),
    "a forest of numbers": lambda given: RandomForestRegressor(2, **given),
    "extra trees": lambda given: ExtraTreesRegressor(2, **given),
    "boosting": lambda given: GradientBoostingClassifier(n_estimators=2, **given),
    "histograms": lambda given: HistGradientBoostingClassifier(
        max_iter=2, min_samples_leaf=1, categorical_features=[0], **given
    ),
    "histograms of numbers": lambda given: HistGradientBoostingRegressor(
        max_iter=2, min_samples_leaf=2, **given
    ),
}


@settings(max_examples=int(os.environ.get("CASES", "60")), deadline=None)
@drawn(
    kind=st.sampled_from([*SMALL]),
    shape=st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(2, 3)),
    missing=st.booleans(),
    seed=st.integers(0, 2**31 - 1),
)
def test_contributions_are_the_shapley_values_of_their_definition(
    kind: str, shape: tuple[int, int, int], missing: bool, seed: int
):
    features, depth, classes = shape
    random = np.random.default_rng(seed)
    given = random.integers(0, 7, (60, features)) / 4  # many rows on the same few thresholds
    if missing and kind != "boosting":
        given[random.random(given.shape) < 0.15] = np.nan
    model = SMALL[kind]({"max_depth": depth, "random_state": seed})
    score = np.nan_to_num(given).sum(axis=1) + random.normal(0, 0.5, len(given))
    target = np.digitize(score, np.quantile(score, [0.4, 0.7][: classes - 1]))
    weights = random.integers(1, 4, len(given)) / 2
    with threadpool_limits(1):
        model.fit(given, target if is_classifier(model) else score, weights)
    frame = pd.DataFrame(given, columns=[f"x{at}" for at in range(features)])
    manifest = manifest_of("small", model, frame)
    content = writing.to_forest(model, manifest)
    assert content is not None
    rows = np.vstack(
        [given[:3], rows_on_thresholds([t for _, t in trees_of(model)], given[3:6], 1)]
    )
    right = expected(model, rows)
    with pytest.MonkeyPatch.context() as patched:
        compiled = from_forest(content, manifest)
        patched.setattr(forest, "_explain", None)
        in_numpy = from_forest(content, manifest)
    for explain in (compiled, in_numpy):
        assert explain is not None
        np.testing.assert_allclose(explain(rows).values, right, rtol=0, atol=EXACT)


@pytest.fixture(scope="module")
def versions() -> dict[str, tuple[Any, Artefact]]:
    return {}


def version_of(case: str, versions: dict[str, tuple[Any, Artefact]]) -> tuple[Any, Artefact]:
    if case not in versions:
        estimator = fitted(ALL[case])
        frame = loans(missing=ALL[case].missing)
        version = made("loan", estimator, frame, **ALL[case].says)
        if FOREST not in version.contents:  # there is no compiler: it is written all the same
            content = writing.to_forest(estimator, version.manifest)
            version = replace(version, contents={**version.contents, FOREST: content})
        versions[case] = estimator, version
    return versions[case]


def explained(version: Artefact, rows: Any) -> Contributions:
    explain = from_forest(version.contents[FOREST], version.manifest)
    assert explain is not None
    return explain(rows)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("case", [case for case in ALL if case not in WITHOUT])
def test_base_and_contributions_add_up_to_the_output(case: str, versions: dict[str, Any]):
    estimator, version = version_of(case, versions)
    rows = version.recorded_outputs()[0]
    found = explained(version, rows)
    with threadpool_limits(1):
        outputs = from_estimator(estimator, version.manifest)(rows)
    base, values, error, method, _ = found
    assert (base.shape, values.shape) == (outputs.shape[1:], (len(rows), 5, outputs.shape[1]))
    assert (error, method) == (None, "trees")
    assert adds_up(found, outputs).all()


@pytest.mark.skipif(
    not forest.is_compiled(), reason="there was no C compiler when adega was installed"
)
@pytest.mark.parametrize("case", [case for case in ALL if case not in WITHOUT])
def test_explanations_without_c_are_equal(
    case: str, versions: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    _, version = version_of(case, versions)
    rows = np.vstack([version.recorded_outputs()[0], np.array(ODD)[:, None] * np.ones(5)])
    compiled = explained(version, rows)
    monkeypatch.setattr(forest, "_explain", None)
    for found, same in zip(explained(version, rows), compiled, strict=True):
        if isinstance(found, np.ndarray):
            scale = max(1.0, float(np.abs(same).max()))
            np.testing.assert_allclose(found, same, rtol=0, atol=EXACT * scale)
        else:
            assert found == same


UNITS = {
    "a forest of three classes": "probability",
    "a tree of yes and no": "probability",
    "boosting of digits": "log-odds",
    "a threshold": "log-odds",
    "extra trees with an interval": "number",
    "boosting of numbers": "number",
    "the logarithm of a number": "logarithm",
    "histograms of counts": "logarithm",
}


@pytest.mark.parametrize("case", UNITS)
def test_contributions_are_in_the_unit_in_which_leaves_are_added_up(
    case: str, versions: dict[str, Any]
):
    _, version = version_of(case, versions)
    assert explained(version, version.recorded_outputs()[0][:1]).unit == UNITS[case]


@pytest.mark.usefixtures("way")
def test_a_field_that_nothing_is_split_on_contributes_nothing(versions: dict[str, Any]):
    _, version = version_of("scalers of all kinds", versions)  # which drop the last field
    _, values, *_ = explained(version, version.recorded_outputs()[0])
    assert not values[:, -1].any()
    assert values[:, :-1].any(axis=(0, 2)).all()


@pytest.mark.usefixtures("way")
def test_a_date_contributes_what_its_calendar_does():
    days = np.random.default_rng(0).integers(0, 20_000, 300).astype(float)
    frame = pd.DataFrame({"size": days % 13, "day": days})
    fields = (Field(name="size", type="number"), Field(name="day", type="date"))
    given = to_features(fields, frame.to_numpy())  # then year, month and weekday
    model = RandomForestRegressor(5, random_state=0).fit(given, 3 * given[:, 3] + frame["size"])
    manifest = manifest_of("dates", model, frame, fields=fields)
    explain = from_forest(writing.to_forest(model, manifest), manifest)
    found = explain(frame.to_numpy())
    _, values, *_ = found
    assert values.shape == (300, 2, 1)
    assert np.abs(values[:, 1]).mean() > 2 * np.abs(values[:, 0]).mean()
    np.testing.assert_allclose(found.sums[:, 0], model.predict(given), atol=EXACT)


def without_covers(version: Artefact) -> bytes:
    tables = tables_of(version.contents[FOREST])
    del tables["covers"]
    return packed(tables)


def test_predictions_of_trees_are_explained_from_their_table(versions: dict[str, Any]):
    _, version = version_of("a threshold", versions)
    (found,) = engine_explains(version)
    assert (found.method, found.unit) == ("trees", "log-odds")
    contributions = sum(each.contribution for each in found.contributions)
    probability = 1 / (1 + np.exp(-found.base - contributions))
    rows = version.recorded_outputs()[0][:1]
    labels, probabilities, _ = Engine(version).predict(rows)
    assert found.of == labels[0]
    assert abs(probability - max(probabilities[0])) < EXACT


def test_what_was_written_before_covers_were_recorded_is_sampled(versions: dict[str, Any]):
    _, version = version_of("a scaled forest", versions)
    older = replace(version, contents={**version.contents, FOREST: without_covers(version)})
    assert from_forest(older.contents[FOREST], older.manifest) is None
    assert Engine(older).backend == Engine(version).backend
    assert engine_explains(older)[0].method == "sampling"


def engine_explains(version: Artefact) -> list[Explanation]:
    engine, rows = Engine(version), version.recorded_outputs()[0][:1]
    return engine.explain(rows, engine.predict(rows), ExplainOptions(), 40)


def test_two_links_are_not_explained(versions: dict[str, Any]):
    _, version = version_of("the logarithm of a number", versions)
    tables = tables_of(version.contents[FOREST])
    tables["links"] = np.array(["exp", "exp"])
    assert from_forest(packed(tables), version.manifest) is None


@pytest.mark.parametrize("limit", ["MAX_FEATURES", "MAX_NUMBERS"])
def test_trees_beyond_a_limit_are_not_explained(
    limit: str, versions: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    _, version = version_of("a scaled forest", versions)
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
def test_malformed_covers_are_refused(fault: str, versions: dict[str, Any]):
    _, version = version_of("a scaled forest", versions)
    tables = tables_of(version.contents[FOREST])
    place, value = MALFORMED[fault]
    tables["covers"][place] = value
    with pytest.raises(ArtefactError, match="cannot be explained: "):
        from_forest(packed(tables), version.manifest)


def test_a_node_that_is_the_branch_of_two_is_refused(versions: dict[str, Any]):
    _, version = version_of("a scaled forest", versions)
    tables = tables_of(version.contents[FOREST])
    nodes = tables["nodes"]
    first, second = np.flatnonzero(nodes["left"] != np.arange(len(nodes)))[1:3]
    nodes["left"][first] = nodes["left"][second]
    tables["trees"]["depth"][0] = depth_of(nodes["left"], 0, tables["trees"]["root"][1])
    with pytest.raises(ArtefactError, match="a node is not the branch of one node"):
        from_forest(packed(tables), version.manifest)


def depth_of(left: Any, first: int, end: int) -> int:
    depths = np.zeros(end, int)
    for node in range(first, end):
        if left[node] != node:
            for branch in (left[node], left[node] + 1):
                depths[branch] = max(depths[branch], depths[node] + 1)
    reached, level = {first}, 0
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
    version, rows = fuzzed()
    tables = tables_of(version.contents[FOREST])
    mutate(tables, changes)
    try:
        explain = from_forest(packed(tables), version.manifest)
    except ArtefactError:
        return
    if explain:
        with np.errstate(all="ignore"):
            assert len(explain(rows).values) == len(rows)


FUZZED: dict[str, Any] = {}


def fuzzed() -> tuple[Artefact, Any]:
    _, version = version_of("histograms of three classes with categories", FUZZED)
    odd = np.array(ODD)[:, None] * np.ones(5)
    return version, np.vstack([version.recorded_outputs()[0][:5], odd])


def test_rows_of_another_width_are_refused(versions: dict[str, Any]):
    _, version = version_of("a scaled forest", versions)
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
