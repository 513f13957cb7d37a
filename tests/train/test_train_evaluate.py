"""Figures of any task: on rows not seen, beside a baseline, and nothing twice."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from train.evaluation.classification import Classification
from train.evaluation.equal_rows import group_equal_rows
from train.evaluation.evaluate import Evaluation, Protocol, cross_validate, resampled
from train.evaluation.interval import conformal
from train.evaluation.regression import Regression
from train.fitting.fit import fit
from train.fitting.threshold import MaxF1, MinCost

LABELS = ("ask", "no", "yes")
random = np.random.default_rng(0)
ROWS = random.normal(size=(300, 3))
NUMBERS = 100 + 5 * ROWS[:, 0] + random.normal(size=300)
CODES = np.digitize(ROWS[:, 0] + random.normal(size=300) / 2, [-0.5, 0.5])


def evaluated(task: Classification | Regression, y: np.ndarray, rows=ROWS) -> Evaluation:
    linear = LinearRegression() if isinstance(task, Regression) else LogisticRegression()
    return cross_validate(
        linear,
        rows,
        y,
        task,
        groups=group_equal_rows(rows),
        seed=0,
        protocol=Protocol(folds=3, repeats=2),
    )


def test_numbers_are_judged_beside_the_median():
    figures = evaluated(Regression(within=1.0), NUMBERS).figures
    assert list(figures) == ["mae", "rmse", "r2", "mape", "within_1"]
    assert figures["mae"].mean < 1 < figures["mae"].baseline
    assert figures["r2"].mean > 0.9
    assert abs(figures["r2"].baseline) < 0.1
    assert figures["mape"].mean == pytest.approx(figures["mae"].mean / 100, rel=0.1)
    assert 0.6 < figures["within_1"].mean < 0.8


def test_no_percentage_is_told_of_what_may_be_zero_or_less():
    assert "mape" not in evaluated(Regression(), NUMBERS - 100).figures


def test_of_three_labels_the_figures_are_means_over_the_labels():
    task = Classification(labels=LABELS)
    outcome = evaluated(task, CODES)
    assert list(outcome.figures) == ["roc_auc", "log_loss", "f1", "balanced_accuracy", "accuracy"]
    outputs = outcome.held_out.outputs[0]
    assert outputs.sum(axis=1) == pytest.approx(1)
    theirs = roc_auc_score(CODES, outputs, multi_class="ovr")
    assert task.score(CODES, outputs, None)["roc_auc"] == pytest.approx(theirs)
    assert outcome.figures["log_loss"].mean < outcome.figures["log_loss"].baseline
    assert outcome.figures["roc_auc"].baseline == 0.5


def test_a_label_that_a_fold_s_training_lacks_has_no_chance_there():
    task = Classification(labels=LABELS)
    fitted = LogisticRegression().fit(ROWS[CODES != 1], task.to_fit(CODES[CODES != 1]))
    outputs = task.predict(fitted, ROWS)
    assert (outputs[:, 1] == 0).all()
    assert (outputs[:, [0, 2]] == fitted.predict_proba(ROWS)).all()


def test_accuracy_is_told_where_no_threshold_serves_another_purpose():
    two = {"labels": ("no", "yes"), "positive": "yes"}
    y = (CODES == 2).astype(int)
    assert "accuracy" in evaluated(Classification(**two), y).figures
    assert "accuracy" not in evaluated(Classification(**two, rule=MinCost(4)), y).figures


def test_the_threshold_of_least_cost_costs_least():
    probability = random.random(20_000)
    positive = random.random(20_000) < probability  # so the probabilities are right
    rule = MinCost(missed=4)
    place = rule.choose(positive, probability)
    assert place == 0.2
    costs = {at: rule.cost(positive, probability >= at) for at in (0.1, place, 0.3, 0.5)}
    assert min(costs, key=lambda at: costs[at]) == place
    assert "as much as 4 false alarms" in rule.reason("ill", positive, probability, [])


def test_the_largest_f1_is_found_in_every_fold_without_the_rows_held_out():
    task = Classification(labels=("no", "yes"), positive="yes", rule=MaxF1())
    y = (CODES == 2).astype(int)
    forest = RandomForestClassifier(20, oob_score=True)
    fitted = fit(forest, ROWS, task.to_fit(y), 0)
    unseen = fitted.oob_decision_function_[:, 1]
    assert task.threshold(fitted, y) == MaxF1().choose(y == 1, unseen)


@pytest.mark.parametrize("scale", [np.ones(4000), np.exp(random.normal(size=4000))])
def test_intervals_hold_nine_in_ten_of_new_rows_and_are_relative_where_errors_are(
    scale: np.ndarray,
):
    noise = random.normal(0.5, 1, 8000)
    predicted = np.tile(100 * scale, 2)
    y = predicted + 10 * np.tile(scale, 2) * noise
    seen, new = np.arange(4000), np.arange(4000, 8000)
    interval = conformal(y[seen], predicted[seen], seen, seed=0)
    assert interval.relative == (np.ptp(scale) > 0)
    size = predicted[new] if interval.relative else 1
    off = (y[new] - predicted[new]) / size
    assert np.mean((interval.low <= off) & (off <= interval.high)) == pytest.approx(0.9, abs=0.02)
    assert interval.observed == pytest.approx(0.9, abs=0.02)
    assert interval.low < 0 < interval.high
    assert -interval.low < interval.high  # for the errors lean to one side


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=60), st.integers(0, 9))
def test_an_interval_is_found_for_any_numbers(y: list[float], seed: int):
    rows = len(y)
    interval = conformal(np.array(y), np.zeros(rows), np.arange(rows), seed)
    assert interval.low <= interval.high
    assert 0 <= interval.observed <= 1
    assert math.isfinite(interval.high - interval.low)


def test_rows_alike_have_one_number_missing_values_among_them():
    rows = np.array([[1, np.nan], [1, np.nan], [1, 2], [3, np.nan], [1, 2]])
    numbers = group_equal_rows(rows)
    assert numbers[0] == numbers[1] != numbers[2] == numbers[4]
    assert len(set(numbers)) == 3
    by_second = group_equal_rows(rows, [1])
    assert by_second[2] == by_second[4]
    assert len({by_second[0], by_second[2], by_second[3]}) == 3


def test_many_different_rows_are_dealt_like_few():
    y = np.repeat([0, 1], [7000, 1000])
    task = Classification(labels=("no", "yes"), positive="yes")
    dealt = list(task.splits(4, 0, y, np.arange(8000)))
    assert sorted(np.concatenate([test for _, test in dealt])) == list(range(8000))
    assert {int(y[test].sum()) for _, test in dealt} == {250}


def test_given_answers_are_judged_with_the_spread_of_their_rows():
    outputs = np.column_stack([code == CODES for code in range(3)]).astype(float)
    figures = resampled(Classification(labels=LABELS, coded=True), CODES, outputs, seed=0)
    assert figures["accuracy"].mean == 1
    assert figures["accuracy"].baseline == pytest.approx(np.bincount(CODES).max() / 300, abs=1e-4)
    noisy = resampled(Regression(), NUMBERS, NUMBERS[:, None] + 1, seed=0)
    assert noisy["mae"].mean == pytest.approx(1)
    assert noisy["rmse"].spread == pytest.approx(0, abs=1e-9)


def test_what_is_fitted_is_seeded_everywhere_and_then_alone():
    nested = make_pipeline(StandardScaler(), RandomForestClassifier(5, n_jobs=-1))
    once, again, other = (fit(nested, ROWS, CODES, seed).predict_proba(ROWS) for seed in (1, 1, 2))
    assert (once == again).all()
    assert (once != other).any()
    assert fit(nested, ROWS, CODES, 1)[-1].n_jobs == 1
    assert fit(LogisticRegression(), ROWS, CODES, 1).n_jobs == LogisticRegression().n_jobs
