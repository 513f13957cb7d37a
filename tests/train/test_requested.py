"""What is kept of a training that was requested over HTTP."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from serving.settings import Settings
from serving.trainings.requests import of_file
from serving.trainings.trainings import FILE
from serving.versions.decisions import Decisions
from train.requested.fit import fit


@pytest.mark.usefixtures("quick_training")
def test_the_history_of_a_model_has_who_had_it_trained_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    rows = "".join(f"{place},{3 * place + place % 5}\n" for place in range(80))
    (tmp_path / FILE).write_text(f"rooms,price\n{rows}")
    sent = replace(of_file("homes.csv", "ana"), bytes=(tmp_path / FILE).stat().st_size)
    chosen = {"name": "homes", "target": "price", "estimator": "linear", "why": "a new year"}
    result = fit(tmp_path, replace(sent, **chosen))
    (made,) = Decisions.from_settings(Settings.from_environment()).history("homes")
    assert (made.action, made.version, made.who, made.why) == (
        ("retrain", result.version, "ana", "a new year")
    )
