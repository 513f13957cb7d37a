"""The API's document in a browser: shown, and tried out as it stands."""

import json

from conftest import Open, fits, pictured
from playwright.sync_api import expect

GROUP, PREDICT = "#operations-tag-default_model", "#operations-default_model-predict"


def test_a_prediction_is_tried_out_as_it_stands(open_page: Open):
    page = open_page("/docs")
    page.locator(".opblock-tag").first.wait_for()
    expect(page.locator(".opblock")).to_have_count(0)
    pictured(page, "docs-groups", by_others=True)
    page.locator(".operation-filter-input").fill("default")
    expect(page.locator(".opblock-tag")).to_have_count(1)
    page.locator(GROUP).click()
    page.locator(PREDICT).locator(".opblock-summary-control").click()
    page.locator(PREDICT).get_by_role("button", name="Execute").click()
    response = page.locator(PREDICT).locator(".live-responses-table .highlight-code pre").first
    response.wait_for()
    assert json.loads(response.inner_text())["prediction"] in {"bom", "ruim"}
    pictured(page, "docs", by_others=True)


def test_the_document_can_be_read_on_a_phone_in_the_dark(open_page: Open):
    page = open_page("/docs", phone=True, dark=True, language="pt-BR")
    page.locator(GROUP).click()
    page.locator(PREDICT).wait_for()
    assert "Insomnia e afins" in page.inner_text("main")
    assert fits(page)
    pictured(page, "docs-phone", by_others=True)
