"""A training that the monitor starts is a process of its own, with a result and a time limit."""

import shutil
from pathlib import Path

import pytest
from conftest import rewrite
from signing import new_key

from serving.errors import SettingsError
from serving.monitor.retraining import training
from serving.monitor.retraining.training import Training, TrainingResult, require_training
from serving.settings import Settings


@pytest.mark.slow
def test_a_training_is_a_process_that_says_how_it_ended(models: Path, tmp_path: Path):
    shutil.copytree(models / "wine", models / "bottles")
    unknown = Training(Settings(models_dir=models, var_dir=tmp_path / "var"), "bottles")
    unknown.wait()
    assert unknown.result() == (None, False, "No such command 'bottles'.")


def test_of_two_trainings_at_once_each_knows_the_version_that_it_wrote(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho training wine\necho wine 2 is in /models/wine\n")
    python.chmod(0o755)
    monkeypatch.setattr(training.sys, "executable", str(python))
    ours = Training(Settings(models_dir=models, var_dir=tmp_path / "var"), "wine")
    for _ in range(2):  # another one writes 3 before ours has ended
        rewrite(models, lambda *_: None)
    ours.wait()
    assert ours.result() == TrainingResult(2)


def test_a_training_has_a_time_limit(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training, "LIMIT", 0.0)
    endless = Training(Settings(models_dir=models, var_dir=tmp_path / "var"), "wine")
    assert endless.result() == (None, True, "it took longer than 0 s")


def test_a_training_gets_the_keys_of_the_monitor(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "Error: $SIGNING_KEY $TRUSTED_KEYS"\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr(training.sys, "executable", str(python))
    folders = {"models_dir": models, "var_dir": tmp_path / "var"}
    ours = Training(Settings(**folders, signing_key="/k", trusted_keys="a"), "wine")
    ours.wait()
    assert ours.result() == (None, True, "/k a")


def test_versions_that_would_not_be_served_are_not_trained(models: Path, tmp_path: Path):
    file, _ = new_key(tmp_path / "key")
    _, other = new_key(tmp_path / "other")
    for key in ("", file):
        settings = Settings(models_dir=models, signing_key=key, trusted_keys=other)
        with pytest.raises(SettingsError, match="a new version would not be served"):
            require_training(settings)
