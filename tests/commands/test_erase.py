"""`adega erase` erases with and without a running service, and waits until it is done."""

import json
import os
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from conftest import body, wine
from flask.testing import FlaskClient
from recorded import holding
from servers import PATIENCE, get, gunicorn, running

from app import create_app
from serving.__main__ import main
from serving.settings import Settings

MARK = "13.0123456789"
SALT = "sixteen or more characters"

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SQLITE_TMPDIR", str(settings.var_dir))

    def invoke(*arguments: str, text: str = "", **environment: str) -> Result:
        own = {"VAR_DIR": str(settings.var_dir)} | environment
        return CliRunner(env=own).invoke(main, ["erase", *arguments], input=text)

    return invoke


def send(client: FlaskClient, record: Any, subject: str = "ana") -> str:
    answer = client.post("/predict", **body(record), headers={"X-Subject": subject})
    return str(answer.json["id"])


def test_it_erases_by_itself_while_no_collector_runs(run: Run, settings: Settings):
    client = create_app(settings).test_client()
    made = [send(client, wine(alcohol=float(MARK))) for _ in range(3)]
    kept = send(client, wine(), "bia")
    client.post("/feedback", **body([{"id": each, "actual": "bom"} for each in made]))
    result = run("--subject", "ana", "--yes")
    assert result.exit_code == 0, result.output
    assert "erased by subject: 3 predictions, 3 feedback, 0 trials" in result.output
    assert holding(settings.var_dir, MARK) == holding(settings.var_dir, made[0]) == []
    assert client.get(f"/predictions/{made[0]}").status_code == 404
    assert client.get(f"/predictions/{kept}").status_code == 200


@pytest.mark.parametrize("sent", [MARK, f" {MARK}", f"{MARK}0"])
@pytest.mark.parametrize("hashed", [False, True])
def test_a_value_is_found_as_it_may_be_sent_and_as_it_is_recorded(
    run: Run, settings: Settings, sent: str, hashed: bool
):
    given = {"journal_hash": '{"wine": ["alcohol"]}', "journal_salt": SALT} if hashed else {}
    client = create_app(replace(settings, **given)).test_client()
    made, other = send(client, wine(alcohol=float(MARK))), send(client, wine(pH=3.3))
    named = ["--model", "wine", "--field", "alcohol", "--value", sent, "--yes", "--json"]
    result = run(*named, **{name.upper(): value for name, value in given.items()})
    assert json.loads(result.output)["predictions"] == 1
    assert client.get(f"/predictions/{made}").status_code == 404
    assert client.get(f"/predictions/{other}").status_code == 200


def test_it_asks_first(run: Run, settings: Settings):
    client = create_app(settings).test_client()
    made = send(client, wine())
    result = run("--id", made, text="n\n")
    assert result.exit_code == 1
    assert "cannot be brought back" in result.output
    assert client.get(f"/predictions/{made}").status_code == 200
    assert run("--id", made, text="y\n").exit_code == 0
    assert client.get(f"/predictions/{made}").status_code == 404


@pytest.mark.parametrize(
    ("named", "code", "message"),
    [
        ([], 2, "name --id, or --subject, or all of --model, --field and --value"),
        (["--id", "x", "--subject", "y"], 2, "name --id, or --subject"),
        (["--model", "wine", "--field", "pH"], 2, "name --id, or --subject"),
        (["--id", "x"], 1, '"x" is not the id of a prediction'),
        (["--subject", "a b"], 1, '"a b" is not the key of a subject'),
        (["--model", "vine", "--field", "pH", "--value", "3"], 1, "there is no model 'vine'"),
        (["--model", "wine", "--field", "PH", "--value", "3"], 1, 'wine has no field "PH"; it has'),
    ],
)
def test_what_cannot_be_erased_is_named(run: Run, named: list[str], code: int, message: str):
    result = run(*named, "--yes")
    assert result.exit_code == code
    assert message in result.output


@pytest.mark.slow
def test_it_waits_for_the_collector_of_the_service(tmp_path: Path):
    with running(gunicorn(), tmp_path / "log") as server:
        request = urllib.request.Request(f"{server.url}/predict", json.dumps(wine()).encode())
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            made = json.load(response)["id"]
        environment = os.environ | {"VAR_DIR": str(tmp_path / "var")}
        result = CliRunner(env=environment).invoke(main, ["erase", "--id", made, "--yes", "--json"])
        assert json.loads(result.output)["predictions"] == 1
        assert get(f"{server.url}/predictions/{made}")[0] == 404
    assert holding(tmp_path / "var", made) == []
