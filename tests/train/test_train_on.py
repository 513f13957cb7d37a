"""Where a training is computed, and how far it is."""

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from training import refused

from serving import display
from serving.sentence import Sentence
from train import progress
from train.evaluation.equal_rows import group_equal_rows
from train.fitting import doing
from train.fitting.fit import fit
from train.fitting.threads import forest_threads
from train.progress import Progress, duration

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("on", "message"),
    [
        ("ray://host:10001", "a training goes to a cluster of Dask, not of Ray"),
        ("spark://host:7077", "a training goes to a cluster of Dask, not of Spark"),
        ("host:8786", "is not the address of a scheduler: write it as dask://HOST:8786"),
        ("dask://", "is not the address of a scheduler"),
        ("dask://host:port", "is not the address of a scheduler"),
        ("dask://[::1", "is not the address of a scheduler"),
        ("dask://host:8786", "--on needs Dask, which is optional: pip install -r requirements-"),
    ],
)
def test_another_cluster_is_refused_before_anything_is_read(
    on: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("train.cluster.address.find_spec", lambda _: None)
    command = (tmp_path / "none.csv", "--target", "y", "--on", on)
    assert message in refused(tmp_path, *command)


def test_dask_is_imported_for_a_cluster_only():
    code = (
        "import sys; from train.__main__ import main; "
        "print({'dask', 'distributed', 'train.cluster.on_dask'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == b"set()\n"


def test_a_forest_is_the_same_by_any_number_of_threads():
    random = np.random.default_rng(0)
    rows, y = random.normal(size=(200, 3)), random.normal(size=200)
    forest = RandomForestRegressor(5, n_jobs=-1)
    expected = fit(forest, rows, y, 0).predict(rows)
    token = forest_threads.set(2)
    try:
        found = fit(forest, rows, y, 0)
    finally:
        forest_threads.reset(token)
    assert (found.predict(rows) == expected).all()


def test_what_is_done_is_told_with_its_trees(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Without a terminal by a line now and then."""
    monkeypatch.setattr(display, "PAUSE", 0.0)
    monkeypatch.setattr(progress, "TICK", 0.05)
    with Progress("wine", 3) as shown:
        doing.now("cross-validation, fold 2 of 3")
        shown.step()
        with doing.trees(RandomForestRegressor(7)):
            time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    line = (
        r"training wine, \d+ s: cross-validation, fold 2 of 3(, 0 of 7 trees)?, 1 of 3 steps done"
    )
    assert any(re.fullmatch(line, each) for each in lines)


def test_trees_are_counted_while_a_forest_is_fitted():
    seen = []

    class Seen(RandomForestRegressor):  # type: ignore[misc]
        """Reports how many trees are counted when all are done."""

        def _set_oob_score_and_attributes(self, *_: object, **__: object) -> None:
            seen.append(shown.sentence())

    Seen.__module__ = RandomForestRegressor.__module__
    random = np.random.default_rng(0)
    with doing.shown() as shown:
        doing.now(Sentence("the choice"))
        fit(Seen(5, oob_score=True), random.normal(size=(40, 2)), random.normal(size=40), 0)
        assert shown.sentence() == "the choice"
    assert seen == ["the choice, 5 of 5 trees"]


def test_durations_are_for_people():
    assert [duration(each) for each in (5, 150, 9000)] == ["5 s", "2.5 minutes", "2.5 hours"]


def test_equal_rows_are_numbered_by_their_order():
    """As `np.unique` numbers them; missing values are equal, and come last."""
    random = np.random.default_rng(0)
    for _ in range(50):
        shape = random.integers(1, 40), random.integers(1, 4)
        rows = random.integers(-1, 2, size=shape) * random.choice([1.0, -1.0], size=shape)
        rows[random.random(shape) < 0.2] = np.nan
        filled = np.where(np.isnan(rows), np.inf, rows)
        _, expected = np.unique(filled, axis=0, return_inverse=True)
        assert group_equal_rows(rows).tolist() == expected.tolist()
