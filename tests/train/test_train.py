"""Training: honest figures, a proof that holds, and the same model every time."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import onnx
import pandas as pd
import pytest
from conftest import (
    FASTEST,
    ROOT,
    with_a_threshold_moved,
    with_other_leaves,
)
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from training import output, refused, run

from serving.models import artefact, model_folder
from serving.models.artefact import ONNX, PICKLE
from serving.models.backends import from_onnx
from serving.models.engine import Engine
from train.assemble import Trained
from train.evaluation.classification import Classification
from train.evaluation.equal_rows import group_equal_rows
from train.evaluation.evaluate import Protocol, cross_validate
from train.fitting.fit import fit
from train.fitting.threshold import MaxF1
from train.onnx import proof
from train.onnx.proof_rows import rows_on_thresholds
from train.onnx.trees import trees_of
from train.problems import wine
from train.problems.problems import data_of
from train.tables.rows import to_rows
from train.training import train

pytestmark = pytest.mark.slow

DATA = data_of(wine.PROBLEM)
SMALL = RandomForestClassifier(n_estimators=40, min_samples_leaf=3, oob_score=True)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    """A smaller wine problem, trained: where its models are, and what came of it."""
    models = tmp_path_factory.mktemp("models")
    problem = replace(
        wine.PROBLEM,
        load=lambda data: wine.load(data).iloc[::8],
        estimator=SMALL,
    )
    steps: list[None] = []
    trained = train(problem, DATA, models, lambda: steps.append(None))
    assert len(steps) == problem.steps
    return models, trained


def test_the_data_are_ucis_to_the_last_digit():
    if "DATA_DIR" not in os.environ:
        pytest.skip("DATA_DIR, a folder with UCI's own file to compare with, is not set")
    ours = pd.read_csv(DATA)
    theirs = pd.read_csv(Path(os.environ["DATA_DIR"]) / "winequality.csv")
    pd.testing.assert_frame_equal(ours, theirs, rtol=0, atol=1e-9)


def test_the_data_are_the_file_that_their_readme_describes():
    readme = (ROOT / "train/data/README.md").read_text()
    assert hashlib.sha256(DATA.read_bytes()).hexdigest() in readme
    wines = pd.read_csv(DATA)
    assert (len(wines), int(wines.duplicated().sum())) == (6497, 1177)
    assert len(wine.load(DATA)) == 5320


def test_the_committed_model_is_as_good_and_as_small_as_promised():
    wine_model = artefact.read(ROOT / "models", "wine", 1)
    assert wine_model.manifest.metrics["roc_auc"].mean >= 0.853
    assert len(wine_model.contents[PICKLE]) <= 6_000_000
    assert set(wine_model.manifest.metrics) == {
        "roc_auc",
        "pr_auc",
        "brier",
        "f1",
        "balanced_accuracy",
    }
    assert wine_model.manifest.metrics["f1"].baseline == 0
    assert sum(one.rows for one in wine_model.reference.reliability) == 5320


@pytest.mark.parametrize(("name", "low", "high"), [("bom", 0.6, 1), ("ruim", 0, 0.1)])
def test_the_two_example_wines_are_real_and_plain_to_models_that_never_saw_them(
    name: str, low: float, high: float
):
    record = json.loads((ROOT / f"{name}.json").read_text())
    every = pd.read_csv(DATA)
    twins = (every[list(record)] == pd.Series(record)).all(axis=1)
    assert twins.sum() == 1
    frame = wine.load(DATA)
    at = int(np.flatnonzero((frame[list(record)] == pd.Series(record)).all(axis=1))[0])
    assert frame.iloc[at][wine.PROBLEM.target] == name
    rows = to_rows(frame, wine.FIELDS)
    good = (frame[wine.PROBLEM.target] == "bom").to_numpy()
    without_out_of_bag = clone(wine.PROBLEM.estimator).set_params(oob_score=False)
    for seed in range(5):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        splits = folds.split(rows, good)
        seen, _ = next((seen, unseen) for seen, unseen in splits if at in unseen)
        forest = fit(without_out_of_bag, rows[seen], good[seen], seed)
        assert low <= forest.predict_proba(rows[[at]])[0, 1] <= high


def test_repeated_rows_teach_nothing_about_themselves():
    """Labels are chance, every row stands twice: whoever splits the twins scores far above 0.5."""
    random = np.random.default_rng(0)
    rows = np.repeat(random.normal(size=(200, 4)), 2, axis=0)
    positive = np.repeat(random.random(200) < 0.4, 2)
    figures = cross_validate(
        RandomForestClassifier(n_estimators=30),
        rows,
        positive.astype(int),
        Classification(labels=("no", "yes"), positive="yes"),
        groups=group_equal_rows(rows),
        seed=0,
        protocol=Protocol(folds=5, repeats=1),
    ).figures
    assert abs(figures["roc_auc"].mean - 0.5) < 0.1
    assert figures["roc_auc"].baseline == 0.5


def test_the_threshold_is_the_one_with_the_largest_f1():
    random = np.random.default_rng(0)
    positive = random.random(500) < 0.2
    probability = np.clip(0.25 * positive + random.normal(0.2, 0.1, 500), 0, 1)
    chosen = MaxF1().choose(positive, probability)
    f1 = {at: f1_score(positive, probability >= at) for at in (0.1, 0.2, chosen, 0.5)}
    assert max(f1, key=lambda at: f1[at]) == chosen


def test_what_training_writes_is_served(small: tuple[Path, Trained]):
    models, trained = small
    assert model_folder.live_version(models / "wine") == trained.artefact.manifest.version
    for agreement in trained.agreements.values():
        assert agreement.holds
        assert agreement.rows >= 20_000
    engine = Engine(trained.artefact)
    assert engine.backend == FASTEST
    frame = wine.load(DATA).iloc[::8]
    labels, *_ = engine.predict(to_rows(frame, wine.FIELDS))
    assert f1_score(frame[wine.PROBLEM.target], labels, pos_label="bom") > 0.5


def test_the_proof_finds_the_error_that_it_is_there_to_find(small: tuple[Path, Trained]):
    """Doubles that are not first cut to single precision take the other branch on a threshold."""
    _, trained = small
    model = onnx.load_from_string(trained.artefact.contents[ONNX])
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == onnx.TensorProto.FLOAT:
                attribute.i = onnx.TensorProto.DOUBLE
    uncast = from_onnx(model.SerializeToString(), trained.artefact.manifest)
    engine = Engine(trained.artefact)
    rows = trained.artefact.reference.sample(wine.FIELDS, 2000, seed=5)
    trees = [tree for _, tree in trees_of(joblib.load(small[0] / "wine/1" / PICKLE))]
    assert not engine.compare(uncast, rows_on_thresholds(trees, rows, seed=5)).holds


def test_a_model_that_fails_the_proof_is_written_without_what_was_compiled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    convert = proof.to_onnx
    monkeypatch.setattr(
        proof, "to_onnx", lambda *arguments: with_a_threshold_moved(convert(*arguments))
    )
    lay_out = proof.to_forest
    monkeypatch.setattr(
        proof, "to_forest", lambda *arguments: with_other_leaves(lay_out(*arguments))
    )
    problem = replace(
        wine.PROBLEM,
        load=lambda data: wine.load(data).iloc[::40],
        estimator=SMALL,
    )
    trained = train(problem, DATA, tmp_path, lambda: None)
    assert ONNX in trained.agreements
    assert not any(agreement.holds for agreement in trained.agreements.values())
    assert set(trained.artefact.contents) == {
        PICKLE,
        artefact.REFERENCE,
        artefact.OUTPUTS,
        artefact.CARD,
    }
    assert Engine(trained.artefact).backend == "pickle"


def test_the_proof_is_run_again_from_the_command_line(small: tuple[Path, Trained], tmp_path: Path):
    shutil.copytree(small[0] / "wine", tmp_path / "wine")
    assert "0 label differences" in output(tmp_path, "check", "wine")

    written = small[1].artefact
    contents = {**written.contents, ONNX: with_a_threshold_moved(written.contents[ONNX])}
    artefact.write(tmp_path, written.manifest, contents)
    bad = run(tmp_path, "check", "wine", "2")
    assert "NOT EQUAL" in bad.output
    assert bad.exit_code == 1
    assert "there is no model 'beer'; there are wine" in refused(tmp_path, "check", "beer")
