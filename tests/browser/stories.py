"""What the dashboard's pictures show: days of three models, each with a story of its own."""

from pathlib import Path
from typing import Any

import committed
from traffic import DAY, HOUR, Traffic, unlike_training

from bench.wines import load
from serving import clock
from serving.models import artefact
from serving.settings import Settings
from serving.versions.decisions import Decisions
from serving.versions.versions import Versions
from train.problems import diabetes, wine_score
from train.problems.problems import data_of

ROWS = 250
TWO_THIRDS = ROWS * 2 // 3
FLIPPED = {"bom": "ruim", "ruim": "bom"}


def build(folder: Path) -> Settings:
    """Settings of a service with these stories in its store and a copy of the models."""
    settings = Settings(models_dir=committed.copy(folder / "models"), var_dir=folder / "var")
    wine(settings)
    others(settings, "wine-score", wine_score, feedback=True)
    others(settings, "diabetes", diabetes, feedback=False)
    return settings


def wine(settings: Settings) -> None:
    """Goes live in a second version; then white wines alone come, and tasters change their minds.

    Before, some days of a mixed up sensor raised an alert, which the new version cleared.
    """
    wines, now = load(), clock.now()
    traffic = Traffic(settings)
    for day in range(12, -1, -1):
        if day == 7:
            traffic = _second_version(settings)
        came = wines[wines["color"] == "white"] if day < 5 else wines
        came = unlike_training(came.sample(ROWS, random_state=day), day)
        if day in {8, 9}:
            came = came.assign(sulphates=came["pH"] / 2)
        actual = came["quality"].tolist()[:TWO_THIRDS]
        if day < 2:
            actual = [each if row % 3 else FLIPPED[each] for row, each in enumerate(actual)]
        until = now - day * DAY
        named = traffic.come(came, until - 3 * HOUR, actual)
        if day < 7:
            traffic.tried(1, named, ["ruim" if row % 9 else "bom" for row in range(ROWS)], until)
        traffic.check(until)


def _second_version(settings: Settings) -> Traffic:
    models = settings.models_dir
    first = artefact.read(models, "wine", 1)
    artefact.write(models, first.manifest, first.contents)
    versions = Versions(Decisions(models, settings.decisions_dir), "ana")
    versions.promote("wine", 2, "trained again", force=True)
    versions.set_trial("wine", 1, "to compare")
    return Traffic(settings, version=2)


def others(settings: Settings, model: str, module: Any, *, feedback: bool) -> None:
    """Three days on which nothing goes wrong, with feedback or without any."""
    problem = module.PROBLEM
    frame = module.load(data_of(problem))
    traffic, now = Traffic(settings, model), clock.now()
    for day in (2, 1, 0):
        came = unlike_training(frame.sample(ROWS, random_state=day), day)
        actual = came[problem.target].tolist() if feedback else ()
        traffic.come(came, now - day * DAY - HOUR, actual)
        traffic.check(now - day * DAY)
