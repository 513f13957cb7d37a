"""Training data that is sent as traffic is recognised, and coarse data is not taken for it."""

import doctest
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from monitored import FIELDS, ROWS, chances, monitor, opened, predicted, report_of, wines

from bench.wines import load
from serving.models import trained_rows
from serving.models.trained_rows import TrainedRows
from serving.monitor.seen_rows import judge_seen
from serving.settings import Settings


def test_its_examples_are_true():
    assert doctest.testmod(trained_rows).failed == 0


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_rows_of_training_are_recognised(tmp_path: Path, share: float):
    settings, trained = Settings(var_dir=tmp_path), round(share * ROWS)
    records = load()[FIELDS].astype(object).to_numpy().tolist()[:trained]
    records += wines(ROWS - trained)
    with closing(opened(settings)) as store:
        store.add([predicted(records, chances(ROWS))], {})
    sentence = "% of the rows of this window are rows of the training data"
    assert sentence in monitor(settings).output
    found = report_of(settings)["report"]["seen_rows"]
    assert found["share"] == pytest.approx(share, abs=0.1)
    assert sentence in found["sentence"]


def test_new_rows_are_not_taken_for_those_of_training(tmp_path: Path):
    settings = Settings(var_dir=tmp_path)
    with closing(opened(settings)) as store:
        store.add([predicted(wines(ROWS), chances(ROWS))], {})
    monitor(settings)
    assert report_of(settings)["report"]["seen_rows"] is None


def drawn(rows: int, fields: int, values: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, values, (rows, fields)).astype(np.float64)


@pytest.mark.parametrize(("rows", "fields", "values"), [(50, 2, 2), (500, 3, 4), (2_000, 5, 5)])
def test_new_rows_of_coarse_data_repeat_those_of_training(rows: int, fields: int, values: int):
    trained = TrainedRows.of(drawn(rows, fields, values, seed=0))
    for seed in range(1, 30):
        found = trained.find(drawn(400, fields, values, seed))
        assert judge_seen(found, trained.repeats) is None, (seed, found, trained.repeats)


def test_a_table_of_all_combinations_is_no_training_data_when_it_comes_again():
    combinations = np.array(np.meshgrid(*[np.arange(4.0)] * 4)).reshape(4, -1).T
    trained = TrainedRows.of(combinations)
    assert judge_seen(trained.find(combinations), trained.repeats) is None


def test_of_many_rows_some_are_enough():
    rows = np.random.default_rng(0).normal(size=(200_000, 3))
    trained = TrainedRows.of(rows)
    assert len(trained.hashes) == 4 * 4_096
    came = np.concatenate([rows[-3_000:], rows[:2_000] + 1])
    found = judge_seen(trained.find(came), trained.repeats)
    assert found
    assert found.share == pytest.approx(0.6, abs=0.2)


def test_missing_values_and_digits_beyond_the_sixth_make_no_other_row():
    rows = np.array([[1.2345678, np.nan], [-0.0, 7]] * 20) * np.arange(1, 41)[:, None]
    trained = TrainedRows.of(rows)
    assert trained.find(rows * (1 + 1e-12)) == (40, 40)
    assert trained.find(rows + np.array([0.1, 0])).trained == 0
