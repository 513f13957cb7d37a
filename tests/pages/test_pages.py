"""Pages as a browser is sent them; what it then does with them is in tests/browser."""

import json
import re

import pytest
from conftest import ROOT
from flask.testing import FlaskClient
from paged import BROWSER, page

from serving.api.pages.words import ENGLISH, PORTUGUESE, Words

PAGES = ROOT / "serving/api/pages"


# The first argument of t(), in one piece or in several that Python joins.
SHOWN = re.compile(r"""\bt\(\s*((?:"[^"]*"\s*)+|'[^']*')""")


@pytest.mark.parametrize("language", ["en", "pt-BR"])
@pytest.mark.parametrize("path", ["/", "/models/wine/card", "/docs"])
def test_a_page_has_the_products_name(client: FlaskClient, path: str, language: str):
    sent = page(client, path, language)
    assert re.search(r"<title>.+ · Adega</title>", sent)
    assert re.search(r'<a class="home" href="/">.+ Adega</a>', sent)


def test_curl_gets_an_index_of_what_can_be_opened(client: FlaskClient):
    index = client.get("/").json
    assert index["default"] == "wine"
    assert {"/", "/models", "/example", "/health/ready"} <= set(index["links"])
    for path in index["links"]:
        assert client.get(path).status_code in {200, 503}  # 503: no store was made here


@pytest.mark.parametrize(
    ("preferred", "language"),
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
    client: FlaskClient, preferred: str, language: str
):
    response = client.get("/", headers=BROWSER | {"Accept-Language": preferred})
    assert f'<html lang="{language}">' in response.text
    assert response.headers["Content-Language"] == language
    assert {"Accept", "Accept-Language"} <= set(response.vary)


def test_every_text_of_a_page_has_its_portuguese_and_no_translation_is_unused():
    translations: dict[str, str] = {}
    for file in (PAGES / "portuguese").glob("*.json"):
        own = json.loads(file.read_text(encoding="utf-8"))
        assert not own.keys() & translations.keys(), file
        translations |= own
    shown = {
        "".join(text.split('"')[1::2]) if text[0] == '"' else text[1:-1]
        for file in [
            *(PAGES / "templates").iterdir(),
            *(PAGES / "static").glob("*.js"),
            *PAGES.glob("*.py"),
        ]
        if file.name != "chart.umd.js"
        for text in SHOWN.findall(file.read_text(encoding="utf-8"))
    }
    assert shown == translations.keys()
    for english, portuguese in translations.items():
        names = re.compile(r"\{(\w+)(?::[^{}|]*\|[^{}|]*)?\}")
        assert {*names.findall(english)} == {*names.findall(portuguese)}, english


def test_a_page_may_run_no_script_but_the_services_own(client: FlaskClient):
    response = client.get("/", headers=BROWSER)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_static_files_may_be_kept_for_ever_under_the_name_of_their_content(client: FlaskClient):
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', page(client, "/"))
    assert any(name.endswith("style.css") for name in named)
    for name in named:
        response = client.get(name)
        assert response.status_code == 200
        assert "immutable" in response.headers["Cache-Control"]
        of_before = client.get(re.sub("/static/[^/]+/", "/static/0123/", name))
        assert of_before.data == response.data
        assert "immutable" not in of_before.headers["Cache-Control"]


def test_nothing_outside_the_static_folder_is_sent(client: FlaskClient):
    for path in ("../pages.py", "..%2fpages.py", "%2fetc/passwd", "nothing.js"):
        assert client.get(f"/static/0123/{path}").status_code == 404


@pytest.mark.parametrize(
    ("value", "digits", "english", "portuguese"),
    [
        (0.0134, 2, "0.013", "0,013"),
        (0.5, 4, "0.5", "0,5"),
        (1998, 4, "1998", "1998"),
        (-9999.6, 4, "-10,000", "-10.000"),
        (94763.2, 4, "94,763", "94.763"),
        (9.1234e-7, 3, "9.12\xa0\xd7\xa010⁻⁷", "9,12\xa0\xd7\xa010⁻⁷"),
        (2e21, 3, "2\xa0\xd7\xa010²¹", "2\xa0\xd7\xa010²¹"),
        (-0.216, 2, "-0.22", "-0,22"),
        (0.0, 3, "0", "0"),
        (9.999, 2, "10", "10"),
        (1.03898, 6, "1.03898", "1,03898"),
    ],
)
def test_numbers_are_written_as_the_reader_does(
    value: float, digits: int, english: str, portuguese: str
):
    assert Words(ENGLISH, {}).number(value, digits) == english
    assert Words(PORTUGUESE, {}).number(value, digits) == portuguese


@pytest.mark.parametrize(
    ("value", "decimals", "english", "portuguese"),
    [
        (503669.123, 0, "503,669", "503.669"),
        (5.6234, 1, "5.6", "5,6"),
        (6.0, 1, "6", "6"),
        (0.0234, 1, "0.023", "0,023"),
        (-1234.5, 0, "-1234", "-1234"),
        (0.0, 2, "0", "0"),
    ],
)
def test_a_prediction_is_written_with_digits_that_fit_the_models_scale(
    value: float, decimals: int, english: str, portuguese: str
):
    assert Words(ENGLISH, {}).measured(value, "", decimals) == english
    assert Words(PORTUGUESE, {}).measured(value, "R$", decimals) == f"R$\u00a0{portuguese}"
