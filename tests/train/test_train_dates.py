"""A column of dates trains a model that is asked about the days to come."""

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import body, moved
from flask.testing import FlaskClient
from training import latest, output, records, served

from app import create_app
from serving.models import artefact
from serving.models.engine import Engine
from serving.settings import Settings
from train.fitting.estimators import BUILDERS, PACKAGES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]

TREE = ("--estimator", "decision-tree")


def sales(rows: int = 400) -> pd.DataFrame:
    """Sales of each day, twice as many on Saturdays; some days are not known."""
    random = np.random.default_rng(0)
    days = [date(2023, 1, 2) + timedelta(days=row) for row in range(rows)]
    weekend = np.array([day.weekday() == 5 for day in days])
    sold = 100 + 100 * weekend + random.normal(0, 3, rows)
    frame = pd.DataFrame(
        {
            "day": [day.strftime("%d/%m/%Y") for day in days],
            "shop": random.choice(["A", "B"], rows),
            "sold": sold.round(1),
        }
    )
    return frame.mask(random.random(frame.shape) < [0.05, 0, 0])


def trained(models: Path, frame: pd.DataFrame, target: str, *options: str) -> artefact.Artefact:
    models.mkdir(exist_ok=True)
    frame.to_csv(models.parent / "data.csv", index=False)
    output(models, models.parent / "data.csv", "--target", target, "--name", "days", *options)
    return latest(models, "days")


def client(models: Path, **settings: Any) -> FlaskClient:
    told = Settings(
        models_dir=models, default_model="days", var_dir=models.parent / "var", **settings
    )
    return create_app(told).test_client()


@pytest.mark.parametrize("estimator", [name for name in BUILDERS if name not in PACKAGES])
def test_days_to_come_are_answered_by_what_the_calendar_says(tmp_path: Path, estimator: str):
    made = trained(tmp_path / "models", sales(), "sold", "--estimator", estimator)
    fields = {field.name: field for field in made.manifest.fields}
    assert (fields["day"].type, fields["day"].format) == ("date", "%d/%m/%Y")
    assert fields["day"].optional
    assert fields["day"].seen == (19360, 19758)  # 2023-01-03 to 2024-02-05
    assert Engine(made).backend != "pickle"
    saturday, monday, unknown = served(
        made,
        {"day": "24/02/2024", "shop": "A"},
        {"day": "2024-02-26", "shop": "A"},
        {"day": None, "shop": "A"},
    )
    # To a linear model a day of the week is one number.
    assert saturday - monday > (5 if estimator == "linear" else 50)
    assert monday == pytest.approx(100, abs=25)
    assert 90 < unknown < 210


def test_the_card_and_the_reference_know_the_date(tmp_path: Path):
    made = trained(tmp_path / "models", sales(), "sold", *TREE)
    assert made.manifest.example["day"] == "2023-07-17"
    card = artefact.read_card(tmp_path / "models", made.manifest)
    assert [each.field for each in card.importance] == ["day", "shop"]
    assert card.importance[0].mean > 10
    assert {example.record["day"][:4] for example in card.examples} == {"2023"}
    days = made.reference.fields["day"].quantiles
    assert (days[0], days[-1]) == (19360, 19758)  # 2023-01-03 to 2024-02-05


def test_the_file_that_trained_a_model_is_answered_row_by_row(tmp_path: Path):
    frame = sales()
    trained(tmp_path / "models", frame, "sold", *TREE)
    asked = client(tmp_path / "models")
    content = (tmp_path / "data.csv").read_bytes()
    answer = asked.post("/predict", data=content, content_type="text/csv")
    assert answer.status_code == 200, answer.text
    lines = [float(row["prediction"]) for row in csv.DictReader(io.StringIO(answer.text))]
    told = asked.post("/predict", **body(records(frame.drop(columns="sold")))).json
    assert lines == [each["prediction"] for each in told["predictions"]]
    assert len(lines) == 400


def test_months_of_a_category_are_dates_and_the_next_one_is_answered(tmp_path: Path):
    months = [f"2024-0{1 + row % 6}" for row in range(60)]
    frame = pd.DataFrame(
        {
            "month": months,
            "amount": [1.25 * (row % 23) for row in range(60)],
            "churn": ["yes" if month[-1] in "246" else "no" for month in months],
        }
    )
    made = trained(tmp_path / "models", frame, "churn", *TREE)
    assert served(made, {"month": "2024-07", "amount": 3})[0] in {"yes", "no"}
    assert served(made, {"month": "2024-02", "amount": 3}) == ["yes"]


def test_live_days_are_learnt_from(tmp_path: Path):
    trained(tmp_path / "models", sales(), "sold", *TREE)
    settings = Settings(
        models_dir=tmp_path / "models", default_model="days", var_dir=tmp_path / "var"
    )
    asked = create_app(settings).test_client()
    days = [f"2024-0{1 + row % 9}-1{row % 7}" for row in range(40)]
    for day in days:
        told = asked.post("/predict", **body({"day": day, "shop": "B"})).json
        asked.post("/feedback", **body({"id": told["id"], "actual": 150.5}))
    moved(settings)
    command = (tmp_path / "data.csv", "--target", "sold", "--name", "days", "--with-feedback")
    said = output(tmp_path / "models", *command, *TREE)
    assert f"{len({*days})} of these rows are live records" in said
    made = latest(tmp_path / "models", "days")
    assert made.manifest.version == 2
    assert date(1970, 1, 1) + timedelta(days=made.manifest.fields[0].seen[1]) == date(2024, 9, 15)
    assert json.loads(asked.get("/models/days").text)["fields"][0]["type"] == "date"
