"""An alert closes its loop unattended: retrained, gated, tried on live traffic, put live or not."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import MODELS, moved, rewrite
from hosts import Host, upload_wine

from serving import clock, ids
from serving.errors import SettingsError
from serving.monitor.checks import Checked
from serving.monitor.retraining import loop
from serving.monitor.retraining.loop import Loop
from serving.monitor.retraining.training import TrainingResult
from serving.recording.entry import FeedbackEntry, PredictionEntry, TrialEntry
from serving.recording.store.reports import Alert
from serving.settings import Settings
from serving.trainings import worker
from serving.versions.decision import Decision
from serving.versions.decisions import Decisions
from serving.versions.versions import Versions

CLASSES = ("bom", "ruim")
BAD, FAIR, GOOD = (0.2, 0.8), (0.6, 0.4), (0.9, 0.1)  # answers to a wine that is good


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "ENOUGH", 20)
    monkeypatch.setattr(loop, "JUDGED_AT", (40, 80))


class FakeTraining:
    """A training that has always ended, with the result of `ends`."""

    ends = staticmethod(
        lambda models: TrainingResult(rewrite(models, lambda manifest, _: manifest))
    )
    begun = 0

    def __init__(self, settings: Settings, model: str) -> None:
        FakeTraining.begun += 1
        self.model, self.models = model, settings.models_dir

    def result(self) -> TrainingResult:
        return FakeTraining.ends(self.models)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> type[FakeTraining]:
    monkeypatch.setattr(loop, "Training", FakeTraining)
    monkeypatch.setattr(FakeTraining, "begun", 0)
    return FakeTraining


class Wine:
    """The wine model, with predictions and feedback, and the loop around it."""

    def __init__(self, models: Path, var: Path, models_url: str = "") -> None:
        self.settings = Settings(
            models_dir=models, models_url=models_url, var_dir=var, auto_retrain=True
        )
        self.store = moved(self.settings)
        self.decisions = Decisions.from_settings(self.settings)
        self.loop = Loop(self.settings, self.store)

    @property
    def live(self) -> int:
        return self.decisions.live("wine")

    def alert(self, model: str = "wine") -> None:
        version = self.decisions.live(model)
        alert = Alert(
            model=model, version=version, kind="concept drift", raised=clock.now(), statements=()
        )
        self.store.reports.settle([alert], [])

    def add_feedback(
        self,
        rows: int,
        live: tuple[float, ...] = BAD,
        trial: tuple[float, ...] | None = None,
        model: str = "wine",
    ) -> None:
        """Store predictions of good wines, with the feedback that they are good."""
        now, version = clock.now(), self.decisions.live(model)
        named = ids.make(model, version, now, rows + 1)[:rows]
        more = {"classes": CLASSES, "probabilities": [list(live)] * rows}
        entries: list[Any] = [
            PredictionEntry(
                now, "wine", self.live, "", 1, named, [], [[]] * rows, ["bom"] * rows, **more
            ),
            FeedbackEntry(now, "", named, ["bom"] * rows),
        ]
        if trial:
            version = self.decisions.trial("wine")
            chances = [list(trial)] * rows
            entries.append(
                TrialEntry(now, "wine", version, named, ["bom"] * rows, CLASSES, chances)
            )
        self.store.add(entries, {})

    def step(self) -> list[tuple[str, int | None, int | None]]:
        """Take a step after a check; return all decisions, the oldest first."""
        self.loop.step([Checked("wine", self.live, None)])
        return [(one.action, one.before, one.version) for one in self.history()]

    def history(self) -> list[Decision]:
        return self.decisions.history("wine")[::-1]


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
