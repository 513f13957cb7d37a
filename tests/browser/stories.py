"""What the dashboard's browser tests show: a month of four models, each with a story of its own."""

import shutil
from pathlib import Path

import pandas as pd
from conftest import ROOT, rewrite
from monitored import DAY, HOUR, Traffic, unlike_training

from bench.wines import load
from serving import ids
from serving.decisions import Decisions
from serving.settings import Settings
from serving.versions import Versions
from train import diabetes, wine_score
from train.problems import data_of

ROWS = 250


def told(folder: Path) -> Settings:
    """A service whose store holds the stories; its models folder is a copy."""
    shutil.copytree(ROOT / "models", folder / "models")
    settings = Settings(models_dir=folder / "models", var_dir=folder / "var")
    of_wine(settings)
    of_wine_score(settings)
    of_diabetes(settings)
    return settings


def of_wine(settings: Settings) -> None:
    """A second version goes live; then only white wines come, and tasters change their minds."""
    wines, now = load(), ids.now()
    traffic = Traffic(settings)
    for day in range(12, 0, -1):
        if day == 7:
            rewrite(settings.models_dir, lambda manifest, _: manifest.update(version=2))
            decisions = Decisions(settings.models_dir, settings.decisions_dir)
            Versions(decisions, "ana").promote("wine", 2, "as good, and newer", force=True)
            Versions(decisions, "ana").shadow("wine", 1, "to compare")
            traffic = Traffic(settings, version=2)
        came, actual = _wines(wines, day)
        traffic.come(came, now - day * DAY + HOUR, actual)
        traffic.look(now - day * DAY + 4 * HOUR)
    came, actual = _wines(wines, 0)
    named = traffic.come(came, now - 3 * HOUR, actual)
    traffic.tried(1, named, ["bom" if place % 9 else "ruim" for place in range(ROWS)], now)
    traffic.look(now)


def _wines(wines: pd.DataFrame, day: int) -> tuple[pd.DataFrame, list[str]]:
    only = wines[wines["color"] == "white"] if day < 3 else wines
    came = unlike_training(only.sample(ROWS, random_state=day), day)
    flipped = {"bom": "ruim", "ruim": "bom"}
    actual = came["quality"].tolist()[: ROWS * 2 // 3]
    if day < 2:
        actual = [flipped[label] if place % 3 == 0 else label for place, label in enumerate(actual)]
    return came, actual


def of_wine_score(settings: Settings) -> None:
    """A regression with feedback, and nothing wrong with it."""
    _come(settings, "wine-score", wine_score, feedback=True)


def of_diabetes(settings: Settings) -> None:
    """No feedback at all, and few rows."""
    _come(settings, "diabetes", diabetes, feedback=False)


def _come(settings: Settings, model: str, module: object, *, feedback: bool) -> None:
    problem = module.PROBLEM
    frame = module.load(data_of(problem))
    traffic, now = Traffic(settings, model), ids.now()
    for day in (2, 1, 0):
        came = unlike_training(frame.sample(ROWS, random_state=day), day)
        actual = frame.loc[came.index, problem.target].tolist() if feedback else ()
        traffic.come(came, now - day * DAY - HOUR, actual)
        traffic.look(now - day * DAY)
