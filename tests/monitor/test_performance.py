"""A model's performance: the metrics, their uncertainty, and whether they got worse."""

from functools import partial
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn import metrics as known

from serving.models.manifest import Figure
from serving.models.reference import ReliabilityBin
from serving.monitor.counts import Counts
from serving.monitor.findings import MIN_MEASURED, Estimated
from serving.monitor.performance import bootstrap, metrics
from serving.monitor.performance.bootstrap import Gathered
from serving.monitor.performance.estimate import estimate, expected
from serving.monitor.performance.predictions import Classified, Regressed, one_hot
from serving.monitor.performance.realised import measure_realised
from serving.monitor.traffic import measure_arrival

HeldOut = partial(Figure, baseline=0.5)


def classified(rows: int, seed: int, classes: int = 2) -> tuple[Classified, np.ndarray]:
    """Calibrated probabilities, in tenths so that there are ties, and labels drawn from them."""
    random = np.random.default_rng(seed)
    chances = random.integers(1, 10, size=(rows, classes)).astype(float)
    chances /= chances.sum(axis=1, keepdims=True)
    actual = (random.random((rows, 1)) > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
    positive = 1 if classes == 2 else None
    return Classified(chances.argmax(axis=1), classes, chances, positive), actual


def figures(predictions: Any, weights: np.ndarray, *wanted: str) -> dict[str, float]:
    table = metrics.metrics_of(predictions, wanted)
    return {name: float(measure(predictions, weights)) for name, measure in table.items()}


def gathered(predictions: Any, weights: np.ndarray) -> Gathered:
    """All rows at once."""
    found = Gathered()
    found.add(predictions, weights)
    return found


def estimated(predictions: Classified, reliability: Any = ()) -> tuple[Estimated, ...]:
    return estimate(gathered(predictions, expected(predictions, reliability)))


seeds = some.integers(0, 2**31)


@settings(deadline=None, max_examples=30)
@given(rows=some.integers(20, 200), seed=seeds)
def test_figures_of_two_classes_are_those_of_scikit_learn(rows: int, seed: int):
    predictions, actual = classified(rows, seed)
    actual[:2] = 0, 1
    score, label = predictions.probabilities[:, 1], predictions.predicted
    assert figures(predictions, one_hot(actual, 2)) == pytest.approx(
        {
            "accuracy": known.accuracy_score(actual, label),
            "balanced_accuracy": known.balanced_accuracy_score(actual, label),
            "f1": known.f1_score(actual, label, zero_division=0),
            "roc_auc": known.roc_auc_score(actual, score),
            "pr_auc": known.average_precision_score(actual, score),
            "brier": known.brier_score_loss(actual, score),
            "log_loss": known.log_loss(actual, score),
        }
    )


def test_figures_of_three_classes_are_those_of_scikit_learn():
    predictions, actual = classified(300, 0, classes=3)
    assert figures(predictions, one_hot(actual, 3)) == pytest.approx(
        {
            "accuracy": known.accuracy_score(actual, predictions.predicted),
            "balanced_accuracy": known.balanced_accuracy_score(actual, predictions.predicted),
            "f1": known.f1_score(actual, predictions.predicted, average="macro"),
            "roc_auc": known.roc_auc_score(actual, predictions.probabilities, multi_class="ovr"),
            "brier": known.brier_score_loss(actual, predictions.probabilities, labels=[0, 1, 2]),
            "log_loss": known.log_loss(actual, predictions.probabilities),
        }
    )


@pytest.mark.parametrize("lowest", [0.1, -1])
def test_figures_of_a_regression_are_those_of_scikit_learn(lowest: float):
    random = np.random.default_rng(0)
    actual = lowest + random.exponential(size=200)
    predictions = Regressed(actual + random.normal(size=200) / 2, actual)
    error = known.mean_absolute_percentage_error(actual, predictions.predicted)
    assert figures(predictions, np.ones(200), "within_0.5") == pytest.approx(
        {
            "mae": known.mean_absolute_error(actual, predictions.predicted),
            "rmse": known.root_mean_squared_error(actual, predictions.predicted),
            "r2": known.r2_score(actual, predictions.predicted),
            "within_0.5": np.mean(np.abs(actual - predictions.predicted) <= 0.5),
        }
        | ({"mape": error} if lowest > 0 else {})
    )


@settings(deadline=None)
@given(counts=some.lists(some.integers(0, 3), min_size=40, max_size=40), seed=seeds)
def test_a_weight_is_how_often_a_row_is_there(counts: list[int], seed: int):
    predictions, actual = classified(40, seed)
    counts[:2], actual[:2] = [1, 1], [0, 1]
    places = np.repeat(np.arange(40), counts)
    repeated = Classified(predictions.predicted[places], 2, predictions.probabilities[places], 1)
    weighted = np.array(counts)[:, None] * one_hot(actual, 2)
    assert figures(predictions, weighted) == pytest.approx(
        figures(repeated, one_hot(actual[places], 2))
    )


def test_the_interval_holds_the_true_figure_as_often_as_it_says():
    predictions, actual = classified(100_000, 0)
    true = float(metrics.roc_auc(predictions, one_hot(actual, 2)))
    held = 0
    for seed in range(60):
        predictions, actual = classified(150, seed + 1)
        found = measure_realised(gathered(predictions, one_hot(actual, 2)), {})
        (auc,) = (each for each in found if each.metric == "roc_auc")
        held += auc.low <= true <= auc.high
    assert held >= 52  # of 57 expected


def test_an_interval_is_the_middle_95_percent():
    values = np.append(np.arange(1001.0), np.nan)
    assert bootstrap.interval(values) == (25, 975)


def test_four_times_the_rows_halve_the_interval_though_only_a_part_is_drawn_of():
    widths = []
    for rows in (bootstrap.MAX_ROWS, 4 * bootstrap.MAX_ROWS):
        predictions, actual = classified(rows, 0)
        accuracy, *_ = measure_realised(gathered(predictions, one_hot(actual, 2)), {})
        assert accuracy.low < accuracy.value < accuracy.high
        widths.append(accuracy.high - accuracy.low)
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.2)


