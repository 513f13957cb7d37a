"""Who sent a request is recorded with it, by the name of the key."""

import csv
import io
from contextlib import closing

import pytest
from conftest import body, moved, wine
from entries import NOON, feedback, predicted
from flask.testing import FlaskClient
from keyed import KEYS, bearing
from plain_way import WAYS, ask

from app import create_app
from serving.recording.store import Store
from serving.settings import Settings


@pytest.fixture(params=WAYS)
def keyed(request: pytest.FixtureRequest, settings: Settings) -> FlaskClient:
    own = Settings(var_dir=settings.var_dir, api_keys=KEYS)
    return ask(create_app(own), request.param).test_client()


def test_predictions_and_feedback_have_the_name_of_the_key(keyed: FlaskClient, settings: Settings):
    made = keyed.post("/predict", **body(wine()), headers=bearing("predict")).json["id"]
    sent = body({"id": made, "actual": "bom"})
    keyed.post("/feedback", **sent, headers=bearing("feedback"))

    def keys() -> tuple[str, str]:
        found = keyed.get(f"/predictions/{made}", headers=bearing("read")).json
        return found["key"], found["feedback"][0]["key"]

    assert keys() == ("predict", "feedback")  # of the journal
    moved(settings).close()
    assert keys() == ("predict", "feedback")  # of the store
    listed = keyed.get("/models/wine/predictions", headers=bearing("read"))
    assert listed.json["predictions"][0]["key"] == "predict"
    table = keyed.get("/models/wine/predictions", headers=bearing("read") | {"Accept": "text/csv"})
    (row,) = csv.DictReader(io.StringIO(table.text.removeprefix("\ufeff")))
    assert row["key"] == "predict"


def test_without_a_key_nothing_is_recorded_in_its_place(settings: Settings):
    client = create_app(settings).test_client()
    made = client.post("/predict", **body(wine())).json["id"]
    moved(settings).close()
    assert "key" not in client.get(f"/predictions/{made}").json


def test_the_latest_feedback_has_the_key_that_it_was_sent_with(store: Store):
    with closing(store):
        store.add([predicted("a", key="shop")], {})
        for at, key in ((NOON, "first"), (NOON + 1, "second")):
            entry = feedback("bom", "a", at=at)
            entry.key = key
            store.add([entry], {})
        found, (given,) = store.prediction("a")
    assert (found.key, given.key) == ("shop", "second")
