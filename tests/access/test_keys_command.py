"""`adega keys` makes, lists and removes keys, which the service accepts."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from conftest import ROOT, body, wine

from app import create_app
from serving.__main__ import main
from serving.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def adega(file: Path | str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["keys", *arguments], env={"API_KEYS_FILE": str(file)})


def test_a_new_key_works_until_it_is_removed(file: Path, settings: Settings):
    key = adega(
        file, "add", "shop", "--scope", "predict,feedback", "--model", "wine"
    ).stdout.strip()
    assert key not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def status() -> int:
        own = Settings(var_dir=settings.var_dir, api_keys_file=str(file))
        headers = {"X-API-Key": key}
        return (
            create_app(own)
            .test_client()
            .post("/predict", **body(wine()), headers=headers)
            .status_code
        )

    assert status() == 200
    adega(file, "add", "other", "--scope", "read")
    assert status() == 200
    assert adega(file, "remove", "shop").exit_code == 0
    assert status() == 401


@pytest.mark.faults
def test_keys_that_are_made_at_the_same_time_are_all_there(file: Path):
    command = [sys.executable, "-m", "serving", "keys", "add", "--scope", "read"]
    own = os.environ | {"API_KEYS_FILE": str(file)}
    started = [
        subprocess.Popen([*command, f"key{number}"], cwd=ROOT, env=own, stdout=subprocess.DEVNULL)
        for number in range(6)
    ]
    assert {process.wait() for process in started} == {0}
    assert json.loads(file.read_text()).keys() == {f"key{number}" for number in range(6)}


def test_the_keys_are_listed_without_their_hashes(file: Path):
    adega(file, "add", "shop", "--scope", "predict", "--scope", "read", "--model", "wine")
    adega(file, "add", "old", "--scope", "metrics", "--expires", "2020-01-01")
    listed = adega(file, "list").output
    assert listed == "shop: predict, read, models wine\nold: metrics, expired on 2020-01-01\n"
    as_json: dict[str, Any] = json.loads(adega(file, "list", "--json").stdout)
    assert as_json["old"] == {"scopes": ["metrics"], "models": [], "expires": "2020-01-01"}


def test_several_models_are_separated_as_several_scopes_are(file: Path):
    adega(file, "add", "shop", "--scope", "read, predict", "--model", "wine, homes")
    assert adega(file, "list").output == "shop: read, predict, models wine, homes\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "shop", "--scope", "write"], "'write' is not a scope; choose from predict"),
        (["add", "a", "--scope", "read", "--model", "wine,"], "'' is not the name of a model"),
        (["add", "two words", "--scope", "read"], "a name is at most 64 letters, digits and"),
        (["add", "there", "--scope", "read"], "there is a key 'there' already; `adega keys remove"),
        (["remove", "nobody"], "there is no key 'nobody'; there are there"),
    ],
)
def test_what_cannot_be_done_is_explained(file: Path, arguments: list[str], message: str):
    adega(file, "add", "there", "--scope", "read")
    before = file.read_text()
    done = adega(file, *arguments)
    assert (done.exit_code, message in done.stderr) == (1, True)
    assert file.read_text() == before


def test_without_a_file_the_setting_is_printed(settings: Settings):
    done = adega("", "add", "shop", "--scope", "predict")
    value = done.stderr.split("API_KEYS='")[1].strip().removesuffix("'")
    own = Settings(var_dir=settings.var_dir, api_keys=value)
    headers = {"X-API-Key": done.stdout.strip()}
    answer = create_app(own).test_client().post("/predict", **body(wine()), headers=headers)
    assert answer.status_code == 200
    assert "API_KEYS_FILE is not set" in adega("", "list").stderr
