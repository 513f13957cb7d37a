"""Erasing and exporting what is recorded about a person, over HTTP."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from conftest import body, moved, wine
from entries import NOON
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st
from keyed import KEYS, bearing, entry, written
from recorded import holding

from app import create_app
from serving.recording.collector import Collector
from serving.recording.entry import TrialEntry
from serving.recording.store import Store, subjects
from serving.settings import Settings

MARK = 13.0123456789
ANA = "ana:123.456.789-09"
SALT = "sixteen or more characters"
ADMIN = bearing("admin")


@pytest.fixture
def kept_in(settings: Settings) -> Settings:
    return replace(settings, api_keys=KEYS)


@pytest.fixture
def client(kept_in: Settings) -> FlaskClient:
    return create_app(kept_in).test_client()


@pytest.fixture(scope="module")
def any_client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    settings = Settings(var_dir=tmp_path_factory.mktemp("any"), api_keys=KEYS)
    moved(settings).close()
    return create_app(settings).test_client()


def send(client: FlaskClient, record: Any, subject: str, model: str = "wine") -> str:
    headers = bearing("predict") | {"X-Subject": subject}
    return client.post(f"/models/{model}/predict", **body(record), headers=headers).json["id"]


def collect(settings: Settings) -> None:
    settings.journal_dir.mkdir(parents=True, exist_ok=True)
    with closing(Store(settings.store_url)) as store:
        Collector(settings.journal_dir, store).attempt()


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("ids", lambda made: {"ids": made}),
        ("subject", lambda _: {"subject": ANA}),
        ("field", lambda _: {"model": "wine", "field": "alcohol", "value": MARK}),
    ],
)
def test_what_is_named_is_erased_and_an_entry_is_left(
    client: FlaskClient, kept_in: Settings, kind: str, named: Callable[[list[str]], Any]
):
    made = [send(client, wine(alcohol=MARK), ANA) for _ in range(2)]
    other = send(client, wine(), "bia")
    feedback = [{"id": each, "actual": "bom"} for each in made]
    client.post("/feedback", **body(feedback), headers=bearing("feedback"))
    accepted = client.post("/erasures", **body(named(made)), headers=ADMIN)
    assert accepted.status_code == 202
    where = accepted.headers["Location"]
    (waiting,) = client.get(where, headers=ADMIN).json["erasures"]
    assert waiting == accepted.json
    assert (waiting["who"], waiting["kind"], waiting["done"]) == ("admin", kind, None)
    collect(kept_in)
    (done,) = client.get(where, headers=ADMIN).json["erasures"]
    assert (done["predictions"], done["feedback"], done["trials"]) == (2, 2, 0)
    assert done["time"] == waiting["time"] <= done["done"]
    for each, status in {made[0]: 404, made[1]: 404, other: 200}.items():
        assert client.get(f"/predictions/{each}", headers=ADMIN).status_code == status
    for mark in (str(MARK), ANA, *made):
        assert holding(kept_in.var_dir, mark) == []
    assert client.get("/erasures", headers=ADMIN).json["erasures"] == [done]


def test_one_prediction_is_erased_by_who_is_admin_of_its_model(settings: Settings):
    limited = entry("own", "admin", models=["diabetes"])
    keys = written(predict=entry("predict"), admin=entry("admin"), own=limited)
    settings = replace(settings, api_keys=keys)
    client = create_app(settings).test_client()
    example = client.get("/models/diabetes/example", headers=ADMIN).json["input"]
    sent = {"wine": wine(), "diabetes": example}
    made = {name: send(client, record, "ana", name) for name, record in sent.items()}
    own = bearing("own")
    assert client.delete(f"/predictions/{made['wine']}", headers=own).status_code == 403
    assert client.post("/erasures", **body({"subject": "ana"}), headers=own).status_code == 403
    assert client.delete(f"/predictions/{made['diabetes']}", headers=own).status_code == 202
    collect(settings)
    statuses = {
        name: client.get(f"/predictions/{each}", headers=ADMIN).status_code
        for name, each in made.items()
    }
    assert statuses == {"wine": 200, "diabetes": 404}


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [
        ('{"subject": "a", "subject": "b"}', 400, "has 'subject' twice; send one request for each"),
        ({}, 400, "does not name what to erase"),
        ({"subject": "a", "ids": []}, 400, "does not name what to erase"),
        ([1], 400, "Expected `object`"),
        ({"ids": [1]}, 400, "Expected `str`, got `int`"),
        ({"model": "wine", "field": "pH", "value": None}, 400, "got `null`"),
        ({"subject": "a b"}, 400, '"a b" is not the key of a subject'),
        ({"model": "vine", "field": "pH", "value": 3}, 404, "there is no model 'vine'"),
        ({"ids": ["x"] * 10_001}, 413, "10001 ids in one request; send at most 10000"),
        ({"ids": ["x"]}, 422, '"x" is not the id of a prediction'),
        ({"model": "wine", "field": "PH", "value": 3}, 422, 'wine has no field "PH"'),
    ],
)
def test_what_cannot_be_erased_is_an_error(
    client: FlaskClient, kept_in: Settings, sent: Any, status: int, message: str
):
    text = sent if isinstance(sent, str) else json.dumps(sent)
    response = client.post("/erasures", data=text, headers=ADMIN)
    assert response.status_code == status
    assert message in json.dumps(response.json, ensure_ascii=False).replace('\\"', '"')
    assert not kept_in.journal_dir.exists()


def test_what_is_unknown_is_not_found(client: FlaskClient, kept_in: Settings):
    assert client.delete("/predictions/x", headers=ADMIN).status_code == 404
    moved(kept_in).close()
    assert client.get("/erasures?id=x", headers=ADMIN).json == {"erasures": []}
    off = create_app(replace(kept_in, journal=False)).test_client()
    response = off.post("/erasures", **body({"subject": "ana"}), headers=ADMIN)
    assert response.status_code == 404
    assert "JOURNAL=off" in response.json["detail"]


@pytest.mark.parametrize("salt", ["", SALT])
def test_all_about_a_person_is_exported(settings: Settings, salt: str):
    """Also what is not in the store yet, and what came later about what is there."""
    client = create_app(replace(settings, journal_salt=salt)).test_client()

    def recorded(subject: str = "ana") -> str:
        answer = client.post("/predict", **body(wine()), headers={"X-Subject": subject})
        return answer.json["id"]

    made = [recorded(), recorded()]
    recorded("bia")
    client.post("/feedback", **body({"id": made[0], "actual": "ruim"}))
    with closing(moved(settings)) as store:
        store.add([TrialEntry(NOON, "wine", 2, [made[0]], ["ruim"])], {})
    made.append(recorded())
    client.post("/feedback", **body({"id": made[0], "actual": "bom"}))
    client.post("/feedback", **body({"id": made[2], "actual": "bom"}))
    exported = client.get("/subjects/ana")
    assert exported.json["subject"] == "ana"
    predictions = exported.json["predictions"]
    assert sorted(each["id"] for each in predictions) == sorted(made)
    first = next(each for each in predictions if each["id"] == made[0])
    assert first["record"] == wine()
    assert {each["actual"] for each in first["feedback"]} == {"bom", "ruim"}
    assert [(each["version"], each["prediction"]) for each in first["trials"]] == [(2, "ruim")]
    for each in predictions:
        trials = each.pop("trials")
        assert each == client.get(f"/predictions/{each['id']}").json
        assert bool(trials) == (each["id"] == made[0])
    assert client.get("/subjects/nobody").json == {"subject": "nobody", "predictions": []}
    assert client.get("/subjects/a b").status_code == 400


def test_before_the_first_collection_all_is_in_the_journal(client: FlaskClient):
    made = send(client, wine(), "ana")
    exported = client.get("/subjects/ana", headers=ADMIN).json["predictions"]
    assert [each["id"] for each in exported] == [made]
    assert client.get("/erasures", headers=ADMIN).json == {"erasures": []}
    assert client.get("/erasures?id=unknown", headers=ADMIN).json == {"erasures": []}
    erasure = client.post("/erasures", **body({"subject": "ana"}), headers=ADMIN).json
    assert client.get("/erasures", headers=ADMIN).json == {"erasures": [erasure]}


def test_much_about_a_person_is_exported_page_by_page(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(subjects, "OF_SUBJECT", subjects.OF_SUBJECT.limit(3))
    client = create_app(settings).test_client()
    sent = client.post("/predict", **body([wine()] * 10), headers={"X-Subject": "ana"}).json
    moved(settings).close()
    exported = client.get("/subjects/ana").json["predictions"]
    assert sorted(each["id"] for each in exported) == sorted(
        each["id"] for each in sent["predictions"]
    )


NAMES = st.sampled_from(["ids", "subject", "model", "field", "value", "wine", "pH", "alcohol"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)
OF_FIELD = st.fixed_dictionaries({"model": NAMES | st.text(), "field": NAMES, "value": VALUES})
SENT = (VALUES | OF_FIELD).map(json.dumps) | st.text()


@example("{" + '"ids":{' * 2_000, "")
@given(SENT, st.text())
def test_whatever_is_sent_is_accepted_or_refused(any_client: FlaskClient, sent: str, text: str):
    """Nothing is an error of the service, and each refusal has a reason."""
    path = f"/subjects/{quote(text, safe='')}"
    refused = (
        any_client.post("/erasures", data=sent.encode("utf-8", "surrogatepass"), headers=ADMIN),
        any_client.delete(f"/predictions/{quote(text, safe='')}", headers=ADMIN),
        any_client.get(path, headers=ADMIN),
        any_client.post("/predict", **body(wine()), headers=ADMIN | {"X-Subject": quote(text)}),
    )
    for response in refused:
        assert response.status_code < 500, sent
        assert response.status_code < 400 or response.json["detail"]
