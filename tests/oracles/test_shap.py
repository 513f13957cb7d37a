"""Contributions of trees are those of shap's TreeExplainer, also for rows on thresholds."""

import pickle
from typing import Any

import numpy as np
import pytest
from artefacts import manifest_of
from estimators import NUMBERS, TEXTS, loans, targets
from programs import ORACLES, call
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from serving.models.explaining import forest
from serving.models.explaining.forest import from_forest
from train.onnx.forest import to_forest
from train.onnx.proof_rows import rows_on_thresholds
from train.onnx.trees import trees_of
from train.tables.rows import to_rows

pytestmark = pytest.mark.skipif(
    not (ORACLES / ".venv-shap").exists(),
    reason="shap is not installed: make test-oracles does so",
)

EXACT = 1e-9
ROWS = 200  # of each model, half of them on thresholds

ENCODED = ColumnTransformer(
    [
        ("labels", OneHotEncoder(handle_unknown="ignore"), [3, 4]),
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), [2, 1, 0]),
    ]
)
ENCODED_FIELDS = [3, 3, 3, 4, 4, 4, 2, 1, 0]
KINDS: dict[str, tuple[Any, str]] = {
    "a tree of two classes": (DecisionTreeClassifier(), "good"),
    "a tree of numbers": (DecisionTreeRegressor(), "amount"),
    "a forest of two classes": (RandomForestClassifier(30), "good"),
    "a forest of three classes": (RandomForestClassifier(20, class_weight="balanced"), "risk"),
    "a forest of numbers": (RandomForestRegressor(20), "amount"),
    "extra trees of three classes": (ExtraTreesClassifier(20), "digit"),
    "extra trees of numbers": (ExtraTreesRegressor(20, min_samples_leaf=3), "amount"),
    "boosting of two classes": (GradientBoostingClassifier(), "good"),
    "boosting of numbers": (GradientBoostingRegressor(subsample=0.5, max_depth=5), "amount"),
    "histograms of two classes": (HistGradientBoostingClassifier(max_iter=30), "good"),
    "histograms of three classes": (HistGradientBoostingClassifier(max_iter=20), "risk"),
    "histograms of numbers": (HistGradientBoostingRegressor(max_iter=30), "amount"),
    "histograms of counts": (HistGradientBoostingRegressor(loss="poisson"), "amount"),
    "a scaled forest": (
        make_pipeline(SimpleImputer(), MinMaxScaler(), RandomForestClassifier(20)),
        "risk",
    ),
    "an encoded forest": (make_pipeline(ENCODED, RandomForestClassifier(20)), "good"),
    "encoded boosting": (make_pipeline(ENCODED, GradientBoostingRegressor()), "amount"),
}
assert [*NUMBERS, *TEXTS] == [*loans(missing=False)]


def fitted(kind: str) -> tuple[Any, Any]:
    """A model, and rows: as in training, then on thresholds where its features are the fields."""
    estimator, target = KINDS[kind]
    frame = loans(missing=False)
    given = to_rows(frame, manifest_fields())
    names = [name for name in estimator.get_params() if name.endswith("random_state")]
    estimator.set_params(**dict.fromkeys(names, 0)).fit(given, targets()[target])
    rows = given[:ROWS].copy()
    if not isinstance(estimator, Pipeline):
        trees = [tree for _, tree in trees_of(estimator)]
        rows[ROWS // 2 :] = rows_on_thresholds(trees, rows[ROWS // 2 :], 1)
    return estimator, rows


def manifest_fields() -> Any:
    return manifest_of("loan", DecisionTreeRegressor(), loans(missing=False)).fields


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of each kind the model, its rows, and what shap finds."""
    folder = tmp_path_factory.mktemp("shap")
    models = {kind: fitted(kind) for kind in KINDS}
    for kind, (estimator, rows) in models.items():
        steps, model = split(estimator)
        (folder / f"{kind}.pkl").write_bytes(pickle.dumps(model))
        np.save(folder / f"{kind}.npy", steps.transform(rows) if steps else rows)
    call("shap", str(folder), programs=ORACLES)
    return {kind: (*models[kind], np.load(folder / f"{kind}-shap.npz")) for kind in KINDS}


def split(estimator: Any) -> tuple[Any, Any]:
    if isinstance(estimator, Pipeline):
        return estimator[:-1], estimator[-1]
    return None, estimator


@pytest.mark.parametrize("extension", ["compiled", "NumPy"])
@pytest.mark.parametrize("kind", KINDS)
def test_contributions_are_those_of_shap(
    kind: str, extension: str, found: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    estimator, rows, by_shap = found[kind]
    if extension == "NumPy":
        monkeypatch.setattr(forest, "_explain", None)
    else:
        assert forest.is_compiled(), "there was no C compiler when adega was installed"
    manifest = manifest_of("loan", estimator, loans(missing=False))
    explain = from_forest(to_forest(estimator, manifest), manifest)
    ours, theirs = explain(rows), by_field(kind, by_shap["values"])
    if is_classifier(estimator) and theirs.shape[2] == 1:  # log-odds of the second of two classes
        theirs = np.concatenate([-theirs, theirs], axis=2)
    scale = max(1.0, float(np.abs(theirs).max()))
    np.testing.assert_allclose(ours.values, theirs, rtol=0, atol=EXACT * scale)
    base = by_shap["base"]
    np.testing.assert_allclose(ours.base[-len(base) :], base, rtol=EXACT)


def by_field(kind: str, values: Any) -> Any:
    """Contributions of columns, those of one field added up."""
    if "encoded" not in kind:
        return values
    added = np.zeros((len(values), 5, values.shape[2]))
    for column, field in enumerate(ENCODED_FIELDS):
        added[:, field] += values[:, column]
    return added
