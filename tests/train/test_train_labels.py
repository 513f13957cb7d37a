"""The label that is told of an imported classifier is the one that its own `predict` says."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC
from training import latest, output, records, served

from serving.models.engine import Engine
from train.onnx import proof

random = np.random.default_rng(11)
FRAME = pd.DataFrame(random.normal(size=(240, 3)).round(3), columns=["a", "b", "c"])
NOISY = FRAME["a"] + random.normal(size=240)
TWO = np.where(NOISY > 1, "fraud", "fine")
THREE = np.where(NOISY > 0.8, "high", np.where(NOISY < -0.8, "low", "middle"))
FOREST = RandomForestClassifier(10, random_state=0, n_jobs=-1)

MOST_PROBABLE = "labels: the most probable, as its predict does"
THRESHOLD = "labels: the estimator's own threshold on P({}), as its predict does"
BESIDE = "labels: those of the estimator's predict, besides its probabilities"

CASES: dict[str, tuple[Any, Any, str, str]] = {
    "a fixed threshold": (
        FixedThresholdClassifier(LogisticRegression(), threshold=0.1, pos_label="fraud"),
        TWO,
        THRESHOLD.format("fraud"),
        "compiled",
    ),
    "of the first label, on shares of a forest": (
        FixedThresholdClassifier(FOREST, threshold=0.1, pos_label="fine"),
        TWO,
        THRESHOLD.format("fine"),
        "compiled",
    ),
    "as the last step, behind a scaler": (
        make_pipeline(StandardScaler(), FixedThresholdClassifier(FOREST, threshold=0.3)),
        TWO,
        THRESHOLD.format("fraud"),
        "compiled",
    ),
    "tuned": (
        TunedThresholdClassifierCV(LogisticRegression(), cv=3, random_state=0),
        TWO,
        THRESHOLD.format("fraud"),
        "compiled",
    ),
    "found by a search": (
        GridSearchCV(
            FixedThresholdClassifier(LogisticRegression(), threshold=0.2),
            {"estimator__C": [0.1, 1]},
            cv=3,
        ),
        TWO,
        THRESHOLD.format("fraud"),
        "compiled",
    ),
    "sure of several labels at once": (
        SGDClassifier(loss="modified_huber", random_state=0),
        THREE,
        BESIDE,
        "pickle",
    ),
    "a threshold on what is no probability": (
        FixedThresholdClassifier(
            LogisticRegression(), threshold=-1.5, response_method="decision_function"
        ),
        TWO,
        BESIDE,
        "pickle",
    ),
    "a support vector machine": (
        CalibratedClassifierCV(SVC(random_state=0), cv=2, ensemble=False),
        THREE,
        MOST_PROBABLE,
        "pickle",
    ),
    "a Gaussian process": (GaussianProcessClassifier(random_state=0), TWO, "labels: ", "pickle"),
    "naive Bayes": (GaussianNB(), THREE, MOST_PROBABLE, "compiled"),
    "a forest of three classes": (FOREST, THREE, MOST_PROBABLE, "compiled"),
    "no probabilities": (LinearSVC(random_state=0), THREE, "it has no probabilities", "pickle"),
}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "PROOF_ROWS", 2_000)


def imported(folder: Path, fitted: Any) -> str:
    joblib.dump(fitted, folder / "model.pkl")
    FRAME.to_csv(folder / "rows.csv", index=False)
    files = (folder / "model.pkl", "--sample", folder / "rows.csv")
    return output(folder, "import", *files, "--name", "theirs")


@pytest.mark.parametrize("case", CASES)
def test_the_label_is_what_predict_says(tmp_path: Path, case: str):
    estimator, truth, says, backend = CASES[case]
    fitted = estimator.fit(FRAME, truth)
    assert says in imported(tmp_path, fitted)
    made = latest(tmp_path, "theirs")
    assert (Engine(made).backend == "pickle") == (backend == "pickle")
    assert served(made, *records(FRAME)) == fitted.predict(FRAME).tolist()


@pytest.mark.filterwarnings("ignore:The `probability` parameter")
@pytest.mark.parametrize("kind", [SVC, NuSVC])
def test_probabilities_that_are_made_apart_stand_beside_what_predict_says(
    tmp_path: Path, kind: Any
):
    parameters = {"nu": 0.2} if kind is NuSVC else {}
    fitted = kind(probability=True, random_state=0, **parameters).fit(FRAME, THREE)
    assert BESIDE in imported(tmp_path, fitted)
    made = latest(tmp_path, "theirs")
    engine = Engine(made)
    rows = FRAME.to_numpy()
    told = engine.predict(rows)
    np.testing.assert_allclose(told.probabilities, fitted.predict_proba(FRAME))
    assert told[0] == fitted.predict(FRAME).tolist()
    likeliest = [made.manifest.classes[row.index(max(row))] for row in told.probabilities]
    assert likeliest != told[0]


def test_figures_of_a_sample_are_of_the_labels_that_are_told(tmp_path: Path):
    fitted = FixedThresholdClassifier(LogisticRegression(), threshold=0.1).fit(FRAME, TWO)
    joblib.dump(fitted, tmp_path / "model.pkl")
    FRAME.assign(truth=TWO).to_csv(tmp_path / "rows.csv", index=False)
    files = (tmp_path / "model.pkl", "--sample", tmp_path / "rows.csv", "--target", "truth")
    output(tmp_path, "import", *files, "--name", "theirs")
    metrics = latest(tmp_path, "theirs").manifest.metrics
    said = fitted.predict(FRAME) == "fraud"
    right = said & (TWO == "fraud")
    f1 = 2 * right.sum() / (said.sum() + (TWO == "fraud").sum())
    assert metrics["f1"].mean == pytest.approx(f1, abs=1e-4)
