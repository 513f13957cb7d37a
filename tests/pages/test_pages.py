"""Pages as a browser is sent them; what it then does with them is in tests/browser."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from artefacts import made, put_live
from conftest import ROOT, rewrite
from flask.testing import FlaskClient
from sklearn.linear_model import LogisticRegression

from app import create_app
from serving.api.pages.words import ENGLISH, PORTUGUESE, Words
from serving.inputs.field import Field
from serving.models.artefact import CARD
from serving.settings import Settings

PAGES = ROOT / "serving/api/pages"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
# The first argument of t(), in one piece or in several that Python joins.
SHOWN = re.compile(r"""\bt\(\s*((?:"[^"]*"\s*)+|'[^']*')""")


def page(client: FlaskClient, path: str, language: str = "en") -> str:
    """A page as a browser with this language gets it."""
    response = client.get(path, headers=BROWSER | {"Accept-Language": language})
    assert (response.status_code, response.mimetype) == (200, "text/html"), response.text
    return response.text


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


def of(models: Path, tmp_path: Path) -> FlaskClient:
    """The app on a models folder of one's own."""
    return create_app(Settings(models_dir=models, var_dir=tmp_path / "var")).test_client()


def test_a_form_has_an_input_for_every_field_filled_with_the_example(client: FlaskClient):
    form = page(client, "/")
    example = client.get("/example").json["input"]
    for name, value in example.items():
        assert f'name="{name}"' in form
        chosen = f"<option selected>{value}</option>"
        assert (chosen if isinstance(value, str) else f'value="{value:g}"') in form


def test_a_form_has_room_for_an_explanation_and_for_what_if(client: FlaskClient):
    for language, title in (("en", "What if"), ("pt-BR", "E se")):
        sent = page(client, "/?model=diabetes", language)
        assert re.search(r'<section class="card" id="why" .+ hidden>', sent)
        assert f'<h2 id="what-if-title">{title}</h2>' in sent
        script = re.search(r'id="model">(.+)</script>', sent)
        assert script
        assert json.loads(script[1])["what_if"] == "/models/diabetes/what-if"


def test_curl_gets_a_card_as_json_and_a_browser_as_a_page(client: FlaskClient):
    sent = client.get("/models/wine/card").json
    assert (sent["name"], sent["version"], sent["metric"]) == ("wine", 1, "roc_auc")
    assert len(sent["roc"]["bom"]) <= 200
    card = page(client, "/models/wine/card")
    for shown in ("0.8554", "CC BY 4.0", "ROC", "5320", "largest F1"):
        assert shown in card
    assert client.get("/models/wine/versions/1/card").json == sent
    assert client.get("/models/vine/card").status_code == 404
    assert client.get("/models/wine/versions/7/card").status_code == 404


def test_a_card_shows_the_effects_of_the_fields_where_training_wrote_them(
    models: Path, tmp_path: Path
):
    def without_effects(_: object, contents: dict[str, bytes]) -> None:
        known = json.loads(contents[CARD])
        effects = ("contributions", "contribution_unit", "dependence")
        contents[CARD] = json.dumps({k: v for k, v in known.items() if k not in effects}).encode()

    client = of(models, tmp_path)
    effects = "Importância das variáveis (contribuição média)", "Dependência parcial"
    for each in (*effects, "|contribuição| média, em probabilidade", "linhas no treino"):
        assert each in page(client, "/models/wine/card", "pt-BR")
    assert "0,0787" in page(client, "/models/wine/card", "pt-BR")
    version = rewrite(models, without_effects)
    older = page(client, f"/models/wine/versions/{version}/card", "pt-BR")
    assert not any(each in older for each in effects)


def test_a_page_lists_every_version_and_every_decision(models: Path, tmp_path: Path):
    rewrite(models, lambda manifest, _: manifest["metrics"]["roc_auc"].update(mean=0.9))
    decision = {"time": 1_790_000_000_000, "model": "wine", "action": "promote", "before": 1}
    promoted = decision | {"version": 2, "who": "ana", "why": "<i>trained</i> on June"}
    (models / "wine/decisions.jsonl").write_text(json.dumps(promoted) + "\n")
    sent = page(of(models, tmp_path), "/models/wine/versions")
    assert "/models/wine/versions/2/card" in sent
    assert "ROC AUC 0.9 ±" in sent
    assert "version 2 put live" in sent
    assert "&lt;i&gt;trained&lt;/i&gt; on June" in sent


def test_a_version_without_a_card_still_has_its_pages(models: Path, tmp_path: Path):
    version = rewrite(models, lambda _, contents: contents.pop(CARD))
    client = of(models, tmp_path)
    card = page(client, f"/models/wine/versions/{version}/card")
    assert "balanced accuracy" in card
    assert client.get(f"/models/wine/versions/{version}/card").json["name"] == "wine"


HOSTILE = "</script><script>alert(1)</script>\"'&{{ 7 * 7 }}"


def test_whatever_a_model_is_called_its_pages_are_text(tmp_path: Path, models: Path):
    frame = pd.DataFrame({HOSTILE: [0.0, 1, 2, 3], "income": [1.0, 2, 3, 4]})
    fitted = LogisticRegression().fit(frame.to_numpy(), [HOSTILE, "no", HOSTILE, "no"])
    fields = (Field(name=HOSTILE), Field(name="income"))
    put_live(models, made("odd", fitted, frame, title=HOSTILE, fields=fields))
    client = of(models, tmp_path)
    for path in ("/?model=odd", "/models/odd/card"):
        for language in ("en", "pt-BR"):
            sent = page(client, path, language)
            assert "<script>alert" not in sent
            assert "49" not in re.sub(r"sha256.*|/static/\w+|[0-9a-f]{9,}", "", sent)
    assert 'name="income"' in page(client, "/?model=odd")


def test_a_model_that_is_broken_is_not_offered(models: Path, tmp_path: Path):
    client = of(models, tmp_path)
    assert "/?model=diabetes" in page(client, "/")
    shutil.copy(models / "wine/1/model.json", models / "diabetes/1/model.json")
    client = of(models, tmp_path)
    assert "/?model=diabetes" not in page(client, "/")
    assert client.get("/?model=diabetes", headers=BROWSER).status_code == 503
