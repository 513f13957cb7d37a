"""What fields contribute to the outputs of trees: Shapley values, equal to their definition."""

import os
from collections.abc import Callable
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from artefacts import manifest_of
from forest_files import ODD
from forests import ALL, WITHOUT, estimator, explained, with_table
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

from serving.inputs.field import Field
from serving.models.backends import from_estimator, to_features
from serving.models.explaining import forest
from serving.models.explaining.contributions import adds_up
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


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("case", [case for case in ALL if case not in WITHOUT])
def test_base_and_contributions_add_up_to_the_output(case: str):
    version = with_table(case)
    rows = version.recorded_outputs()[0]
    found = explained(version, rows)
    with threadpool_limits(1):
        outputs = from_estimator(estimator(case), version.manifest)(rows)
    base, values, error, method, _ = found
    assert (base.shape, values.shape) == (outputs.shape[1:], (len(rows), 5, outputs.shape[1]))
    assert (error, method) == (None, "trees")
    assert adds_up(found, outputs).all()


@pytest.mark.skipif(
    not forest.is_compiled(), reason="there was no C compiler when adega was installed"
)
@pytest.mark.parametrize("case", [case for case in ALL if case not in WITHOUT])
def test_explanations_without_c_are_equal(case: str, monkeypatch: pytest.MonkeyPatch):
    version = with_table(case)
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
def test_contributions_are_in_the_unit_in_which_leaves_are_added_up(case: str):
    version = with_table(case)
    assert explained(version, version.recorded_outputs()[0][:1]).unit == UNITS[case]


@pytest.mark.usefixtures("way")
def test_a_field_that_nothing_is_split_on_contributes_nothing():
    version = with_table("scalers of all kinds")  # which drop the last field
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
