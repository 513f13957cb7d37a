"""When an alert has a model trained again, and when it does not."""

from pathlib import Path

import pytest
from conftest import rewrite
from looped import FakeTraining, Wine

from serving.errors import SettingsError
from serving.monitor.checks import Checked
from serving.monitor.retraining import loop
from serving.monitor.retraining.training import TrainingResult
from serving.trainings import worker


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


def test_nothing_is_trained_without_an_alert_nor_before_enough_is_learnt_since(
    wine: Wine, trained: type[FakeTraining]
):
    wine.add_feedback(100)
    wine.step()
    wine.alert()
    wine.add_feedback(19)
    wine.step()
    assert not trained.begun
    wine.add_feedback(1)
    wine.step()
    assert trained.begun == 1


def test_what_came_to_nothing_is_tried_again_later_and_with_twice_the_feedback(
    wine: Wine, trained: type[FakeTraining], monkeypatch: pytest.MonkeyPatch
):
    def refused(models: Path) -> TrainingResult:
        return TrainingResult(rewrite(models, lambda manifest, _: manifest.update(unit="bottles")))

    monkeypatch.setattr(trained, "ends", staticmethod(refused))
    wine.alert()
    wine.add_feedback(20)
    wine.step()
    assert wine.step() == [("retrain", 1, 2)]
    assert "the gate objects: its unit is bottles, not none" in wine.history()[0].why
    wine.add_feedback(20)
    for _ in range(3):
        wine.step()
    assert trained.begun == 1
    monkeypatch.setattr(loop, "MIN_PAUSE", 0)
    wine.step()
    assert trained.begun == 2
    wine.step()
    wine.add_feedback(39)
    wine.step()
    assert trained.begun == 2


def test_a_model_that_training_does_not_know_is_told_so_once(
    wine: Wine,
    trained: type[FakeTraining],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    ended = TrainingResult(None, is_problem=False, reason="No such command")
    monkeypatch.setattr(trained, "ends", staticmethod(lambda _: ended))
    monkeypatch.setattr(loop, "MIN_PAUSE", 0)
    wine.alert()
    for _ in range(4):
        wine.add_feedback(100)
        wine.step()
    assert trained.begun == 1
    assert "adega train FILE --target … --name wine --with-feedback" in wine.history()[0].why
    assert [each.levelname for each in caplog.records].count("ERROR") == 1


def test_one_model_is_trained_at_a_time(wine: Wine, trained: type[FakeTraining]):
    wine.alert("diabetes")
    wine.add_feedback(20, model="diabetes")
    wine.loop.step([Checked("diabetes", 1, None)])
    wine.alert()
    wine.add_feedback(20)
    assert wine.step() == []
    assert trained.begun == 1


def test_an_installation_that_cannot_train_says_what_is_missing(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker, "find_spec", lambda name: None if name == "skl2onnx" else name)
    with pytest.raises(SettingsError, match="AUTO_RETRAIN=on: this installation can only serve"):
        Wine(models, tmp_path / "var")
