"""The service beside its archive: the command, the collector, exports, look-ups and feedback."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from archives import id_at, made
from click.testing import CliRunner, Result
from conftest import ROOT, body
from entries import feedback
from flask.testing import FlaskClient
from servers import PATIENCE, get, gunicorn, running, wait_until

from app import create_app
from serving import clock
from serving.__main__ import main
from serving.errors import SettingsError
from serving.recording.collector import Collector
from serving.recording.entry import TrialEntry
from serving.recording.store import Store
from serving.settings import Settings

OLD = clock.day_of(clock.now()) - 40 * clock.DAY
NEW = clock.now() - 60_000


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a service with an archive, and old and new rows in its store."""
    monkeypatch.setattr(tempfile, "tempdir", tempfile.gettempdir())  # which the command changes
    settings = Settings(var_dir=tmp_path / "var", archive_url=str(tmp_path / "archive"))
    settings.var_dir.mkdir()
    with closing(Store(settings.store_url)) as store:
        store.migrate()
        store.add(
            [
                *(made(OLD + at, at, subject="ana", own_id=f"o{at}") for at in range(3)),
                made(NEW, 9, subject="ana"),
                made(OLD + 9, 9, subject="bia"),
                feedback("bom", id_at(OLD), at=OLD + 1),
                TrialEntry(OLD + 1, "wine", 2, [id_at(OLD)], ["bom"]),
            ],
            {},
        )
    return settings


def run(settings: Settings, *arguments: str) -> Result:
    own = {"VAR_DIR": str(settings.var_dir), "ARCHIVE_URL": settings.archive_url}
    return CliRunner(env=own).invoke(main, ["archive", *arguments])


def test_the_command_moves_what_is_old(kept: Settings):
    day = clock.iso(clock.day_of(clock.now()) - 30 * clock.DAY)[:10]
    dry = run(kept, "--dry-run")
    assert dry.output == f"wine: 4 predictions from before {day} would be moved\n"
    assert not Path(kept.archive_url).exists()
    assert json.loads(run(kept, "--older-than", "41d", "--json").output)["moved"] == {}
    done = run(kept)
    first, last = done.output.splitlines()
    assert first == f"wine: 4 predictions from before {day} moved"
    assert last.startswith("1 file written, ")
    query = "SELECT count(*), count(actual_label) FROM read_parquet(?)"
    assert duckdb.execute(query, [f"{kept.archive_url}/*/*/*.parquet"]).fetchone() == (4, 1)
    assert json.loads(run(kept, "--model", "other", "--json").output)["files"] == 0


def test_wrong_usage_is_named(kept: Settings):
    assert "write 30d" in run(kept, "--older-than", "a month").output
    nowhere = run(replace(kept, archive_url=""))
    assert (nowhere.exit_code, "ARCHIVE_URL is not set" in nowhere.output) == (1, True)
    with pytest.raises(SettingsError, match="deleted before they are archived"):
        replace(kept, retention_days=30)
    with pytest.raises(SettingsError, match="ARCHIVE_URL is not s3://BUCKET/PATH"):
        Settings.from_environment({"ARCHIVE_URL": "ftp://x/y"})


def client_of(settings: Settings) -> FlaskClient:
    settings.journal_dir.mkdir(parents=True, exist_ok=True)
    return create_app(settings).test_client()


def test_an_export_has_what_is_archived(kept: Settings):
    before = client_of(kept).get("/subjects/ana").json
    assert len(before["predictions"]) == 4
    assert run(kept).exit_code == 0
    with closing(Store(kept.store_url)) as store:
        store.add([feedback("ruim", id_at(OLD + 1, 1), at=NEW)], {})
    after = client_of(kept).get("/subjects/ana").json
    late = after["predictions"][1].pop("feedback")
    assert [each["actual"] for each in late] == ["ruim"]
    before["predictions"][1].pop("feedback")
    after["predictions"][1].pop("actual", None)
    before["predictions"][1].pop("actual", None)
    assert after == before
    assert after["predictions"][0]["trials"][0]["prediction"] == "bom"


def test_an_export_that_cannot_be_whole_is_refused(kept: Settings):
    assert run(kept).exit_code == 0
    (path,) = Path(kept.archive_url).rglob("*.parquet")
    path.write_bytes(b"PAR1")
    answer = client_of(kept).get("/subjects/ana")
    assert answer.status_code == 503
    assert f"{path.name} is damaged" in answer.text
    elsewhere = client_of(replace(kept, archive_url=""))
    assert "ARCHIVE_URL is not set" in elsewhere.get("/subjects/ana").text


def test_an_archived_prediction_is_not_found_by_its_id_but_its_feedback_is_taken(kept: Settings):
    assert run(kept).exit_code == 0
    client = client_of(kept)
    missing = client.get(f"/predictions/{id_at(OLD)}")
    assert (missing.status_code, "are in the archive" in missing.text) == (404, True)
    given = client.post("/feedback", **body({"id": id_at(OLD + 1, 1), "actual": "bom"}))
    assert given.status_code < 300
    assert "without_prediction" not in given.json or not given.json["without_prediction"]
    with closing(Store(kept.store_url)) as store:
        Collector(kept.journal_dir, store).collect()
    assert json.loads(run(kept, "--json").output)["with_feedback"] == 1
    query = "SELECT count(actual_label) FROM read_parquet(?)"
    assert duckdb.execute(query, [f"{kept.archive_url}/*/*/*.parquet"]).fetchone() == (2,)


def test_the_command_erases_from_the_archive_without_a_service(kept: Settings):
    assert run(kept).exit_code == 0
    own = {"VAR_DIR": str(kept.var_dir), "ARCHIVE_URL": kept.archive_url}
    erased = CliRunner(env=own).invoke(main, ["erase", "--subject", "ana", "--yes"])
    assert "4 predictions, 1 feedback, 1 trial" in erased.output
    (path,) = Path(kept.archive_url).rglob("*.parquet")
    left = duckdb.execute("SELECT subject FROM read_parquet(?)", [str(path)]).fetchall()
    assert left == [("bia",)]


@pytest.mark.slow
def test_the_collector_archives_by_itself_and_erases_there(kept: Settings, tmp_path: Path):
    own = {"VAR_DIR": str(kept.var_dir), "ARCHIVE_URL": kept.archive_url}
    with running(gunicorn(), tmp_path / "log", **own) as server:
        wait_until(lambda: [*Path(kept.archive_url).rglob("*.parquet")])
        assert len(get(f"{server.url}/subjects/ana")[1]["predictions"]) == 4
        erased = subprocess.run(
            [sys.executable, "-m", "serving", "erase", "--subject", "ana", "--yes", "--json"],
            cwd=ROOT,
            env={**os.environ, **own},
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
        done = json.loads(erased.stdout)
        assert (done["predictions"], done["feedback"], done["trials"]) == (4, 1, 1)
        assert get(f"{server.url}/subjects/ana")[1]["predictions"] == []
    (path,) = Path(kept.archive_url).rglob("*.parquet")
    assert duckdb.execute("SELECT subject FROM read_parquet(?)", [str(path)]).fetchall() == [
        ("bia",)
    ]
