"""Free text of a column trains a model that is asked about texts nobody has written yet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import body
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from training import latest, output, records, refused, served

from app import create_app
from serving.models import artefact
from serving.models.engine import Engine
from serving.settings import Settings
from train.fitting.estimators import BUILDERS, PACKAGES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]

GOOD, BAD = ("ótimo produto", "loved it", "works well"), ("péssimo", "hated it", "broke soon")


def reviews(rows: int = 200) -> pd.DataFrame:
    """Reviews, all different, by people of any age; some wrote none."""
    random = np.random.default_rng(0)
    good = random.random(rows) < 0.5
    said = [random.choice(GOOD if each else BAD) for each in good]
    frame = pd.DataFrame(
        {
            "review": [f"{text}, order {row}: I say" for row, text in enumerate(said)],
            "age": random.integers(18, 80, rows),
            "when": [f"2024-0{1 + row % 9}-1{row % 7}" for row in range(rows)],
            "again": np.where(good, "yes", "no"),
        }
    )
    return frame.mask(random.random(frame.shape) < [0.05, 0.05, 0, 0])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    reviews().to_csv(tmp_path / "reviews.csv", index=False)
    return tmp_path / "reviews.csv"


def test_a_text_that_is_left_out_says_how_to_learn_from_it(tmp_path: Path, file: Path):
    command = (file, "--target", "again", "--name", "reviews", "--estimator", "decision-tree")
    said = output(tmp_path, *command)
    assert "left out: 'review'" in said
    assert "--text review" in said
    assert latest(tmp_path, "reviews").manifest.metrics["accuracy"].mean < 0.65


@pytest.mark.parametrize("estimator", [name for name in BUILDERS if name not in PACKAGES])
def test_texts_that_nobody_has_written_yet_are_answered(tmp_path: Path, file: Path, estimator: str):
    command = (file, "--target", "again", "--name", "reviews", "--text", "review")
    said = output(tmp_path, *command, "--estimator", estimator)
    assert "free text" in said
    made = latest(tmp_path, "reviews")
    assert made.manifest.metrics["accuracy"].mean > 0.8
    assert Engine(made).backend == "pickle"
    others: dict[str, Any] = {"age": 30, "when": "2024-12-31"}
    asked = [
        {"review": text, **others}
        for text in ("OTIMO PRODUTO; a: b", "I hated it \U0001f622", "Loved it!", "pessimo")
    ]
    assert served(made, *asked) == ["yes", "no", "yes", "no"]
    assert served(made, {"review": None, **others})[0] in {"yes", "no"}


def test_nobodys_text_is_in_what_others_read(tmp_path: Path, file: Path):
    output(tmp_path, file, "--target", "again", "--name", "reviews", "--text", "review")
    made = latest(tmp_path, "reviews")
    card = artefact.read_card(tmp_path, made.manifest)
    assert card.importance[0].field == "review"
    written = {*reviews()["review"].dropna()}
    shown = [made.manifest.example, *(example.record for example in card.examples)]
    assert not written.intersection(record["review"] for record in shown)
    assert made.reference.fields["review"].counts == {}


def test_the_file_that_trained_a_model_of_texts_is_answered(tmp_path: Path, file: Path):
    models = tmp_path / "models"
    models.mkdir()
    options = ("--name", "reviews", "--text", "review", "--estimator", "linear")
    output(models, file, "--target", "again", *options)
    told = Settings(models_dir=models, default_model="reviews", var_dir=tmp_path / "var")
    asked = create_app(told).test_client()
    answer = asked.post("/predict", data=file.read_bytes(), content_type="text/csv")
    assert answer.status_code == 200, answer.text
    assert answer.text.count("\n") == 201
    sent = records(reviews().drop(columns="again"))
    many = asked.post("/predict", **body(sent)).json["predictions"]
    right = [
        each["prediction"] == true for each, true in zip(many, reviews()["again"], strict=True)
    ]
    assert np.mean(right) > 0.9


def test_texts_without_a_common_word_are_refused(tmp_path: Path):
    frame = reviews()
    frame["review"] = [f"a{row}" for row in range(len(frame))]
    frame.to_csv(tmp_path / "reviews.csv", index=False)
    command = (tmp_path / "reviews.csv", "--target", "again", "--name", "reviews")
    assert "'review' has no word" in refused(tmp_path, *command, "--text", "review")


def texts_of_a_pipeline() -> Pipeline:
    """What a tutorial fits on a column of texts alone."""
    return make_pipeline(TfidfVectorizer(), LogisticRegression())


def columns_of_a_pipeline() -> Pipeline:
    """What counts the words of one column beside others."""
    words = ("words", CountVectorizer(), "review")
    return make_pipeline(
        ColumnTransformer([words, ("age", StandardScaler(), ["age"])]), LogisticRegression()
    )


@pytest.mark.parametrize("make", [texts_of_a_pipeline, columns_of_a_pipeline])
@pytest.mark.parametrize("rows", [12, 300])
def test_an_imported_pipeline_takes_any_text(
    tmp_path: Path, make: Callable[[], Pipeline], rows: int
):
    frame = reviews(300).dropna().drop(columns="when")
    alone = make is texts_of_a_pipeline
    given = frame["review"] if alone else frame[["review", "age"]]
    joblib.dump(make().fit(given, frame["again"]), tmp_path / "model.pkl")
    sample = frame[["review", "again"]] if alone else frame
    sample.head(rows).to_csv(tmp_path / "sample.csv", index=False)
    options = ("--sample", tmp_path / "sample.csv", "--target", "again")
    models = tmp_path / "models"
    models.mkdir()
    output(models, "import", tmp_path / "model.pkl", "--name", "reviews", *options)
    made = latest(models, "reviews")
    assert made.manifest.fields[0].type == "text"
    assert made.manifest.metrics["accuracy"].mean > 0.9
    others = {} if alone else {"age": 40}
    asked = [{"review": text, **others} for text in ('loved "it": yes', "broke, hated it", "")]
    assert served(made, *asked)[:2] == ["yes", "no"]


def test_texts_that_are_to_be_alone_are_asked_for(tmp_path: Path):
    frame = reviews().dropna()
    joblib.dump(texts_of_a_pipeline().fit(frame["review"], frame["again"]), tmp_path / "model.pkl")
    frame.to_csv(tmp_path / "sample.csv", index=False)
    options = ("--sample", tmp_path / "sample.csv", "--target", "again")
    message = refused(tmp_path, "import", tmp_path / "model.pkl", "--name", "reviews", *options)
    assert "takes texts only, but the sample has the columns 'review', 'age', 'when'" in message
