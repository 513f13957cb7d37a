"""Sampled contributions add up, and have an error that more samples make smaller."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from artefacts import made
from contributions import EVERY, explain, requires_that_all_adds_up, sampled
from estimators import CASES, NUMBERS, fitted, loans
from msgspec import UNSET
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from serving.inputs.field import Field
from serving.models.engine import Engine
from serving.models.explaining.contributions import explained_outputs
from serving.models.explaining.sampling import Sampling
from train.tables.rows import to_rows

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
