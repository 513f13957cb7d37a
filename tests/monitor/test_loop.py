"""An alert closes its loop unattended: retrained, gated, tried on live traffic, put live or not."""

from functools import cache
from pathlib import Path

import pytest
from conftest import MODELS, rewrite
from hosts import Host, upload_wine
from looped import BAD, FAIR, GOOD, FakeTraining, Wine

from serving.monitor.retraining import loop
from serving.monitor.retraining.training import TrainingResult
from serving.versions.versions import Versions


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "ENOUGH", 20)
    monkeypatch.setattr(loop, "JUDGED_AT", (40, 80))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> type[FakeTraining]:
    monkeypatch.setattr(loop, "Training", FakeTraining)
    monkeypatch.setattr(FakeTraining, "begun", 0)
    return FakeTraining


@pytest.fixture
def wine(models: Path, tmp_path: Path) -> Wine:
    return Wine(models, tmp_path / "var")


@pytest.fixture
def on_trial(trained: type[FakeTraining], wine: Wine) -> Wine:  # noqa: ARG001
    """Version 2 is tried, after an alert about version 1."""
    wine.alert()
    wine.add_feedback(20)
    wine.step()
    wine.step()
    assert wine.decisions.trial("wine") == 2
    return wine


def test_an_alert_ends_in_a_better_version_live_and_every_step_is_recorded(on_trial: Wine):
    on_trial.add_feedback(39, BAD, trial=FAIR)
    assert len(on_trial.step()) == 2
    on_trial.add_feedback(1, BAD, trial=FAIR)
    assert on_trial.step() == [("retrain", 1, 2), ("trial", None, 2), ("promote", 1, 2)]
    assert {each.who for each in on_trial.history()} == {"monitor"}
    retrained, _, promoted = on_trial.history()
    assert retrained.why == "20 rows with feedback; it passed the gate"
    assert "0.16 against 0.64 on 40 rows" in promoted.why
    assert on_trial.live == 2
    on_trial.step()
    assert len(on_trial.history()) == 3


def test_a_version_that_is_tried_and_worse_is_tried_no_more(on_trial: Wine):
    on_trial.add_feedback(40, FAIR, trial=BAD)
    assert on_trial.step()[2:] == [("trial", 2, None)]
    assert "not shown to be no worse" in on_trial.history()[-1].why
    assert on_trial.live == 1
    assert on_trial.store.reports.alerts("wine", lasting=True)


def test_a_trial_that_shows_nothing_ends_when_it_is_judged_last(on_trial: Wine):
    for _ in range(2):
        assert len(on_trial.step()) == 2
        on_trial.add_feedback(20, GOOD, trial=BAD)
        on_trial.add_feedback(20, BAD, trial=GOOD)
    assert on_trial.step()[2:] == [("trial", 2, None)]


def test_a_trial_without_feedback_ends_after_a_week(
    on_trial: Wine, monkeypatch: pytest.MonkeyPatch
):
    on_trial.step()
    assert on_trial.decisions.trial("wine") == 2
    monkeypatch.setattr(loop, "MAX_TRIAL", -1)
    on_trial.step()
    assert on_trial.decisions.trial("wine") is None
    assert on_trial.history()[-1].why == "only 0 rows with feedback came in a week"


def test_a_trial_ends_where_somebody_puts_another_version_live(on_trial: Wine, models: Path):
    third = rewrite(models, lambda manifest, _: manifest)
    Versions(on_trial.decisions, "ana").promote("wine", third)
    on_trial.step()
    assert on_trial.decisions.trial("wine") is None
    assert on_trial.history()[-1].why == "3 was put live meanwhile"


def test_a_trial_of_somebody_else_is_left_alone(
    wine: Wine, models: Path, trained: type[FakeTraining]
):
    Versions(wine.decisions, "ana").set_trial("wine", rewrite(models, lambda manifest, _: manifest))
    wine.alert()
    wine.add_feedback(100, BAD, trial=GOOD)
    assert wine.step() == [("trial", None, 2)]
    assert not trained.begun


def test_a_killed_monitor_goes_on_where_it_was(on_trial: Wine):
    again = Wine(on_trial.settings.models_dir, on_trial.settings.var_dir)
    again.add_feedback(40, BAD, trial=FAIR)
    assert again.step()[-1] == ("promote", 1, 2)


@pytest.mark.slow
def test_the_loop_closes_in_an_object_store_that_was_away_meanwhile(
    trained: type[FakeTraining], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shared, away = tmp_path / "shared", tmp_path / "away"
    shared.mkdir()
    upload_wine(str(shared), tmp_path / "uploader")
    wine = Wine(MODELS, tmp_path / "var", models_url=str(shared))
    trainer = Host(str(shared), tmp_path / "var")  # a process of the same host
    trainer.pull()

    @cache
    def train(_: Path) -> TrainingResult:
        read = trainer.decisions.read("wine", 1)
        return TrainingResult(trainer.decisions.add(read.manifest, read.contents))

    monkeypatch.setattr(trained, "ends", staticmethod(train))
    wine.alert()
    wine.add_feedback(20)
    wine.step()
    assert trained.begun == 1
    train(wine.settings.models_dir)
    shared.rename(away)
    assert len(wine.step()) == 1
    away.rename(shared)
    assert wine.step()[1:] == [("retrain", 1, 2), ("trial", None, 2)]
    wine.add_feedback(40, BAD, trial=FAIR)
    assert wine.step()[3:] == [("promote", 1, 2)]
    other = Host(str(shared), tmp_path / "other")
    other.pull()
    assert other.live() == 2
