"""A service of homes whose records are trained on again."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import body, hurry, moved
from training import latest, output

from app import create_app
from serving.models.artefact import Artefact
from serving.settings import Settings

JUDGED = 200
COMMAND = ("--target", "dear", "--name", "homes", "--estimator", "decision-tree")


def homes(rows: int, seed: int, *, dear_from: int = 100) -> pd.DataFrame:
    """Homes that are dear from a size on, in two areas, some of unknown age."""
    random = np.random.default_rng(seed)
    size = random.uniform(30, 200, rows).round(2)
    return pd.DataFrame(
        {
            "size": size,
            "area": random.choice(["centre", "south"], rows),
            "age": np.where(random.random(rows) < 0.1, np.nan, random.gamma(2, 9, rows).round(3)),
            "dear": np.where(size > dear_from, "yes", "no"),
        }
    )


class Service:
    """A model trained on a file, what it is asked, and what is said to be true of that."""

    def __init__(self, folder: Path, first: Path, **settings: Any) -> None:
        self.file, self.models = folder / "homes.csv", folder / "models"
        shutil.copytree(first, folder, dirs_exist_ok=True)
        self.settings = Settings(
            models_dir=self.models, default_model="homes", var_dir=folder / "var", **settings
        )
        self.client = create_app(self.settings).test_client()

    def serve(self, lived: pd.DataFrame) -> None:
        """Predict records in one request, and receive feedback on each."""
        self.client.application.extensions["registry"].refresh()
        frame = lived.astype(object).where(lived.notna(), None)
        actuals = frame.pop("dear")
        answered = self.client.post("/predict", **body(frame.to_dict("records"))).json[
            "predictions"
        ]
        said = [
            {"id": each["id"], "actual": actual}
            for each, actual in zip(answered, actuals, strict=True)
        ]
        assert self.client.post("/feedback", **body(said)).status_code == 200
        moved(self.settings).close()

    def retrain(self, *options: str) -> str:
        return output(self.models, self.file, *COMMAND, "--with-feedback", *options)

    @property
    def latest(self) -> Artefact:
        return latest(self.models, "homes")


def trained_first(folder: Path) -> Path:
    """Fill a folder with the file, and the models folder that the first training makes."""
    (folder / "models").mkdir()
    homes(300, seed=0).to_csv(folder / "homes.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        output(folder / "models", folder / "homes.csv", *COMMAND)
    return folder
