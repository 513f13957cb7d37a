"""The history of a model has who had each version made, on the command line or over HTTP."""

from pathlib import Path

import joblib
import pytest
from msgspec.structs import replace
from sklearn.linear_model import LinearRegression
from training import output

from app import create_app
from serving.settings import Settings
from serving.trainings.files import FILE
from serving.trainings.requests import of_file
from serving.versions.decisions import Decisions
from serving.versions.versions import whoever_runs_this
from train.requested.fit import fit


@pytest.mark.usefixtures("quick_training")
def test_the_history_of_a_model_has_who_had_its_versions_made_and_why(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MODELS_DIR", str(models))
    rows = "".join(f"{place},{3 * place + place % 5}\n" for place in range(80))
    file = tmp_path / FILE
    file.write_text(f"rooms,price\n{rows}")
    sent = replace(of_file("homes.csv", "ana"), bytes=file.stat().st_size)
    chosen = {"name": "homes", "target": "price", "estimator": "linear", "why": "a new year"}
    fit(tmp_path, replace(sent, **chosen))

    command = ("csv", file, "--target", "price", "--name", "homes", "--estimator", "linear")
    output(models, *command, "--auto")
    output(models, *command, "--unrecorded")  # by the monitor
    joblib.dump(LinearRegression().fit([[1], [2]], [3, 6]), tmp_path / "theirs.pkl")
    sample = ("--sample", file, "--target", "price")
    output(models, "import", tmp_path / "theirs.pkl", "--name", "theirs", *sample)

    me = whoever_runs_this()
    history = Decisions.from_settings(Settings.from_environment()).history
    assert [(each.action, each.before, each.version, each.who) for each in history("homes")] == [
        ("promote", 1, 2, me),
        ("train", 1, 2, me),
        ("train", None, 1, "ana"),
    ]
    assert history("homes")[-1].why == "a new year"
    (imported,) = history("theirs")
    assert (imported.action, imported.version, imported.who) == ("import", 1, me)
    client = create_app(Settings(models_dir=models, var_dir=tmp_path / "var")).test_client()
    for name, made in (("homes", f"trained by {me}"), ("theirs", f"imported by {me}")):
        assert made in client.get(f"/models/{name}/versions", headers={"Accept": "text/html"}).text
