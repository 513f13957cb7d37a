"""The page of all models: retire one, and serve it again."""

from collections.abc import Iterator
from typing import Any

import committed
import pytest
from conftest import Open, fits, pictured
from playwright.sync_api import expect
from servers import gunicorn, running, wait_until
from traffic import Traffic

from bench.wines import load
from serving import clock
from serving.settings import Settings


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service with an hour of traffic, and a version that cannot be served."""
    folder = tmp_path_factory.mktemp("models-page")
    models = committed.copy(folder / "models")
    settings = Settings(models_dir=models, var_dir=folder / "var")
    traffic = Traffic(settings)
    traffic.come(load().sample(300, random_state=1), clock.now())
    traffic.check(clock.now())
    (models / "wine-score" / "trial").write_text("7\n")
    with running(gunicorn(), folder / "log", MODELS_DIR=str(models)) as started:
        yield started


def test_a_model_is_retired_and_served_again(open_page: Open):
    page = open_page("/")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Models").click()
    expect(page.get_by_role("region", name="wine version 1")).to_contain_text("ROC AUC")
    pictured(page, "models")
    page.get_by_role("button", name="Retire it diabetes").click()
    expect(page.get_by_role("dialog", name="Retire the model diabetes?")).to_be_visible()
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("of no use")
    pictured(page, "models-retire")
    page.keyboard.press("Enter")
    retired = page.get_by_role("region", name="Retired")
    expect(retired).to_contain_text("of no use")
    wait_until(lambda: page.request.get("/models/diabetes").status == 404)
    retired.get_by_role("button", name="Serve again diabetes").click()
    expect(page.get_by_role("region", name="diabetes version 1")).to_be_visible()
    wait_until(lambda: page.request.get("/models/diabetes").ok)


def test_a_phone_in_portuguese_shows_all_models_in_the_dark(open_page: Open):
    page = open_page("/models", language="pt-BR", phone=True, dark=True)
    expect(page.get_by_role("region", name="wine-score")).to_contain_text("fora do ar")
    expect(page.get_by_role("link", name="Modelos")).to_have_attribute("aria-current", "page")
    page.get_by_role("button", name="Aposentar diabetes").click()
    assert fits(page)
    pictured(page, "models-phone-retire")
    page.get_by_role("button", name="Manter").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    pictured(page, "models-phone")
