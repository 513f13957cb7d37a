"""Settings come from the environment, and a wrong one stops the start."""

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from conftest import ROOT
from servers import PATIENCE, gunicorn

from serving.errors import SettingsError
from serving.settings import Settings


def test_every_setting_has_a_default_that_serves():
    assert Settings.from_environment({}) == Settings()
    assert Settings().models_dir.is_dir()


def test_settings_are_read_from_variables_of_their_name(tmp_path: Path):
    settings = Settings.from_environment({"PORT": "8080", "MODELS_DIR": str(tmp_path)})
    assert settings == Settings(port=8080, models_dir=tmp_path)


@pytest.mark.parametrize(("value", "meaning"), [("off", False), ("0", False), ("on", True)])
def test_a_switch_is_on_or_off(value: str, meaning: bool):
    assert Settings.from_environment({"JOURNAL": value}).journal is meaning


def test_an_empty_variable_means_the_default():
    assert Settings.from_environment({"PORT": " "}).port == 5000


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "five thousand"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("WEB_CONCURRENCY", "-1"),
        ("WEB_CONCURRENCY", "2.5"),
        ("MAX_RECORDS", "many"),
        ("MODELS_DIR", "/nowhere/at/all"),
        ("JOURNAL", "yes please"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(variable: str, value: str):
    with pytest.raises(SettingsError, match=f"{variable}={value!r} is not "):
        Settings.from_environment({variable: value})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALERT_WEBHOOK", "ftp://secret.example/"),
        ("ALERT_WEBHOOK", "https:///secret"),
        ("ALERT_WEBHOOK", "https://secret.example:port/"),
        ("ALERT_WEBHOOK", "https://secret..example/"),
        ("ALERT_WEBHOOK", "https://user:secret@example.org/"),
        ("ALERT_WEBHOOK", "https://example.org/a secret"),
        ("ALERT_WEBHOOK", "https://[secret/"),
        ("HOST_NAME", "secret\x07"),
        ("HOST_NAME", "secret" * 50),
        ("HOST_NAME", "secret\udcff"),  # as Python reads bytes that are not UTF-8
        ("ALERT_WEBHOOK_KEY", "whsec_no secret in base64"),
        ("ALERT_WEBHOOK_KEY", "whsec_"),
        ("ALERT_WEBHOOK_KEY", "whsec_é"),
    ],
)
def test_a_wrong_value_that_may_hold_a_secret_is_not_quoted(variable: str, value: str):
    with pytest.raises(SettingsError, match=f"^{variable} is not (the URL|a key|a name)") as raised:
        Settings.from_environment({variable: value})
    assert "secret" not in str(raised.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PORT", "x", "cannot start: PORT='x' is not a whole number of at least 1"),
        ("DEFAULT_MODEL", "beer", "cannot start: the default model 'beer' cannot be served"),
    ],
)
def test_the_server_does_not_start_with_a_wrong_setting(variable: str, value: str, message: str):
    run = subprocess.run(
        gunicorn(),
        cwd=ROOT,
        env=os.environ | {variable: value},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert run.returncode != 0
    assert message in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.slow
def test_importing_the_app_builds_nothing():
    run = [sys.executable, "-c", "import app; app.create_app"]
    wrong = os.environ | {"DEFAULT_MODEL": "beer"}
    subprocess.run(run, cwd=ROOT, env=wrong, timeout=PATIENCE, check=True)


def shown(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return str(default).removeprefix(f"{ROOT}/")


def test_the_docs_list_every_setting_with_its_default():
    rows = {
        cells[0].strip("` "): cells[1].strip("` ")
        for line in (ROOT / "docs/settings.md").read_text().splitlines()
        if line.startswith("| `") and len(cells := line.strip("|").split("|")) == 3
    }
    listed = {setting.name.upper(): shown(setting.default) for setting in fields(Settings)}
    assert rows == listed
