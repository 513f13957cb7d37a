"""`adega doctor` reports what is wrong with an installation, and what to do."""

import json
import os
import socket
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import body, moved, rewrite, wine
from examined import Examine, small_installation, told, wrong
from keyed import entry, written
from servers import Server, free_port

from app import create_app
from serving import clock, doctor
from serving.__main__ import main
from serving.doctor import Finding
from serving.recording.status import Status
from serving.settings import Settings


@pytest.fixture
def environment(models: Path, tmp_path: Path) -> dict[str, str]:
    return small_installation(models, tmp_path / "var")


@pytest.fixture
def examine(environment: dict[str, str]) -> Examine:
    def found(**changes: str) -> list[Finding]:
        return list(doctor.examine(environment | changes))

    return found


def test_a_sound_installation_is_fine(examine: Examine):
    findings = examine()
    assert wrong(findings) == []
    assert [finding.about for finding in findings] == [
        "Python",
        "libraries",
        "settings",
        "keys",
        "model wine",
        "permissions",
        "permissions",
        "port",
        "disk",
        "clock",
        "database",
        "journal",
    ]


@pytest.mark.parametrize(
    ("changes", "state", "sentence"),
    [
        ({"PORT": "x"}, "error", "PORT='x' is not a whole number"),
        ({"ADMIN_KEYS": "ana:short"}, "error", "ADMIN_KEYS: entry 1 is not name:key"),
        ({"JOURNAL_HASH": '{"wine": ["pH"]}'}, "error", "needs a JOURNAL_SALT"),
        ({"JOURNAL_OMIT": '{"vine": ["pH"]}'}, "error", "no model 'vine' is served"),
        ({"CORS_ORIGINS": "a.example"}, "error", "'a.example' is not an origin"),
        (
            {"ALLOWED_HOSTS": "a.example:80", "API_KEYS": "{}"},
            "error",
            "'a.example:80' is not the name of a host",
        ),
        ({"TRUSTED_PROXIES": "caddy"}, "error", "'caddy' is not an address"),
        ({"JOURNAL": "off", "JOURNAL_REQUIRED": "on"}, "warning", "JOURNAL=off that they are not"),
        ({"JOURNAL_REQUIRED": "store"}, "warning", "SQLite, which is on the same disk"),
        ({"JOURNAL_SALT": "x"}, "error", "JOURNAL_SALT is not of at least 16 characters"),
        ({"MAX_STREAM_BYTES": "10"}, "warning", "MAX_STREAM_BYTES is less than MAX_BODY_BYTES"),
        ({"WEB_CONCURRENCY": "256"}, "warning", "more than four workers for each core"),
        ({"MODEL_DIR": "x"}, "warning", "MODEL_DIR is set but is not a setting; MODELS_DIR is"),
    ],
)
def test_settings_that_cannot_be_or_make_no_sense(
    examine: Examine, changes: dict[str, str], state: str, sentence: str
):
    findings = examine(**changes)
    assert wrong(findings) == [("settings", state)]
    assert sentence in told(findings, "settings")


def test_workers_are_compared_with_the_cores_that_they_may_use(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert "four workers for each core" in told(examine(WEB_CONCURRENCY="5"), "settings")
    assert wrong(examine(WEB_CONCURRENCY="4")) == []


def test_keys_that_have_expired_or_that_others_may_read(examine: Examine, tmp_path: Path):
    assert "whoever reaches the port may use predict" in told(examine(HOST="0.0.0.0"), "keys")
    file = tmp_path / "keys.json"
    file.write_text(written(old=entry("old", "read", expires="2020-01-01")))
    file.chmod(0o644)
    found = told(examine(HOST="0.0.0.0", API_KEYS_FILE=str(file)), "keys")
    assert found == f"{file} is open to other users of this machine; the key 'old' has expired"
    file.write_text(written(new=entry("new", "read")))
    file.chmod(0o600)
    assert told(examine(API_KEYS_FILE=str(file)), "keys") == ""


def test_a_folder_that_cannot_be_written(examine: Examine, tmp_path: Path):
    (tmp_path / "file").write_text("")
    findings = examine(VAR_DIR=f"{tmp_path}/file")
    assert ("permissions", "error") in wrong(findings)


def test_a_port_that_is_our_own_or_another_s(
    examine: Examine, server: Server, monkeypatch: pytest.MonkeyPatch
):
    port = server.url.rpartition(":")[2]
    assert wrong(examine(PORT=port)) == []
    monkeypatch.setattr("serving.doctor.surroundings.PATIENCE", 0.1)  # the other says nothing
    with socket.create_server(("127.0.0.1", 0)) as other:
        findings = examine(PORT=str(other.getsockname()[1]))
    assert wrong(findings) == [("port", "error")]
    assert "something else listens on port" in told(findings, "port")


def test_a_disk_that_is_full_and_a_clock_that_is_behind(
    examine: Examine, models: Path, monkeypatch: pytest.MonkeyPatch
):
    usage = namedtuple("usage", "total used free")  # noqa: PYI024
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**12, 10**12, 10**7))
    number = rewrite(
        models, lambda manifest, _: manifest.update(created="2999-01-01T00:00:00+00:00")
    )
    (models / "wine" / "current").write_text(f"{number}\n")
    assert wrong(examine()) == [("disk", "error"), ("clock", "error")]


def test_a_database_that_is_gone_old_or_newer(examine: Examine, environment: dict[str, str]):
    findings = examine(DATABASE_URL=f"postgresql://ana:secret@127.0.0.1:{free_port()}/none")
    assert wrong(findings) == [("database", "error")]
    assert "secret" not in str(findings)
    settings = Settings.from_environment(environment)
    moved(settings)
    assert wrong(examine()) == []
    database = sqlite3.connect(settings.var_dir / "serving.db")
    database.execute("DELETE FROM applied_steps")
    database.commit()
    database.close()
    assert wrong(examine()) == [("database", "warning")]


def test_a_journal_that_nobody_moves_or_that_cannot_be_moved(
    examine: Examine, environment: dict[str, str]
):
    settings = Settings.from_environment(environment)
    app = create_app(settings)
    app.test_client().post("/predict", **body(wine()))
    findings = examine()
    assert wrong(findings) == [("journal", "warning")]
    assert "no collector runs" in told(findings, "journal")
    status = Status(clock.now(), 10**9, 2, "the database is locked")
    status.write(settings.journal_dir)
    findings = examine()
    assert wrong(findings) == [("journal", "warning"), ("journal", "error")]
    assert "2 lines were cut off" in told(findings, "journal")
    assert "the database is locked" in told(findings, "journal")


@pytest.mark.parametrize(("changes", "code"), [({}, 0), ({"PORT": "x"}, 1)])
def test_the_command_says_so_to_people_and_to_scripts(
    environment: dict[str, str], changes: dict[str, str], code: int
):
    runner = CliRunner(env={**os.environ, **environment, **changes})
    people, script = (runner.invoke(main, ["doctor", *flag]) for flag in ((), ("--json",)))
    assert people.exit_code == script.exit_code == code
    findings = json.loads(script.stdout)
    assert findings["ok"] is not bool(code)
    assert [finding["about"] for finding in findings["findings"]][:2] == ["Python", "libraries"]
    errors = "1 error" if code else "0 errors"
    assert f"{len(findings['findings'])} checks: {errors}, 0 warnings" in people.stdout
    assert ("✗ settings: PORT='x'" in people.stdout) == bool(code)
