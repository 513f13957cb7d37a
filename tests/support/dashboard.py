"""A dashboard after checks of the monitor: four models, each with a story of its own."""

import json
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from artefacts import made, put_live
from conftest import MODELS, rewrite
from flask.testing import FlaskClient
from sklearn.linear_model import LogisticRegression
from traffic import DAY, HOUR, Traffic, at, unlike_training

from app import create_app
from bench.wines import load
from serving import clock
from serving.models import artefact, model_folder
from serving.models.artefact import REFERENCE
from serving.models.reference import Reference
from serving.settings import Settings
from train.problems import wine_score
from train.problems.problems import data_of

HOSTILE, GOOD = "</script><script>alert(1)</script>", "Não aprovado"
FIELD = "<b>income"
ROWS = 220
CHART = re.compile(
    r'<figure class="chart">.*?<script type="application/json">(.*?)</script>', re.DOTALL
)


class Dashboard(NamedTuple):
    """A service after checks of the monitor, and the time of the latest."""

    client: FlaskClient
    settings: Settings
    now: int

    def page(self, path: str, *, language: str = "en", later: int = 0, status: int = 200) -> str:
        with at(self.now + later):
            response = self.client.get(
                path, headers={"Accept": "text/html", "Accept-Language": language}
            )
        assert (response.status_code, response.mimetype) == (status, "text/html"), response.text
        return response.text

    def charts(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(text) for text in CHART.findall(self.page(path))]


def text(page: str) -> str:
    """What a person reads."""
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page))


def build(folder: Path) -> Dashboard:
    """Wine drifts in its second version, without feedback; of diabetes there are no predictions."""
    shutil.copytree(MODELS, folder / "models")
    settings, now = Settings(models_dir=folder / "models", var_dir=folder / "var"), clock.now()
    wines = load()
    came = unlike_training(wines.sample(ROWS, random_state=0))
    traffic = Traffic(settings)
    traffic.come(came, now - DAY, came["quality"].tolist())
    traffic.check(now - DAY + HOUR)
    rewrite(settings.models_dir, lambda _manifest, _contents: None)
    model_folder.put_live(settings.models_dir / "wine", 2)
    traffic = Traffic(settings, version=2)
    whites = wines[wines["color"] == "white"].sample(ROWS, random_state=0)
    traffic.come(unlike_training(whites), now - HOUR)
    traffic.check(now)
    reds = wine_score.load(data_of(wine_score.PROBLEM)).sample(ROWS, random_state=0)
    traffic = Traffic(settings, "wine-score")
    traffic.come(unlike_training(reds), now - HOUR, reds["quality"].tolist())
    traffic.check(now)
    _bring_a_pickle(settings, now)
    return Dashboard(create_app(settings).test_client(), settings, now)


def _bring_a_pickle(settings: Settings, now: int) -> None:
    """A model without a reference of its training, with names that nobody should give."""
    frame = pd.DataFrame({FIELD: [float(row % 7) for row in range(ROWS)]})
    labels = [HOSTILE if row % 7 > 3 else GOOD for row in frame.index]
    estimator = LogisticRegression().fit(frame.to_numpy(), labels)
    brought = made("theirs", estimator, frame)
    brought.contents[REFERENCE] = artefact.pretty(Reference(rows=0, fields={}))
    put_live(settings.models_dir, brought)
    traffic = Traffic(settings, "theirs")
    traffic.come(frame, now - HOUR)
    traffic.check(now)
