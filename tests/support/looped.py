"""A monitor that trains again, with a training that only claims to be one."""

from pathlib import Path
from typing import Any

from conftest import moved, rewrite

from serving import clock, ids
from serving.monitor.checks import Checked
from serving.monitor.retraining.loop import Loop
from serving.monitor.retraining.training import TrainingResult
from serving.recording.entry import FeedbackEntry, PredictionEntry, TrialEntry
from serving.recording.store.reports import Alert
from serving.settings import Settings
from serving.versions.decision import Decision
from serving.versions.decisions import Decisions

CLASSES = ("bom", "ruim")
BAD, FAIR, GOOD = (0.2, 0.8), (0.6, 0.4), (0.9, 0.1)  # answers to a wine that is good


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
