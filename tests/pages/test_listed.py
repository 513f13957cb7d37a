"""The list of predictions as a browser without scripts gets it: its form means the API's query."""

import re
from contextlib import closing
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import GOOD, body, moved
from flask.testing import FlaskClient
from keyed import bearing, entry, written

from app import create_app
from serving.recording.store import searching
from serving.settings import Settings

PATH = "/monitor/wine/predictions"
PAGE = {"headers": {"Accept": "text/html"}}


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    """A service with some wines in its store."""
    client = create_app(settings).test_client()
    client.post("/predict", **body([GOOD | {"alcohol": 9 + at / 10} for at in range(20)]))
    moved(settings).close()
    return client


def test_a_form_becomes_the_query_of_the_api(client: FlaskClient):
    form = "label=&since=&min.alcohol=9,5&max.alcohol=10&is.color=white&judged=without"
    form += "&number.probability_below=0,95&where=pH<4"
    sent = client.get(f"{PATH}?{form}", **PAGE)
    query = parse_qs(urlsplit(sent.location).query)
    assert query == {
        "where": ["alcohol>=9.5", "alcohol<=10", "color=white", "pH<4"],
        "feedback": ["false"],
        "probability_below": ["0.95"],
    }
    page = client.get(sent.location, **PAGE).text
    for shown in ('name="min.alcohol" value="9.5"', 'value="white" checked', "pH&lt;4"):
        assert shown in page
    assert page.count('<th scope="row">') == len(
        client.get(f"/models/wine/predictions?{urlsplit(sent.location).query}").json["predictions"]
    )


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("pt-BR", "1.234,5", "1234.5"),
        ("pt-BR", "50.000", "50000"),
        ("pt-BR", "0.994", "0.994"),
        ("en", "1,234.5", "1234.5"),
        ("en", "-50,000", "-50000"),
        ("en", "0,994", "0.994"),
    ],
)
def test_numbers_of_the_form_are_read_as_its_reader_writes_them(
    client: FlaskClient, language: str, typed: str, meant: str
):
    headers = PAGE["headers"] | {"Accept-Language": language}
    sent = client.get(
        f"{PATH}?max.density={typed}&number.threshold_within={typed}", headers=headers
    )
    query = parse_qs(urlsplit(sent.location).query)
    assert query == {"where": [f"density<={meant}"], "threshold_within": [meant]}


def test_a_search_that_has_read_enough_offers_to_go_on(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(searching, "FIRST_CHUNK", 5)
    monkeypatch.setattr(searching, "MAX_ROWS", 5)
    path, found = f"{PATH}?where=alcohol<9.15", 0
    for _ in range(4):
        page = client.get(path, **PAGE).text
        found += page.count('<th scope="row">')
        further = re.search(r'href="([^"]+)">Look further back', page)
        path = further[1].replace("&amp;", "&") if further else path
    assert found == 2


def test_who_may_not_give_feedback_is_told_the_scope(settings: Settings):
    keys = written(all=entry("all", "read", "predict"))
    client = create_app(replace(settings, api_keys=keys)).test_client()
    client.post("/predict", **body(GOOD), headers=bearing("all"))
    with closing(moved(settings)):
        page = client.get(PATH, headers={"Accept": "text/html"} | bearing("all")).text
    assert "Feedback needs a key with this scope:" in page
    assert "truths.js" not in page
