"""The page of all models: what a person finds at /models, where programs get JSON."""

import re
from pathlib import Path

import pytest
from dashboard import text
from flask.testing import FlaskClient
from keyed import bearing, entry, written
from traffic import Traffic

from app import create_app
from bench.wines import load
from serving import clock
from serving.settings import Settings
from serving.versions.decisions import Decisions
from serving.versions.versions import Versions

BROWSER = {"Accept": "text/html", "Accept-Language": "pt-BR"}


def shown(client: FlaskClient, **headers: str) -> str:
    page = client.get("/models", headers=BROWSER | headers)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    return page.text


def test_each_model_has_figures_traffic_verdict_and_links(models: Path, tmp_path: Path):
    settings = Settings(models_dir=models, var_dir=tmp_path / "var")
    traffic = Traffic(settings)
    traffic.come(load().sample(40, random_state=1), clock.now())
    traffic.check(clock.now())
    Versions(Decisions.from_settings(settings), "ana").retire("diabetes", None, "of no use")
    client = create_app(settings).test_client()
    page = shown(client)
    wine = page[page.index('id="model-1"') : page.index('id="model-2"')]
    assert "modelo padrão" in wine
    assert re.search(r"ROC AUC 0,\d+ ± 0,\d+", text(wine))
    assert "Predições na última hora 40 em uma requisição" in text(wine)
    assert "não há dados suficientes" in text(wine)
    for path in ("/?model=wine", "/models/wine/card", "/models/wine/versions", "/monitor/wine"):
        assert f'href="{path}"' in wine
    assert "data-retire" not in wine  # the default model
    assert 'data-retire="/models/wine-score/versions"' in page
    retired = page[page.index('id="retired"') :]
    assert "diabetes" in retired
    assert "ana: of no use" in text(retired)
    assert 'data-restore="/models/diabetes/versions"' in retired
    assert client.get("/models").json["default"] == "wine"


def test_what_is_broken_is_shown_with_its_reason(models: Path, tmp_path: Path):
    (models / "wine-score/1/model.json").write_text("{")
    (models / "diabetes/trial").write_text("7\n")
    page = text(shown(create_app(Settings(models_dir=models, var_dir=tmp_path)).test_client()))
    assert "Uma versão está fora do ar: wine-score 1: model.json" in page
    assert "Uma versão está fora do ar: diabetes 7" in page


def test_a_key_sees_its_models_and_what_its_scopes_allow(tmp_path: Path):
    keys = written(shop=entry("shop", "predict", models=["wine"]), ana=entry("ana", "admin"))
    client = create_app(Settings(var_dir=tmp_path, api_keys=keys)).test_client()
    page = shown(client, **bearing("shop"))
    assert "diabetes" not in page
    assert "/monitor/wine" not in page
    assert "Predições na última hora" not in text(page)
    assert "a chave precisa do escopo admin" in text(page)
    assert "data-retire=" in shown(client, **bearing("ana"))


def test_a_store_that_is_down_or_not_there_yet_takes_away_no_model(tmp_path: Path):
    for url, sentence in (
        ("postgresql://localhost:1/nothing", "O tráfego e os vereditos não podem ser lidos"),
        ("", "wine"),
    ):
        settings = Settings(var_dir=tmp_path, database_url=url)
        page = text(shown(create_app(settings).test_client()))
        assert sentence in page
        assert "diabetes" in page


def test_of_much_traffic_only_so_much_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("serving.recording.store.recent.MAX_ROWS", 10)
    settings = Settings(var_dir=tmp_path)
    Traffic(settings).come(load().sample(11, random_state=1), clock.now())
    assert "mais de 10" in text(shown(create_app(settings).test_client()))
