"""Forms, cards and lists of versions of each model."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
from artefacts import made, put_live
from conftest import rewrite
from flask.testing import FlaskClient
from paged import BROWSER, page
from sklearn.linear_model import LogisticRegression

from app import create_app
from serving.inputs.field import Field
from serving.models.artefact import CARD
from serving.settings import Settings


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
