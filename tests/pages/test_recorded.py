"""The page of a recorded prediction has what was recorded, and its explanation if it has one."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import body, moved, wine
from flask.testing import FlaskClient
from keyed import KEYS, bearing
from markupsafe import escape

from app import create_app
from serving.settings import Settings

BROWSER = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "pt-BR"}


@pytest.fixture
def own(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()


def recorded(client: FlaskClient, settings: Settings, query: str) -> tuple[dict[str, Any], str]:
    """What was sent for a wine, and the page of it."""
    sent = client.post(f"/predict{query}", **body(wine(alcohol=15.2))).json
    client.post("/feedback", **body({"id": sent["id"], "actual": "ruim"}))
    moved(settings).close()
    page = client.get(f"/predictions/{sent['id']}", headers=BROWSER)
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    return sent, page.text


def embedded(page: str) -> dict[str, Any]:
    found = re.search(r'id="recorded">(.+)</script>', page)
    assert found
    return json.loads(found[1])


def test_it_has_the_record_the_prediction_its_warnings_and_feedback(
    own: FlaskClient, settings: Settings
):
    sent, page = recorded(own, settings, "")
    assert re.search(r'<th scope="row">alcohol</th><td>15,2 % vol</td>', page)
    assert f'<p class="prediction">{sent["prediction"]}</p>' in page
    assert "15.2 is above 14.9" in page
    assert re.search(r"UTC.+<h2 id=\"feedback\">Feedback</h2>.+<td>ruim</td>", page, re.DOTALL)
    assert '<p class="quiet">Nenhuma foi pedida com a predição.' in page
    assert "explanation" not in embedded(page)


def test_it_has_the_explanation_that_was_recorded(own: FlaskClient, settings: Settings):
    sent, page = recorded(own, settings, "?explain=3")
    assert embedded(page)["explanation"] == sent["explanation"]
    assert '<p class="quiet">Nenhuma foi pedida' not in page


def test_it_has_what_was_written_for_the_person_concerned(own: FlaskClient, settings: Settings):
    sent, page = recorded(own, settings, "?explain=2&language=pt&reasons_for=bom")
    explanation = sent["explanation"]
    assert explanation["reasons"]
    for each in (explanation["summary"], *(one["sentence"] for one in explanation["reasons"])):
        assert str(escape(each)) in page


def test_curl_gets_it_as_json_as_before(own: FlaskClient, settings: Settings):
    sent, _ = recorded(own, settings, "?explain=3")
    found = own.get(f"/predictions/{sent['id']}").json
    assert (found["actual"], found["explanation"]) == ("ruim", sent["explanation"])


def test_feedback_is_offered_where_it_is_recorded_and_the_key_allows_it(tmp_path: Path):
    allowed = '<div data-part="choices">'
    lacking = "O feedback precisa de uma chave com este escopo: <code>feedback</code>"
    off = create_app(Settings(var_dir=tmp_path / "off", journal=False)).test_client()
    page = off.get("/", headers=BROWSER).text
    assert 'id="right"' not in page
    keyed = create_app(Settings(var_dir=tmp_path / "keyed", api_keys=KEYS)).test_client()
    for key, shown, hidden in (("predict", lacking, allowed), ("admin", allowed, lacking)):
        page = keyed.get("/", headers=BROWSER | bearing(key)).text
        assert shown in page
        assert hidden not in page
