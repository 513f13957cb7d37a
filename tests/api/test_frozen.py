"""Where nothing runs between two requests, each stores what it recorded before its response."""

import json
import logging
from contextlib import closing
from pathlib import Path

import pytest
from conftest import BAD, GOOD, body
from flask.testing import FlaskClient

from app import create_app
from serving.recording import inline
from serving.recording.store import Store
from serving.settings import STORE, Settings

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def frozen(folder: Path, **settings: object) -> FlaskClient:
    return create_app(Settings(var_dir=folder / "var", **settings), frozen=True).test_client()


def stored(folder: Path) -> set[str]:
    with closing(Store(Settings(var_dir=folder / "var").store_url)) as store:
        return {each.id for each in store.predictions("wine", limit=1_000)}


@pytest.mark.parametrize("required", [False, STORE])
def test_predictions_of_any_number_are_stored_at_once(tmp_path: Path, required: bool | str):
    client = frozen(tmp_path, journal_required=required)
    made = {client.post("/predict", **body(GOOD)).json["id"]}
    assert stored(tmp_path) == made
    made |= {one["id"] for one in client.post("/predict", **body([GOOD, BAD])).json["predictions"]}
    assert stored(tmp_path) == made
    lines = "\n".join(map(json.dumps, [GOOD, BAD]))
    streamed = client.post("/predict", data=lines, content_type="application/jsonl")
    made |= {json.loads(line)["id"] for line in streamed.data.splitlines()}
    assert stored(tmp_path) == made
    assert len(made) == 5


def test_a_request_that_records_nothing_needs_no_store(tmp_path: Path):
    client = frozen(tmp_path, database_url=NOWHERE, journal_required=True)
    assert client.get("/models").status_code == 200
    assert client.get("/").status_code == 200
    assert client.post("/predict", **body({})).status_code == 422
    assert client.get("/nowhere").status_code == 404


def test_what_is_not_stored_is_a_503_unless_it_need_not_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    required = frozen(tmp_path / "required", database_url=NOWHERE, journal_required=True)
    refused = required.post("/predict", **body(GOOD))
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    assert "send it again later: the database cannot be reached" in refused.json["detail"]
    client = frozen(tmp_path / "other", database_url=NOWHERE)
    with caplog.at_level(logging.ERROR, inline.__name__):
        made = [client.post("/predict", **body(GOOD)) for _ in range(3)]
    assert [each.status_code for each in made] == [200] * 3
    waiting = [each.message for each in caplog.records if each.name == inline.__name__]
    assert [each.split()[0] for each in waiting[-3:]] == ["1", "2", "3"]
    monkeypatch.setattr(inline, "PAUSE", -1)
    given = client.post("/feedback", **body({"id": made[0].json["id"], "actual": "bom"}))
    assert given.status_code == 503


def test_without_a_journal_nothing_is_stored(tmp_path: Path):
    client = frozen(tmp_path, journal=False, database_url=NOWHERE)
    assert client.post("/predict", **body(GOOD)).status_code == 200


def test_decisions_are_not_kept_where_they_would_end_with_the_process(tmp_path: Path):
    app = create_app(Settings(var_dir=tmp_path / "var"), frozen=True)
    decisions = app.extensions["registry"].decisions
    assert decisions.own_dir == decisions.models_dir
