"""Cards: curves that keep their shape, fields ranked by their worth, examples that are nobody's."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, rewrite
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import auc, roc_auc_score
from training import served

from serving.errors import ArtefactError
from serving.inputs.field import Field
from serving.models import artefact
from serving.models.artefact import CARD
from serving.models.card import Card
from train.evaluation import curves
from train.evaluation.card import card
from train.evaluation.classification import Classification
from train.evaluation.equal_rows import group_equal_rows
from train.evaluation.evaluate import Protocol, cross_validate
from train.evaluation.regression import Regression
from train.fitting.choice import choose_and_fit

random = np.random.default_rng(0)
FRAME = pd.DataFrame(random.normal(size=(400, 3)), columns=["much", "little", "nothing"])
FIELDS = tuple(Field(name=name) for name in FRAME)
SCORE = 3 * FRAME["much"] + FRAME["little"] + random.normal(size=400)


def drawn(task: Classification | Regression, target: "pd.Series[float]") -> Card:
    y, matrix = task.encode(target), FRAME.to_numpy()
    linear = LinearRegression() if isinstance(task, Regression) else LogisticRegression()
    evaluation = cross_validate(
        linear,
        matrix,
        y,
        task,
        groups=group_equal_rows(matrix),
        seed=0,
        protocol=Protocol(folds=4, repeats=1),
    )
    chosen = choose_and_fit(linear, matrix, y, task=task, groups=group_equal_rows(matrix), seed=0)
    return card(task, chosen, evaluation, frame=FRAME, fields=FIELDS, y=y, threshold=None)


@cache
def of_two() -> Card:
    labels = pd.Series(np.where(SCORE > 1, "yes", "no"))
    return drawn(Classification(labels=("no", "yes"), positive="yes"), labels)


def test_fields_are_ranked_by_what_is_lost_without_them():
    for made in (of_two(), drawn(Regression(), SCORE)):
        assert [one.field for one in made.importance] == ["much", "little", "nothing"]
        much, little, nothing = made.importance
        assert much.mean - 2 * much.spread > little.mean
        assert abs(nothing.mean) < little.mean / 3
    assert made.metric == "mae"


def test_of_two_labels_the_one_looked_for_is_drawn_and_every_row_counted():
    made = of_two()
    assert set(made.roc) == set(made.precision_recall) == {"yes"}
    assert np.sum(made.confusion) == 400
    assert made.confusion[1][1] > made.confusion[1][0]


def test_of_more_labels_each_is_drawn():
    labels = np.array(["low", "middle", "top"])[np.digitize(SCORE, [-2, 2])]
    made = drawn(Classification(labels=("low", "middle", "top")), pd.Series(labels))
    assert list(made.roc) == ["low", "middle", "top"]
    assert [one.prediction for one in made.examples] == ["low", "middle", "top"]


def test_a_label_without_rows_is_not_drawn():
    labels = pd.Series(np.where(SCORE > 1, "yes", "no"))
    made = drawn(Classification(labels=("maybe", "no", "yes")), labels)
    assert list(made.roc) == ["no", "yes"]
    assert made.confusion[0] == (0, 0, 0)


def test_examples_are_told_apart_and_are_no_row_of_the_data():
    no, yes = of_two().examples
    assert (no.prediction, yes.prediction) == ("no", "yes")
    low, high = drawn(Regression(), SCORE).examples
    assert low.prediction < 0 < high.prediction
    for example in (no, yes, low, high):
        assert not (pd.Series(example.record) == FRAME).all(axis=1).any()


def test_too_few_rows_make_no_example():
    labels = pd.Series(["rare"] * 4 + ["usual"] * 396)
    task = Classification(labels=("rare", "usual"), positive="rare")
    assert "rare" not in {one.prediction for one in drawn(task, labels).examples}


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), shift=st.floats(0, 3), digits=st.integers(0, 6))
def test_a_thinned_curve_keeps_its_area(seed: int, shift: float, digits: int):
    chance = np.random.default_rng(seed)
    positive = chance.random(500) < 0.3
    score = np.round(chance.normal(size=500) + shift * positive, digits)
    points = curves.roc(positive, score)
    assert len(points) <= 200
    assert points[0] == (0, 0)
    assert points[-1] == (1, 1)
    assert auc(*np.transpose(points)) == pytest.approx(roc_auc_score(positive, score), abs=0.02)


def test_numbers_are_drawn_by_tenths_and_their_errors_counted():
    made = drawn(Regression(), SCORE)
    assert [one.rows for one in made.bins] == [40] * 10
    for one in made.bins:
        assert one.low < one.true < one.high
        assert one.predicted == pytest.approx(one.true, abs=0.6)
    assert made.residuals
    assert sum(made.residuals.counts) == 400


@pytest.mark.parametrize("name", ["wine", "wine-score", "diabetes"])
def test_a_committed_card_is_its_models_own(name: str):
    model = artefact.read(ROOT / "models", name, 1)
    made = artefact.read_card(ROOT / "models", model.manifest)
    for example in made.examples:
        (said,) = served(model, example.record)
        if isinstance(said, float):
            said = float(f"{said:.3g}")
        assert said == example.prediction
    assert {one.field for one in made.importance} == {one.name for one in model.manifest.fields}
    assert np.sum(made.confusion) == (model.manifest.data.rows if made.confusion else 0)
    assert len(model.contents[CARD]) < 10_000


def test_a_version_without_a_card_has_an_empty_one(models: Path):
    version = rewrite(models, lambda _, contents: contents.pop(CARD))
    manifest = artefact.read(models, "wine", version).manifest
    assert artefact.read_card(models, manifest) == Card()


def test_an_altered_card_is_refused(models: Path):
    file = models / "wine/1" / CARD
    told = json.loads(file.read_text())
    told["confusion"] = [[1, 0], [0, 1]]
    file.write_text(json.dumps(told))
    with pytest.raises(ArtefactError, match=r"card\.json is not the file"):
        artefact.read_card(models, artefact.read_manifest(models, "wine", 1))
