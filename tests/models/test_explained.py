"""Contributions of fields add up, are exact where they can be, and have an error where not."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from artefacts import fields_of, made
from estimators import CASES, FRAME, NUMBERS, TEXTS, fitted, loans, targets
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
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

from serving.inputs.field import Field
from serving.models.artefact import FOREST, LINEAR, Artefact
from serving.models.engine import Engine
from serving.models.explaining.contributions import explained_outputs
from serving.models.explaining.explanation import ExplainOptions, Explanation
from serving.models.explaining.sampling import Sampling
from train.tables.rows import to_rows

EVERY = ExplainOptions(every_class=True)
CLOSE = 1e-9


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


def sampled(artefact: Artefact) -> Artefact:
    """The same version without any table of contributions."""
    tables = (LINEAR, FOREST)
    kept = {file: artefact.contents[file] for file in artefact.contents if file not in tables}
    return replace(artefact, contents=kept)


def explain(engine: Engine, rows: Any, options: ExplainOptions = EVERY, samples: int = 40) -> Any:
    return engine.explain(rows, engine.predict(rows), options, samples)


def total(part: Any) -> float:
    return math.fsum([part.base, *(each.contribution for each in part.contributions)])


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


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


SAMPLED = ["nothing that compiles", "no probabilities", "calibrated boosting"]


@pytest.mark.parametrize("case", SAMPLED)
def test_any_model_is_explained_by_sampling(case: str):
    missing, says = CASES[case].missing, CASES[case].says
    artefact = sampled(made("loan", fitted(CASES[case]), loans(missing=missing), **says))
    engine = Engine(artefact)
    rows = to_rows(loans(missing=missing), artefact.manifest.fields)[:5]
    requires_that_all_adds_up(engine, rows, samples=20)
    found = explain(engine, rows)
    assert {each.method for each in found} == {"sampling"}
    assert all(part.standard_error >= 0 for each in found for part in each.contributions)


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


def test_more_samples_have_a_smaller_error():
    case = CASES["nothing that compiles"]
    artefact = made("loan", fitted(case), loans(missing=False))
    rows = to_rows(loans(missing=False), artefact.manifest.fields)[:10]
    engine = Engine(artefact)
    errors = [
        np.mean(
            [
                part.standard_error
                for each in explain(engine, rows, samples=samples)
                for part in each.contributions
            ]
        )
        for samples in (8, 80, 200)
    ]
    assert errors[0] > 1.8 * errors[1] > 1.8 * errors[2]


def test_the_same_row_has_the_same_explanation_wherever_it_is():
    case = CASES["nothing that compiles"]
    artefact = made("loan", fitted(case), loans(missing=False))
    rows = to_rows(loans(missing=False), artefact.manifest.fields)[:4]
    one, other = Engine(artefact), Engine(artefact)
    alone = [explain(other, row[None])[0] for row in rows]
    for each, same in zip(explain(one, rows), alone, strict=True):
        assert each.contributions == same.contributions


def test_a_field_that_a_model_does_not_use_contributes_nothing():
    frame = loans(missing=False)[NUMBERS]
    model = LinearRegression().fit(frame.to_numpy() * [1, 1, 0], frame["debt"] * 3)
    artefact = sampled(made("loan", model, frame))
    rows = frame.to_numpy(float)[:5]
    for each in explain(Engine(artefact), rows):
        by_field = {part.field: part.contribution for part in each.contributions}
        assert by_field["term"] == pytest.approx(0, abs=1e-6)


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


def test_of_labels_alone_the_outputs_are_0_and_1():
    manifest = made("loan", fitted(CASES["no probabilities"]), loans(missing=False)).manifest
    codes = np.array([[2.0], [0.0]])
    assert explained_outputs(manifest, codes).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_rows_that_are_computed_in_parts_have_the_same_explanation(
    monkeypatch: pytest.MonkeyPatch,
):
    case = CASES["nothing that compiles"]
    artefact = made("loan", fitted(case), loans(missing=False))
    rows = to_rows(loans(missing=False), artefact.manifest.fields)[:2]
    whole = explain(Engine(artefact), rows)
    monkeypatch.setattr(
        "serving.models.explaining.sampling.MAX_CELLS", 150
    )  # of 5 fields: 6 orders
    for one, other in zip(whole, explain(Engine(artefact), rows), strict=True):
        for part, same in zip(one.contributions, other.contributions, strict=True):
            assert part.field == same.field
            assert part.contribution == pytest.approx(same.contribution, rel=1e-12)


def test_a_text_is_explained_as_one_field():
    texts = pd.Series(["a good wine", "a bad wine", "good", "bad", "so so"] * 20)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model.fit(texts, texts.str.contains("good"))
    frame = pd.DataFrame({"note": texts})
    fields = (Field(name="note", type="text"),)
    engine = Engine(made("notes", model, frame, fields=fields, takes="texts"))
    rows = to_rows(frame, fields)[:3]
    requires_that_all_adds_up(engine, rows)
    (found,) = explain(engine, rows[:1])[0].contributions
    assert (found.field, found.value) == ("note", "a good wine")


def test_labels_beside_probabilities_are_explained_by_their_probability():
    frame, case = loans(missing=False), CASES["a tree of yes and no"]
    artefact = made("loan", fitted(case), frame, outputs="both")
    requires_that_all_adds_up(Engine(artefact), to_rows(frame, artefact.manifest.fields)[:3])


class OfEqualFields(RegressorMixin, BaseEstimator):
    """Predicts rows whose fields are equal, and refuses all others."""

    def fit(self, rows: Any, y: Any) -> Any:
        del rows, y
        self.fitted_ = True
        return self

    def predict(self, rows: Any) -> Any:
        if (rows[:, 0] != rows[:, 1]).any():
            raise ValueError("the fields differ")
        return rows[:, 0]


def test_rows_between_a_reference_and_a_record_may_be_refused():
    frame = pd.DataFrame({"one": np.arange(40.0), "other": np.arange(40.0)})
    model = OfEqualFields().fit(frame, frame["one"])
    engine = Engine(made("equal", model, frame))
    (found,) = explain(engine, frame.to_numpy()[:1])
    assert found.contributions is UNSET
    assert found.reason.startswith("the model has no finite output for some records between")


def test_predictions_that_the_time_does_not_suffice_for_have_that_as_their_reason():
    case = CASES["nothing that compiles"]
    artefact = made("loan", fitted(case), loans(missing=False))
    rows = to_rows(loans(missing=False), artefact.manifest.fields)[:3]
    engine = Engine(artefact)
    late = engine.explain(rows, engine.predict(rows), EVERY, samples=8, seconds=0)
    assert len(late) == len(rows)
    for each in late:
        assert each.contributions is UNSET
        assert "EXPLAIN_SECONDS" in each.reason


def test_rows_with_long_texts_are_computed_a_few_at_a_time():
    computed = []

    def compute(rows: Any) -> Any:
        computed.append(len(rows))
        return np.zeros((len(rows), 1))

    usual, long = np.array([["a", 1.0]], object), np.array([["a" * 2**20, 1.0]], object)
    for row, most in ((usual, 1_024), (long, 16)):
        computed.clear()
        Sampling(compute, usual, "number").explain(row, 4_000, math.inf)
        assert max(computed[2:]) <= most  # after the row itself and the references
