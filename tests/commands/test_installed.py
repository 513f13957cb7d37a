"""The command `adega` as it is installed, with what other packages add to it."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import ROOT

from serving import __version__
from serving.__main__ import main
from serving.commands import plugins

pytestmark = pytest.mark.slow

ADEGA = Path(sys.executable).with_name("adega")
installed = pytest.mark.skipif(
    not ADEGA.exists() and "CI" not in os.environ,
    reason="adega is not installed: make test does so",
)


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in some folder, on the code beside these tests."""
    variables = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(
        [ADEGA, *arguments],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@installed
def test_the_command_runs_in_any_folder(tmp_path: Path):
    shown = run(tmp_path, "--version", PYTHONPATH="")
    assert (shown.returncode, shown.stdout) == (0, f"adega {__version__}\n")
    shown = run(tmp_path, "versions", "wine")
    assert "wine 1" in shown.stdout


@installed
def test_a_mistake_is_a_message_and_an_exit_code(tmp_path: Path):
    refused = run(tmp_path, "promote", "wine", "99")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


@installed
def test_training_is_one_of_its_commands_with_options_and_failures_of_its_own(tmp_path: Path):
    failed = run(tmp_path, "train", "homes.csv", "--target", "price", "--name", "homes")
    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: ")
    assert "homes.csv" in failed.stderr
    shown = CliRunner().invoke(main, ["train", "--help"], prog_name="adega")
    assert "Usage: adega train [OPTIONS] COMMAND" in shown.output
    assert CliRunner().invoke(main, ["train", "wine", "--no-such-option"]).exit_code == 2


@installed
def test_training_is_listed_without_being_imported(tmp_path: Path):
    listed = run(tmp_path, "--help", PYTHONPROFILEIMPORTTIME="1")
    assert "\n  train " in listed.stdout
    assert "serving.commands" in listed.stderr
    assert "sklearn" not in listed.stderr


def test_a_command_whose_package_is_not_here_is_not_offered(monkeypatch: pytest.MonkeyPatch):
    """In the image there is no train."""
    packages = ("train", "train.exporting", "nowhere", "nowhere.deep")
    entries = [EntryPoint(name, f"{name}.__main__:main", "") for name in packages]
    monkeypatch.setattr(plugins, "entry_points", lambda **_: entries)
    offered = {command.name: command.help or "" for command in plugins.plugins()}
    assert [*offered] == ["train", "train.exporting"]
    assert offered["train.exporting"].startswith("Write a version for others")
