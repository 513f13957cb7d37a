"""A prediction may be recorded with the person whom it is about, by the caller's own key."""

import json
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from conftest import body, moved, wine
from flask.testing import FlaskClient
from plain_way import WAYS, PlainFirst, ask

from app import create_app
from serving.errors import SettingsError
from serving.settings import Settings

ANA = "ana:123.456.789-09"
SALT = "sixteen or more characters"
LINE = json.dumps(wine()) + "\n"


@pytest.fixture(params=WAYS)
def client(request: pytest.FixtureRequest, settings: Settings) -> FlaskClient:
    return ask(create_app(settings), request.param).test_client()


@pytest.mark.parametrize(
    "sent",
    [body(wine()), body([wine()] * 2), {"data": LINE * 2, "content_type": "application/jsonl"}],
)
@pytest.mark.parametrize("key", [ANA, "a@b.example", "x", "x" * 128])
def test_a_prediction_is_recorded_with_its_subject(
    client: FlaskClient, settings: Settings, sent: dict[str, Any], key: str
):
    client.post("/predict", **sent, headers={"X-Subject": key})
    client.post("/predict", **body(wine()))
    with closing(moved(settings)) as store:
        *about, other = [each.subject for each in store.predictions("wine", limit=9)][::-1]
    assert set(about) == {key}
    assert other is None
    listed = client.get("/models/wine/predictions").json["predictions"]
    assert [each.get("subject") for each in listed][::-1] == [*about, None]


@pytest.mark.parametrize("key", ["", "a b", "a,b", "..", "a/b", "x" * 129, "é"])
def test_a_subject_that_could_not_be_found_again_is_an_error(client: FlaskClient, key: str):
    response = client.post("/predict", **body(wine()), headers={"X-Subject": key})
    assert response.status_code == 400
    assert "is not the key of a subject" in response.json["detail"]


def test_a_subject_does_not_make_a_request_slower_than_others(settings: Settings):
    app = create_app(settings)
    app.wsgi_app = plain = PlainFirst(app)
    for key, answered in ((ANA, 1), ("a b", 1), (ANA, 2)):
        app.test_client().post("/predict", **body(wine()), headers={"X-Subject": key})
        assert plain.answered == answered


def test_with_a_salt_a_subject_is_recorded_as_a_hash(settings: Settings):
    client = create_app(replace(settings, journal_salt=SALT)).test_client()
    made = client.post("/predict", **body(wine()), headers={"X-Subject": ANA}).json
    shown = client.get(f"/predictions/{made['id']}").json["subject"]
    assert len(shown) == 32
    moved(settings).close()
    assert client.get(f"/predictions/{made['id']}").json["subject"] == shown
    kept = [file.read_bytes() for file in settings.var_dir.rglob("*") if file.is_file()]
    assert not [content for content in kept if ANA.encode() in content]


def test_a_short_salt_stops_the_start(settings: Settings):
    with pytest.raises(SettingsError, match="JOURNAL_SALT is not of at least 16 characters"):
        create_app(replace(settings, journal_salt="short"))
