"""Every way to write a version signs it, if there is a key."""

from pathlib import Path

import pandas as pd
import pytest
from conftest import body, moved
from signing import new_key
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from training import output, pickled, refused

from app import create_app
from serving.settings import Settings
from serving.versions.decisions import Decisions

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]


@pytest.fixture
def signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a folder without models, in which versions must be signed."""
    (tmp_path / "models").mkdir()
    key, public = new_key(tmp_path / "key")
    monkeypatch.setenv("SIGNING_KEY", key)
    monkeypatch.setenv("TRUSTED_KEYS", public)
    return Settings(
        models_dir=tmp_path / "models",
        var_dir=tmp_path / "var",
        default_model="iris",
        signing_key=key,
        trusted_keys=public,
    )


def iris() -> pd.DataFrame:
    rows = load_iris(as_frame=True).frame
    return rows.assign(target=rows["target"].map({0: "setosa", 1: "versicolor", 2: "virginica"}))


def test_a_version_from_a_csv_is_signed_and_so_is_its_retraining(signed: Settings, tmp_path: Path):
    file, frame = tmp_path / "iris.csv", iris()
    frame.to_csv(file, index=False)
    train = (file, "--target", "target", "--name", "iris", "--estimator", "decision-tree")
    printed = output(signed.models_dir, *train)
    assert f"signed; the public key is {signed.trusted_keys}" in printed
    client = create_app(signed).test_client()
    records = frame.iloc[:3].drop(columns="target") + 0.01
    answer = client.post("/predict", **body(records.to_dict("records"))).json
    feedback = [{"id": each["id"], "actual": "setosa"} for each in answer["predictions"]]
    assert client.post("/feedback", **body(feedback)).json["recorded"] == 3
    moved(signed).close()
    output(signed.models_dir, *train, "--with-feedback")
    assert Decisions.from_settings(signed).read("iris", 2).manifest.data.live


def test_an_imported_version_is_signed(signed: Settings, tmp_path: Path):
    frame = iris().drop(columns="target")
    files = pickled(tmp_path, LogisticRegression(max_iter=1000).fit(frame, iris()["target"]), frame)
    output(signed.models_dir, "import", *files, "--name", "iris")
    assert create_app(signed).test_client().get("/example").status_code == 200


def test_what_would_not_be_served_is_not_trained(
    signed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    iris().to_csv(tmp_path / "iris.csv", index=False)
    train = (tmp_path / "iris.csv", "--target", "target", "--name", "iris")
    monkeypatch.setenv("SIGNING_KEY", "")
    assert "set SIGNING_KEY" in refused(signed.models_dir, *train)
    monkeypatch.setenv("SIGNING_KEY", new_key(tmp_path / "other")[0])
    assert "is not trusted, so a new version" in refused(signed.models_dir, *train)
    assert not [*signed.models_dir.iterdir()]
