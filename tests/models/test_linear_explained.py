"""Contributions of linear models add up and are exact; what is not linear is sampled."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from artefacts import fields_of, made
from contributions import CLOSE, explain, requires_that_all_adds_up, sampled
from estimators import FRAME, NUMBERS, TEXTS, loans, targets
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
)

from serving.models.artefact import LINEAR, Artefact
from serving.models.engine import Engine
from serving.models.explaining.explanation import ExplainOptions, Explanation
from train.tables.rows import to_rows


def prepared(*encoder: Any) -> Any:
    """Steps of which a table can be made, for a frame."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), MinMaxScaler())
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), *encoder)
    return ColumnTransformer([("numbers", numbers, NUMBERS), ("texts", texts, TEXTS)])


LINEAR_MODELS = {
    "a number": (make_pipeline(SimpleImputer(), StandardScaler(), Ridge()), "amount", {}),
    "a sparse one": (make_pipeline(SimpleImputer(), ElasticNet()), "amount", {}),
    "two labels": (
        make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
        "good",
        {},
    ),
    "three labels": (
        make_pipeline(prepared(OneHotEncoder(handle_unknown="ignore")), LogisticRegression(C=9)),
        "risk",
        FRAME,
    ),
    "categories of which one is dropped": (
        make_pipeline(prepared(OneHotEncoder(drop="first")), LinearRegression()),
        "amount",
        FRAME,
    ),
    "categories as means of the target": (
        make_pipeline(prepared(TargetEncoder()), LogisticRegression()),
        "good",
        FRAME,
    ),
}


def is_number(case: str) -> bool:
    """Whether a case is explained in a number, not in log-odds, which are not sampled."""
    return LINEAR_MODELS[case][1] == "amount"


def artefact_of(estimator: Any, target: str, says: Any) -> Artefact:
    frame = loans(missing=True)
    rows = frame if says.get("takes") == "frame" else to_rows(frame, fields_of(frame))
    return made("loan", estimator.fit(rows, targets()[target]), frame, **says)


@pytest.fixture(scope="module", params=LINEAR_MODELS)
def linear(request: pytest.FixtureRequest) -> Artefact:
    return artefact_of(*LINEAR_MODELS[request.param])


def test_a_linear_model_is_explained_exactly(linear: Artefact):
    assert LINEAR in linear.contents
    engine = Engine(linear)
    rows = to_rows(loans(missing=True), linear.manifest.fields)
    found = explain(engine, rows[:1])[0]
    assert found.method == "linear"
    assert found.unit == ("log-odds" if linear.manifest.classes else "number")
    assert all(each.standard_error is UNSET for each in found.contributions)
    requires_that_all_adds_up(engine, rows)


numbers = st.floats(-1e4, 1e4, allow_nan=False).map(lambda value: round(value, 3))


@settings(max_examples=30)
@given(st.lists(st.tuples(numbers, numbers, st.integers(0, 500)), min_size=1, max_size=5))
def test_base_and_contributions_add_up_for_any_row(rows: list[tuple[float, float, int]]):
    frame = loans(missing=False)[NUMBERS]
    y = targets()
    for target in ("amount", "good", "risk"):
        is_number = target == "amount"
        model = make_pipeline(StandardScaler(), Ridge() if is_number else LogisticRegression())
        artefact = cached(target, model, frame, y)
        for each in (artefact, sampled(artefact)):
            requires_that_all_adds_up(Engine(each), np.array(rows, float), samples=8)


MADE: dict[str, Artefact] = {}


def cached(target: str, model: Any, frame: pd.DataFrame, y: pd.DataFrame) -> Artefact:
    if target not in MADE:
        MADE[target] = made("loan", model.fit(frame.to_numpy(), y[target]), frame)
    return MADE[target]


NOT_LINEAR = {
    "an exponential of a sum": (
        make_pipeline(SimpleImputer(), StandardScaler(), PoissonRegressor()),
        "amount",
    ),
    "any function of a field": (
        make_pipeline(SimpleImputer(), FunctionTransformer(np.square), Ridge()),
        "amount",
    ),
}


@pytest.mark.parametrize("case", NOT_LINEAR)
def test_what_is_not_linear_has_no_coefficients(case: str):
    artefact = artefact_of(*NOT_LINEAR[case], {})
    assert LINEAR not in artefact.contents
    rows = to_rows(loans(missing=True), artefact.manifest.fields)[:3]
    assert explain(Engine(artefact), rows)[0].method == "sampling"


@pytest.mark.parametrize("case", [name for name in LINEAR_MODELS if is_number(name)])
def test_sampling_finds_what_is_exact_within_its_standard_errors(case: str):
    linear = artefact_of(*LINEAR_MODELS[case])
    exact, engine = Engine(linear), Engine(sampled(linear))
    rows = to_rows(loans(missing=True), linear.manifest.fields)[:20]
    apart = [
        (one - other) / error
        for each, near in zip(explain(exact, rows), explain(engine, rows, samples=400), strict=True)
        for one, (other, error) in in_order(each, near)
        if error > 0
    ]
    # Of standard errors; the reference rows are drawn field by field from quantiles.
    assert np.mean(np.abs(apart) < 4) > 0.95


def in_order(one: Explanation, other: Explanation) -> Any:
    there = {each.field: (each.contribution, each.standard_error) for each in other.contributions}
    return [(each.contribution, there[each.field]) for each in one.contributions]


def test_the_largest_are_listed_and_the_others_are_one_sum(linear: Artefact):
    engine = Engine(linear)
    rows = to_rows(loans(missing=True), linear.manifest.fields)[:3]
    whole, few = (explain(engine, rows, ExplainOptions(top)) for top in (None, 2))
    for all_of_it, each in zip(whole, few, strict=True):
        assert all_of_it.rest is UNSET
        assert each.contributions == all_of_it.contributions[:2]
        left = [part.contribution for part in all_of_it.contributions[2:]]
        assert each.rest == pytest.approx(math.fsum(left), abs=CLOSE)


def test_a_table_of_another_model_explains_nothing():
    one = artefact_of(*LINEAR_MODELS["two labels"])
    frame = loans(missing=True)
    rows = to_rows(frame, fields_of(frame))
    other = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(C=1e-3))
    changed = made("loan", other.fit(rows, targets()["good"]), frame)
    mixed = replace(one, contents={**one.contents, LINEAR: changed.contents[LINEAR]})
    for found in explain(Engine(mixed), rows[:3]):
        assert found.contributions is UNSET
        assert found.reason.startswith("the contributions of the fields do not add up")


def test_a_table_that_cannot_be_read_leaves_the_sampling(caplog: Any):
    one = artefact_of(*LINEAR_MODELS["two labels"])
    spoilt = replace(one, contents={**one.contents, LINEAR: b"{}"})
    rows = to_rows(loans(missing=True), one.manifest.fields)[:1]
    assert explain(Engine(spoilt), rows)[0].method == "sampling"
    assert "linear.json cannot be loaded" in caplog.text