def test_a_model_as_good_as_held_out_has_not_got_worse():
    predictions, actual = classified(500, 1)
    held_out = figures(predictions, one_hot(actual, 2))
    as_before = {name: HeldOut(value, 0.01) for name, value in held_out.items()}
    found = measure_realised(gathered(predictions, one_hot(actual, 2)), as_before)
    assert {each.verdict for each in found} == {"within range"}
    assert all(each.effect == pytest.approx(0, abs=1e-6) for each in found)


def test_a_model_that_got_worse_is_worse_by_every_figure():
    predictions, actual = classified(2_000, 1)
    held_out = figures(predictions, one_hot(actual, 2))
    as_before = {name: HeldOut(value, 0.01) for name, value in held_out.items()}
    flipped = np.where(np.arange(2_000) % 3 == 0, 1 - actual, actual)
    found = measure_realised(gathered(predictions, one_hot(flipped, 2)), as_before)
    assert {each.verdict for each in found} == {"worse"}
    assert all(each.effect > 0 and each.statements[0].code == "metric_worse" for each in found)


def test_too_little_feedback_is_not_enough_yet():
    few, actual = classified(MIN_MEASURED - 1, 0)
    assert {each.verdict for each in measure_realised(gathered(few, one_hot(actual, 2)), {})} == {
        "not enough yet"
    }
    predictions, _ = classified(200, 0)
    one_class = measure_realised(gathered(predictions, one_hot(np.zeros(200, int), 2)), {})
    verdicts = {each.metric: each.verdict for each in one_class}
    assert verdicts["roc_auc"] == "not enough yet"
    assert verdicts["accuracy"] is None


def test_figures_that_training_did_not_measure_are_shown_without_a_comparison():
    predictions, actual = classified(200, 0)
    accuracy, *_ = measure_realised(gathered(predictions, one_hot(actual, 2)), {})
    assert accuracy.low < accuracy.value < accuracy.high
    assert accuracy.held_out is accuracy.p_value is accuracy.verdict is None


def test_what_is_expected_of_calibrated_probabilities_comes_true():
    predictions, actual = classified(5_000, 0)
    came_true = figures(predictions, one_hot(actual, 2))
    for each in estimated(predictions):
        assert each.low <= each.value <= each.high
        assert each.value == pytest.approx(came_true[each.metric], abs=0.015)


def test_probabilities_that_promise_too_much_are_put_right():
    predictions, actual = classified(5_000, 0)
    true = predictions.probabilities[:, 1]
    sure = 1 / (1 + ((1 - true) / true) ** 2)  # as if the evidence had been counted twice
    bins = (sure * 10).astype(int)
    reliability = [
        ReliabilityBin(sure[bins == at].mean(), actual[bins == at].mean(), (bins == at).sum())
        for at in np.unique(bins)
    ]
    boasting = Classified(predictions.predicted, 2, np.column_stack([1 - sure, sure]), 1)
    accuracy = np.mean(predictions.predicted == actual)
    raw, *_ = estimated(boasting)
    corrected, *_ = estimated(boasting, reliability)
    assert abs(raw.value - accuracy) > 0.05
    assert abs(corrected.value - accuracy) < 0.015


def test_of_too_few_rows_nothing_is_estimated():
    assert estimate(Gathered()) == ()
    few, _ = classified(MIN_MEASURED - 1, 0)
    found = estimated(few)
    assert {each.rows for each in found} == {MIN_MEASURED - 1}
    assert {(each.value, each.low, each.high) for each in found} == {(None, None, None)}


def test_what_has_no_value_is_none_and_not_a_broken_number():
    sure = np.tile([1.0, 0.0], (150, 1))
    found = {each.metric: each for each in estimated(Classified(np.zeros(150, int), 2, sure, 1))}
    assert found["roc_auc"].value is found["roc_auc"].low is None
    assert found["accuracy"].value == 1
    assert b"null" in msgspec.json.encode(found["roc_auc"])


def test_feedback_is_counted_and_timed():
    nothing = measure_arrival(2, Counts())
    assert (nothing.share, nothing.median_seconds, nothing.p90_seconds) == (0, None, None)
    delays = Counts()
    delays.add(np.arange(1_000.0, 11_000.0, 1_000.0))
    some_of_it = measure_arrival(20, delays)
    assert (some_of_it.with_feedback, some_of_it.share) == (10, 0.5)
    assert (some_of_it.median_seconds, some_of_it.p90_seconds) == (5.5, pytest.approx(9.1))
    assert measure_arrival(0, Counts()).share == 0
