"""Pages as a browser is sent them; what it then does with them is in tests/browser."""

import json
import re

import pytest
from conftest import ROOT
from flask.testing import FlaskClient

API = ROOT / "serving/api"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
SAID = re.compile(r"""\bsay\(\s*(?:"([^"]+)"|'([^']+)')""")


def page(client: FlaskClient, path: str, language: str = "en") -> str:
    """A page as a browser with this language gets it."""
    answer = client.get(path, headers=BROWSER | {"Accept-Language": language})
    assert (answer.status_code, answer.mimetype) == (200, "text/html"), answer.text
    return answer.text


def test_curl_gets_an_index_of_what_can_be_opened(client: FlaskClient):
    index = client.get("/").json
    assert index["default"] == "wine"
    assert {"/", "/models", "/example", "/health/ready"} <= set(index["links"])
    for path in index["links"]:
        assert client.get(path).status_code in {200, 503}  # 503: no store was made here


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("en-GB,en;q=0.9,pt;q=0.5", "en"),
        ("de-DE", "en"),
        ("", "en"),
    ],
)
def test_a_page_is_in_the_browsers_language_or_in_english(
    client: FlaskClient, asked: str, language: str
):
    answer = client.get("/", headers=BROWSER | {"Accept-Language": asked})
    assert f'<html lang="{language}">' in answer.text
    assert answer.headers["Content-Language"] == language
    assert {"Accept", "Accept-Language"} <= set(answer.vary)


def test_everything_a_page_says_is_said_in_portuguese_too():
    translations: dict[str, str] = {}
    for file in (API / "portuguese").glob("*.json"):
        own = json.loads(file.read_text(encoding="utf-8"))
        assert not own.keys() & translations.keys(), file
        translations |= own
    said = {
        double or single
        for file in [
            *(API / "templates").iterdir(),
            *(API / "static").glob("*.js"),
            *API.glob("*.py"),
        ]
        if file.name != "chart.umd.js"
        for double, single in SAID.findall(file.read_text(encoding="utf-8"))
    }
    assert said == translations.keys()
    for english, portuguese in translations.items():
        names = re.compile(r"\{\w+\}")
        assert sorted(names.findall(english)) == sorted(names.findall(portuguese)), english


def test_a_page_may_run_no_script_but_the_services_own(client: FlaskClient):
    answer = client.get("/", headers=BROWSER)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_static_files_may_be_kept_for_ever_under_the_name_of_their_content(client: FlaskClient):
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', page(client, "/"))
    assert any(name.endswith("style.css") for name in named)
    for name in named:
        answer = client.get(name)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        of_before = client.get(re.sub("/static/[^/]+/", "/static/0123/", name))
        assert of_before.data == answer.data
        assert "immutable" not in of_before.headers["Cache-Control"]


def test_nothing_outside_the_static_folder_is_sent(client: FlaskClient):
    for path in ("../pages.py", "..%2fpages.py", "%2fetc/passwd", "nothing.js"):
        assert client.get(f"/static/0123/{path}").status_code == 404
