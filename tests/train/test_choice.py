"""The estimator is chosen by rows that the told figures are not of, and calibrated."""

import pickle
import pickletools

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

from serving.inputs.field import Field
from train.errors import TrainingError
from train.evaluation.classification import Classification
from train.evaluation.equal_rows import group_equal_rows
from train.evaluation.evaluate import Protocol, cross_validate
from train.evaluation.regression import Regression
from train.fitting import choice
from train.fitting.calibration import expected_by_chance, expected_error
from train.fitting.choice import Candidates, Chosen, choose_and_fit
from train.fitting.estimators import AUTO, candidates
from train.fitting.threads import one_thread
from train.task import Target

TWO = Classification(labels=("no", "yes"), positive="yes")
random = np.random.default_rng(0)
ROWS = random.normal(size=(240, 3))
FIELDS = tuple(Field(name=name) for name in "abc")


@one_thread()
def chosen(estimator: object, y: Target, task: Classification | Regression, rows=ROWS) -> Chosen:
    return choose_and_fit(estimator, rows, y, task=task, groups=group_equal_rows(rows), seed=0)


def auto(task: Classification | Regression, fields=FIELDS) -> Candidates:
    labels = len(task.labels) if isinstance(task, Classification) else 1
    return Candidates(candidates(AUTO, task.kind, fields, len(ROWS), labels))


def test_a_straight_line_is_left_to_the_linear_model():
    line = ROWS @ [3, -2, 1] + random.normal(size=len(ROWS)) / 2
    assert chosen(auto(Regression()), line, Regression()).name == "linear"


def test_what_no_line_parts_is_left_to_trees():
    either = ((ROWS[:, 0] > 0) ^ (ROWS[:, 1] > 0)).astype(int)
    found = chosen(auto(TWO), either, TWO)
    assert found.name != "linear"
    line = next(each for each in found.candidates if each.name == "linear")
    assert line.difference > line.error
    assert line.rows < len(ROWS)  # for it was left out early


def test_of_equals_the_simplest_is_taken():
    shallow = {f"depth {depth}": DecisionTreeRegressor(max_depth=depth) for depth in (1, 2, 3)}
    step = (ROWS[:, 0] > 0) * 4.0 + random.normal(size=len(ROWS)) / 4
    assert chosen(Candidates(shallow), step, Regression()).name == "depth 1"


@pytest.mark.slow
@one_thread()
def test_the_figures_that_are_told_have_no_part_in_the_choice():
    told, apparent = [], []
    for seed in range(4):
        noise = np.random.default_rng(seed)
        rows, y = noise.normal(size=(90, 6)), noise.permutation(np.repeat([0, 1], 45))
        spies = {
            f"column {at}": make_pipeline(
                make_column_transformer(("passthrough", [at])), LogisticRegression()
            )
            for at in range(6)
        }

        def auc(estimator: object, rows=rows, y=y) -> float:
            return (
                cross_validate(
                    estimator,
                    rows,
                    y,
                    TWO,
                    groups=group_equal_rows(rows),
                    seed=0,
                    protocol=Protocol(folds=2, repeats=1),
                )
                .figures["roc_auc"]
                .mean
            )

        told.append(auc(Candidates(spies)))
        apparent.append(max(map(auc, spies.values())))
    assert np.mean(apparent) > 0.55  # what choosing by the told figures would tell
    assert np.mean(told) == pytest.approx(0.5, abs=0.06)


def test_a_candidate_that_cannot_learn_from_so_few_rows_is_passed_over():
    needy = {"isotonic": IsotonicRegression(), "tree": DecisionTreeRegressor()}  # of one column
    assert chosen(Candidates(needy), ROWS[:, 0], Regression()).name == "tree"


def test_the_only_candidate_learns_although_the_rows_of_a_fold_have_one_label():
    # Equal rows are held out together, and with them all that are "yes".
    rows = np.array([[0.0]] * 40 + [[float(row)] for row in range(1, 21)])
    y = np.array([0, 1] * 20 + [0] * 20)
    only = Candidates(candidates("linear", "classification", FIELDS[:1], len(rows), 2))
    found = chosen(only, y, TWO, rows)
    assert (found.name, found.candidates) == ("linear", ())
    assert found.fitted.predict_proba(rows).shape == (60, 2)
    with pytest.raises(TrainingError, match=r"linear cannot be fitted to 60 rows: .*classes"):
        chosen(only, np.zeros(60, int), TWO, rows)


def test_a_large_file_is_chosen_by_a_part_of_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(choice, "ENOUGH_ROWS", 100)
    line = ROWS @ [3, -2, 1]
    trees = {f"depth {depth}": DecisionTreeRegressor(max_depth=depth) for depth in (1, 4)}
    found = chosen(Candidates(trees), line, Regression())
    assert {each.rows for each in found.candidates} <= {*range(101)}
    assert found.name == "depth 4"
    assert len(np.unique(found.fitted.predict(ROWS))) > 8


def test_probabilities_that_are_too_sure_are_calibrated():
    rows = random.normal(size=(2_000, 6))
    y = (rows[:, 0] + random.normal(size=2_000) * 2 > 0).astype(int)
    sure = Candidates({"sure": HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=20)})
    seen, new = np.arange(600), np.arange(600, 2_000)
    found = chosen(sure, y[seen], TWO, rows[seen])
    assert found.method == "sigmoid"
    after, before = (
        TWO.predict(model, rows[new])[:, 1] for model in (found.fitted, found.uncalibrated)
    )
    error = expected_error(y[new] == 1, after)
    assert expected_error(y[new] == 1, before) > 2 * error
    assert error < 0.06
    areas = [roc_auc_score(y[new], each) for each in (before, after)]
    assert areas[0] == pytest.approx(areas[1], abs=1e-6)


def test_what_is_always_right_is_made_no_surer():
    parted = np.where(ROWS[:, 0] > 0, 1, 0)
    rows = ROWS + np.outer(parted * 4 - 2, [1, 0, 0])
    found = chosen(Candidates({"line": LogisticRegression()}), parted, TWO, rows)
    assert found.method == ""
    assert found.fitted is found.uncalibrated


def test_what_is_pickled_is_made_of_scikit_learn_alone():
    y = (ROWS[:, 0] + random.normal(size=len(ROWS)) * 2 > 0).astype(int)
    sure = Candidates({"sure": HistGradientBoostingClassifier(max_iter=60, min_samples_leaf=5)})
    found = chosen(sure, y, TWO)
    assert found.method
    text = pickle.dumps(found.fitted)
    names = [str(argument) for _, argument, _ in pickletools.genops(text) if argument]
    assert not [name for name in names if name.startswith("train.")]


def test_the_calibration_error_is_the_distance_in_each_bin_by_rows():
    probability = np.array([0.25, 0.25, 0.95, 0.95, 0.95])
    came_true = np.array([True, False, True, True, True])
    # Two rows a quarter off, three a twentieth.
    assert expected_error(came_true, probability) == pytest.approx((2 * 0.25 + 3 * 0.05) / 5)


def test_right_probabilities_have_the_error_that_chance_gives():
    probability = random.random(300)
    draws = [expected_error(random.random(300) < probability, probability) for _ in range(100)]
    by_chance = expected_by_chance(probability, 0)
    assert by_chance == pytest.approx(np.mean(draws), rel=0.1)
    assert expected_by_chance(np.tile(probability, 9), 0) == pytest.approx(by_chance / 3, rel=0.1)
