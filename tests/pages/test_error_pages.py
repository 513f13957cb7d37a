"""Errors are pages for a person in a browser, and problem+json for everybody else."""

import json
from pathlib import Path

import pytest
from conftest import body
from flask.testing import FlaskClient
from keyed import entry, written

from app import create_app
from serving.api.declared import declares
from serving.settings import Settings

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/nothing", 404, "Não encontrado"),
        ("/models/nothing/card", 404, "Não encontrado"),
        ("/models/wine/versions/99/card", 404, "Não encontrado"),
        ("/predictions/wine.1.0", 404, "Não encontrado"),
        ("/monitor/nothing", 404, "Não encontrado"),
        ("/v2/models/nothing", 404, "Não encontrado"),
        ("/feedback", 405, "Este endereço é para programas"),
        ("/models/wine/predictions?limit=x", 400, "Este endereço não pode ser lido"),
    ],
)
def test_a_browser_gets_a_page_with_the_sentence_and_headers_that_a_program_gets(
    client: FlaskClient, path: str, status: int, title: str
):
    sent = client.get(path)
    assert (sent.status_code, "json" in sent.mimetype) == (status, True)
    page = client.get(path, headers=BROWSER | {"Accept-Language": "pt-BR"})
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert f"<h1>{title}</h1>" in page.text
    detail = json.loads(sent.text)["detail"].replace("'", "&#39;")
    assert f'lang="en">{detail}</p>' in page.text
    assert 'href="/monitor"' in page.text
    assert page.headers.get("Allow") == sent.headers.get("Allow")
    assert "Content-Security-Policy" in page.headers


def test_a_page_of_what_does_not_exist_links_to_the_models(client: FlaskClient):
    page = client.get("/nothing", headers=BROWSER).text
    assert 'href="/?model=wine"' in page
    assert 'href="/?model=diabetes"' in page


def test_a_script_of_a_page_and_a_form_get_problems(client: FlaskClient):
    as_json = {
        "Accept": "application/json",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "same-origin",
    }
    assert client.get("/nothing", headers=as_json).mimetype == "application/problem+json"
    refused = client.post("/models/nothing/predict", headers=BROWSER, **body({}))
    assert (refused.status_code, refused.mimetype) == (404, "application/problem+json")


def test_what_is_wrong_with_the_service_has_a_page_that_names_no_model_to_a_stranger(
    tmp_path: Path,
):
    keyed = Settings(var_dir=tmp_path / "var", api_keys=written(ana=entry("ana", "read")))
    stranger = create_app(keyed).test_client()
    page = stranger.get("/nothing", headers=BROWSER)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "wine" not in page.text


def test_too_many_requests_and_a_store_that_is_down_are_pages_with_their_headers(tmp_path: Path):
    settings = Settings(
        var_dir=tmp_path / "var",
        database_url="postgresql://localhost:1/nothing",
        address_requests_per_second=1,
    )
    client = create_app(settings).test_client()
    down = client.get("/monitor", headers=BROWSER)
    assert (down.status_code, down.mimetype) == (503, "text/html")
    assert "Predictions are still served and recorded" in down.text
    assert down.headers["Retry-After"]
    slowed = client.get("/monitor", headers=BROWSER)
    assert (slowed.status_code, slowed.mimetype) == (429, "text/html")
    assert "<h1>Too many requests</h1>" in slowed.text
    assert slowed.headers["Retry-After"]


def test_an_unexpected_failure_is_a_page_that_shows_the_id_in_the_log_and_no_reason(
    tmp_path: Path,
):
    app = create_app(Settings(var_dir=tmp_path / "var"))

    @declares(None, scope="open")
    def fail() -> None:
        raise ZeroDivisionError("of secrets")

    app.view_functions["health.live"] = fail
    page = app.test_client().get("/health/live", headers=BROWSER | {"X-Request-ID": "r-17"})
    assert (page.status_code, page.mimetype) == (500, "text/html")
    assert "request id r-17" in page.text
    assert "of secrets" not in page.text


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/", '<a href="/" aria-current="page">'),
        ("/monitor/wine/predictions", '<a href="/monitor" aria-current="true">'),
        ("/docs", '<a href="/docs" aria-current="page">'),
    ],
)
def test_the_navigation_marks_the_page_and_what_is_below_it(
    client: FlaskClient, path: str, current: str
):
    page = client.get(path, headers=BROWSER).text
    assert current in page
    assert page.count('aria-current="page">') + page.count('aria-current="true">') >= 1
