"""The watch for concept drift: quick to notice a worse model, and seldom wrong."""

import json
from functools import partial

import msgspec
import numpy as np
import pytest

from serving.models.manifest import Figure
from serving.monitor.performance import concept, losses
from serving.monitor.performance.concept import Bound, Watch
from serving.monitor.performance.predictions import Classified, Regressed

HALF = 0.5
HeldOut = partial(Figure, baseline=1.0)

BOUND = Bound(held_out=0.11, spread=0.004)


def errors(rows: int, mean: float, seed: int = 0) -> list[float]:
    """Losses from 0 to 1 with this mean, most of them small."""
    return np.random.default_rng(seed).beta(HALF * mean, HALF * (1 - mean), size=rows).tolist()


def test_a_watch_that_is_killed_continues_where_it_was():
    rows = errors(700, 0.2)
    saved = msgspec.json.encode(concept.update(Watch(), rows[:300], BOUND))
    continued = concept.update(msgspec.json.decode(saved, type=Watch), rows[300:], BOUND)
    assert continued == concept.update(Watch(), rows, BOUND)


@pytest.mark.parametrize("good", [0, 20_000])
def test_a_model_that_gets_worse_is_found_as_soon_after_long_good_service(good: int):
    watch = concept.update(Watch(), errors(good, 0.11), BOUND)
    assert not watch.raised
    assert concept.update(watch, errors(500, 0.2, seed=1), BOUND).raised


def test_a_model_as_bad_as_is_tolerated_raises_no_alarm():
    assert not concept.update(Watch(), errors(50_000, BOUND.tolerated), BOUND).raised


def test_an_alarm_lasts_until_the_model_is_as_good_as_it_was_and_can_come_again():
    bad, good = errors(500, 0.3), errors(1_000, 0.08)
    raised = concept.update(Watch(), bad, BOUND)
    cleared = concept.update(raised, good, BOUND)
    assert (raised.raised, cleared.raised) == (True, False)
    assert concept.update(cleared, bad, BOUND).raised


def test_evidence_stays_a_number_however_bad_it_gets():
    watch = concept.update(Watch(), [1.0] * 5_000, BOUND)
    assert watch.evidence <= concept.MAX_CAPITAL


def test_the_unit_of_a_loss_changes_nothing():
    one, thousand = (
        concept.update(
            Watch(),
            np.array(errors(500, 0.2)) * unit,
            Bound(held_out=0.11 * unit, spread=0.004 * unit, max_loss=unit),
        )
        for unit in (1, 1000)
    )
    assert thousand.raised is one.raised is True
    assert thousand.capital == pytest.approx(one.capital)


def test_the_verdict_of_a_watch_is_json():
    for rows, mean, verdict in (
        (10, 0.1, "not enough yet"),
        (400, 0.1, "no drift"),
        (400, 0.4, "drift"),
    ):
        watch = concept.update(Watch(), errors(rows, mean), BOUND)
        found = json.loads(msgspec.json.encode(concept.concept_drift(watch, BOUND, "Brier score")))
        assert (found["verdict"], found["rows"]) == (verdict, rows)


def test_the_loss_is_the_finest_that_training_measured():
    chances, actual = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 0, 0])
    predictions = Classified(chances.argmax(axis=1), 2, chances)
    held_out = {"brier": HeldOut(0.2, 0.01), "accuracy": HeldOut(0.7, 0.02)}
    brier = losses.measure_losses(predictions, actual, held_out)
    labels = losses.measure_losses(Classified(predictions.predicted, 2), actual, held_out)
    assert (brier.name, brier.of_rows.tolist()) == (
        "Brier score",
        pytest.approx([0.01, 0.64, 0.16]),
    )
    assert (labels.name, labels.of_rows.tolist()) == ("share of wrong labels", [0, 1, 0])
    assert labels.bound.held_out == pytest.approx(0.3)
    assert losses.measure_losses(predictions, actual, {"roc_auc": HeldOut(0.8, 0.01)}) is None


def test_of_three_classes_the_worst_loss_is_two():
    predictions = Classified(np.array([0]), 3, np.array([[1.0, 0.0, 0.0]]))
    found = losses.measure_losses(predictions, np.array([2]), {"brier": HeldOut(0.5, 0.01)})
    assert (found.of_rows.tolist(), found.bound.max_loss) == ([2.0], 2.0)


def test_the_log_loss_stands_for_several_classes_and_one_surprise_proves_little():
    predictions = Classified(np.array([0, 1]), 3, np.array([[1.0, 0.0, 0.0], [0.2, 0.5, 0.3]]))
    found = losses.measure_losses(predictions, np.array([2, 1]), {"log_loss": HeldOut(0.5, 0.01)})
    assert (found.name, found.of_rows.tolist()) == (
        "log loss",
        pytest.approx([4.605, 0.693], abs=1e-3),
    )
    assert found.bound.max_loss == found.of_rows[0]


def test_one_very_wrong_number_proves_little():
    predictions = Regressed(np.zeros(60), np.zeros(60))
    actual = np.array([0.5] * 59 + [1e9])
    found = losses.measure_losses(predictions, actual, {"mae": HeldOut(1.0, 0.05)})
    watch = concept.update(Watch(), found.of_rows.tolist(), found.bound)
    assert not watch.raised
    assert watch.recent < 1
